"""Clips and sound as Datasets; video files as a Renderer."""

import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Renderer
from interleaf.values import Artifact, Audio, Clip, Frames
from interleaf_media.config import (
    AudioConfig,
    ClipsConfig,
    WriteVideoConfig,
)
from interleaf_media.naming import named, natural
from interleaf_media.saving import encode
from interleaf_media.sounds import read_audio
from interleaf_media.videos import Choice, open_video, read_clip

VIDEOS = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".ts",
        ".wmv",
        ".flv",
        ".3gp",
    )
) | {".gif", ".apng", ".webp", ".npz", ".ogv"}
SOUNDS = frozenset((".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff"))


class Files(Dataset):
    """Files of a folder, or one, read one at a time; subclasses say which and how."""

    suffixes: frozenset[str] = frozenset()
    what = "files"

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """The files by id; raises InvalidInput when there are none."""
        root, pattern = Path(self.config.root), self.config.pattern
        if not root.exists():
            raise InvalidInput(f"{root}: no such file or folder", hint=f"root names {self.what}")
        if root.is_file():
            return {root.stem: root}
        found = [f for f in root.glob(pattern) if f.is_file() and not f.name.startswith(".")]
        if pattern == "*":
            found = [f for f in found if f.suffix.lower() in self.suffixes]
        if not found:
            raise InvalidInput(f"{root}: no {self.what} match '{pattern}'", hint="see pattern")
        return named(root, sorted(found, key=lambda f: natural(f.relative_to(root).as_posix())))

    def open(self, ctx: Context | None = None) -> "Files":
        """The dataset; what was lost or mended in a file is told to the monitor when it is read."""
        self.ctx = ctx or Context()
        return self

    @property
    def ctx(self) -> Context:
        """The context of ``open``; a silent one for a dataset that was never opened."""
        return self.__dict__.get("_ctx") or Context()

    @ctx.setter
    def ctx(self, ctx: Context) -> None:
        self.__dict__["_ctx"] = ctx

    def read(self, file: Path) -> Any:
        """The value of one file."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return (self.read(file) for file in self.files.values())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        return self.read(list(self.files.values())[index])

    def ids(self) -> Iterator[str]:
        """File names without their suffix, relative to the root."""
        return iter(self.files)

    def fingerprint(self) -> str:
        """BLAKE2b of ids, parameters other than the root, and file contents."""
        config = {n: getattr(self.config, n) for n in self.config.__slots__ if n != "root"}
        digest = hashlib.blake2b(repr(sorted(config.items())).encode(), digest_size=16)
        for name, file in self.files.items():
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
            digest.update(name.encode() + b"\0" + content.digest())
        return digest.hexdigest()


class Clips(Files):
    """Video files as clips: frames and their sound."""

    Config = ClipsConfig
    suffixes = VIDEOS
    what = "videos"

    def read(self, file: Path) -> Clip:
        """One clip; raises InvalidInput or CorruptData naming the file."""
        c = self.config
        choice = Choice(
            start=Fraction(str(c.start)), stop=Fraction(str(c.stop)) if c.stop else None,
            fps=Fraction(str(c.fps)) if c.fps else None, stride=c.stride, limit=c.limit,
        )  # fmt: skip
        size = None
        if c.width or c.height:
            size = _size(open_video(file, backend=c.reader).info, c.width, c.height)
        found = read_clip(file, choice, size=size, bits=c.bits, sound=c.sound, backend=c.reader)
        for note in found.notes:
            self.ctx.monitor.notice(f"{file.name}: {note}")
        return found.clip

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        root = str(package_files("interleaf_media") / "examples" / "ball.gif")
        return {"configs": [ClipsConfig(root=root), ClipsConfig(root=root, width=20, fps=7)]}


def _size(info: Any, width: int, height: int) -> tuple[int, int]:
    width = width or max(1, round(info.width * height / info.height))
    return width, height or max(1, round(info.height * width / info.width))


class Sounds(Files):
    """Sound files, or the sound of videos."""

    Config = AudioConfig
    suffixes = SOUNDS
    what = "sounds"

    def read(self, file: Path) -> Audio:
        """One sound; raises InvalidInput for a file without, or one that ends before ``start``, CorruptData
        for a broken one."""
        c = self.config
        sound = read_audio(file, rate=c.rate, channels=c.channels)
        if not (c.start or c.stop):
            return sound
        first, end = round(c.start * sound.rate), round(c.stop * sound.rate) or None
        part = sound.samples[first:end]
        if not len(part):
            last = len(sound.samples) / sound.rate
            raise InvalidInput(
                f"{file} has no sound from {c.start:g} to {c.stop:g} s",
                hint=f"it ends at {last:.3g} s",
            )
        return Audio(part, sound.rate)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        root = str(package_files("interleaf_media") / "examples" / "chirp.wav")
        return {"configs": [AudioConfig(root=root), AudioConfig(root=root, rate=4000, stop=0.1)]}


class WriteVideo(Renderer):
    """A clip as a file."""

    Config = WriteVideoConfig
    media_type = "video/mp4"

    def render(self, frames: Frames, audio: Audio | None = None) -> Artifact:
        """The file's bytes, equal for equal input. GIF, APNG and .npz hold no sound."""
        c = self.config
        notes = {k: v for k, v in (("title", c.title), ("comment", c.comment)) if v}
        return encode(
            frames.pixels,
            frames.fps,
            c.codec,
            crf=c.crf,
            lossless=c.lossless,
            audio=audio,
            metadata=notes,
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        frames, audio = example_frames(), example_audio()
        configs = [
            WriteVideoConfig(),
            WriteVideoConfig(codec="ffv1"),
            WriteVideoConfig(codec="gif"),
        ]
        calls = {"render": [{"frames": frames, "audio": audio}, {"frames": frames}]}
        return {"configs": configs, "calls": calls}


def example_frames(count: int = 5, height: int = 22, width: int = 31) -> Frames:
    """A bright disc that moves to the right over a ramp, always the same."""
    ys, xs = np.mgrid[:height, :width]
    ramp = np.stack([xs * 4, ys * 5, (xs + ys) * 2], -1).astype(np.uint8)
    stack = np.repeat(ramp[None], count, 0)
    for t, frame in enumerate(stack):
        frame[(xs - 8 - 2 * t) ** 2 + (ys - height // 2) ** 2 < 25] = (250, 220, 90)
    return Frames(stack, Fraction(10))


def example_audio(seconds: float = 0.5, rate: int = 16000) -> Audio:
    """A rising tone, always the same."""
    t = np.arange(int(seconds * rate)) / rate
    return Audio(
        (0.4 * np.sin(2 * np.pi * (220 * t + 200 * t * t)))[:, None].astype(np.float32), rate
    )
