"""The parts of clips, as Models: frames, pictures, sound."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image as Pillow

from interleaf.errors import InvalidInput
from interleaf.interfaces import Model
from interleaf.values import Audio, Clip, Frames, Image
from interleaf_media.clips import example_audio, example_frames
from interleaf_media.config import AssembleConfig, FrameConfig, ResizeConfig


class Frame(Model):
    """One picture of a clip."""

    Config = FrameConfig

    def apply(self, frames: Frames) -> Image:
        """The frame at ``index``; raises InvalidInput beyond the ends."""
        count, index = len(frames), self.config.index
        if not -count <= index < count:
            raise InvalidInput(
                f"frame {index} of a clip of {count} frames", hint="numbers start at 0"
            )
        return Image(frames.pixels[index])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [FrameConfig(), FrameConfig(index=-1)]
        return {"configs": configs, "calls": {"apply": [{"frames": example_frames()}]}}


class Resize(Model):
    """A picture at another size; frames of a clip likewise, one by one."""

    Config = ResizeConfig

    def apply(self, image: Image) -> Image:
        """Lanczos over each channel, of the same type; the aspect is kept where a side is 0."""
        high, wide = image.pixels.shape[:2]
        c = self.config
        width = c.width or (max(1, round(wide * c.height / high)) if c.height else wide)
        height = c.height or max(1, round(high * width / wide))
        if (width, height) == (wide, high):
            return image
        scaled = [
            Pillow.fromarray(np.ascontiguousarray(channel, np.float32)).resize(
                (width, height), Pillow.Resampling.LANCZOS
            )
            for channel in np.moveaxis(image.pixels, -1, 0)
        ]
        pixels = np.stack([np.asarray(s) for s in scaled], -1)
        kind = image.pixels.dtype
        if kind.kind == "f":
            return Image(np.clip(pixels, 0.0, 1.0).astype(kind), image.icc)
        top = np.iinfo(kind).max
        return Image(np.clip(np.rint(pixels), 0, top).astype(kind), image.icc)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        picture = example_frames(1).pixels[0]
        deep, soft = picture.astype(np.uint16) * 257, (picture / 255).astype(np.float32)
        configs = [ResizeConfig(), ResizeConfig(width=9), ResizeConfig(width=40, height=7)]
        calls = [{"image": Image(p)} for p in (picture, deep[..., :1], soft)]
        return {"configs": configs, "calls": {"apply": calls}}


class Assemble(Model):
    """Pictures, in their order, as a clip."""

    Config = AssembleConfig

    def apply(self, images: Any) -> Frames:
        """Frames at ``fps``; raises InvalidInput for no pictures or pictures of different shape."""
        stack = [image.pixels for image in images]
        if not stack:
            raise InvalidInput("a clip needs at least one picture", hint="the dataset is empty")
        shapes = {(p.shape, str(p.dtype)) for p in stack}
        if len(shapes) > 1:
            raise InvalidInput(
                f"the pictures differ: {', '.join(f'{s} {d}' for s, d in sorted(shapes))}",
                hint="the frames of a clip have one size, one number of channels, one type",
            )
        return Frames(np.stack(stack), Fraction(str(self.config.fps)))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        images = Collection.of(list(example_frames()))
        return {"configs": [AssembleConfig()], "calls": {"apply": [{"images": images}]}}


class Split(Model):
    """A clip as its frames and its sound."""

    def apply(self, clip: Clip) -> Mapping[str, Any]:
        """``frames`` and ``audio``; a silent clip gives a sound without samples."""
        return {
            "frames": clip.frames,
            "audio": clip.audio or Audio(np.zeros((0, 1), np.float32), 16000),
        }

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        clips = [Clip(example_frames(), example_audio()), Clip(example_frames())]
        return {"configs": [cls.Config()], "calls": {"apply": [{"clip": c} for c in clips]}}


class Join(Model):
    """Frames and sound as a clip."""

    def apply(self, frames: Frames, audio: Audio | None = None) -> Clip:
        """A clip as long as its frames: longer sound is cut, shorter sound ends early."""
        if audio is None or not len(audio.samples):
            return Clip(frames)
        length = math.ceil(len(frames) / frames.fps * audio.rate)
        return Clip(frames, Audio(audio.samples[:length], audio.rate))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        inputs = [
            {"frames": example_frames(), "audio": example_audio()},
            {"frames": example_frames()},
        ]
        return {"configs": [cls.Config()], "calls": {"apply": inputs}}
