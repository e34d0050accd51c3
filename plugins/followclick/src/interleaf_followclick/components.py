"""Segmentation and animation as Models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Fitted, Model, Schedule
from interleaf.values import Frames, Image, Item
from interleaf_followclick.canonical import GRID, Mask, Square
from interleaf_followclick.config import ClipsConfig, FlowWarpConfig, SegmentConfig
from interleaf_followclick.diffusion import Denoising, Motion
from interleaf_followclick.drawing import Gaussian, Learned, Retrieval, Rigid
from interleaf_followclick.fields import Statistics
from interleaf_followclick.flowwarp import Animation, Draw, Region, animate
from interleaf_followclick.phrases import UnknownPhrase
from interleaf_followclick.reading import each, mask_image, mask_of, pairs, photo_of
from interleaf_followclick.rendering import Pixels, Splat
from interleaf_followclick.segmenting import Click, grabcut
from interleaf_followclick.splatting import splat
from interleaf_followclick.windows import Window
from interleaf_training.config import Recipe
from interleaf_training.loop import train
from interleaf_training.model import TorchModel, load_weights

SHIPPED = Path(str(package_files("interleaf_followclick"))) / "weights"
DEFAULT = "gaussian"  # what ``auto`` is: the better one on fresh clips (BENCHMARKS.md)


class Segment(Model):
    """The thing under a click."""

    Config = SegmentConfig

    def apply(
        self, image: Image, at: Sequence[float] = (), exclude: Sequence[float] = (),
        ctx: Context | None = None,
    ) -> Image:  # fmt: skip
        """The best mask as a picture [H, W, 1], white inside; InvalidInput where there is nothing."""
        photo = photo_of(image)
        size = photo.shape[0], photo.shape[1]
        if not at:
            raise InvalidInput("no click was given", hint="at: x, y in pixels")
        inside, outside = pairs(at, size, "at"), pairs(exclude, size, "exclude")
        masks, _ = self.segment(photo, inside, outside)
        if masks[0].all():
            (ctx or Context()).monitor.notice("the mask covers the whole picture")
        return mask_image(masks[0])

    def segment(
        self, photo: Pixels, include: Sequence[Click], exclude: Sequence[Click] = (), most: int = 1
    ) -> tuple[list[Mask], list[float]]:
        """At most ``most`` masks [H, W], best first, with scores; clicks are (x, y) in pixels."""
        if self.config.method == "sam":
            from interleaf_followclick.sam import Sam

            masks, scores = Sam.read(self.config.weights).segment(photo, include, exclude)
        else:
            masks, scores = grabcut(photo, include, exclude, most)
        if not masks or not masks[0].any():
            told = ", ".join(f"({x:g}, {y:g})" for x, y in include)
            raise InvalidInput(
                f"nothing stands out at the click {told}",
                hint="click nearer to its middle, or draw a mask and give it instead",
            )
        return masks, scores

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        calls = [
            {"image": example_picture(), "at": (30.0, 20.0)},
            {"image": example_picture(), "at": (0.0, 0.0), "exclude": (30.0, 20.0)},
        ]
        return {"configs": [SegmentConfig()], "calls": {"apply": calls}}


class FlowWarp(TorchModel):
    """A photo whose masked things move."""

    Config = FlowWarpConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._clips: list[Window] | None = None

    def build(self) -> Motion:
        """The network of the configuration, untrained."""
        return Motion(self.config.width)

    @property
    def module(self) -> nn.Module:
        """The live network: what was fitted or loaded, else ``weights``, else the package's."""
        if self._module is None:
            folder = Path(self.config.weights) if self.config.weights else SHIPPED
            module = self.build()
            load_weights(module, folder)
            self._module = module
        return self._module

    def objective(self) -> nn.Module:
        """Denoising of motion planes."""
        return Denoising(self.motion)

    @property
    def motion(self) -> Motion:
        """The live network."""
        found = self.module
        assert isinstance(found, Motion)
        return found

    def draw(self) -> Draw:
        """The configured way to draw a motion."""
        c = self.config
        chosen = c.motion
        if chosen == "auto":
            chosen = "retrieval" if c.clips else DEFAULT
        if chosen == "rigid":
            return Rigid()
        if chosen == "retrieval":
            return self._seen()
        motion = self.motion.eval()
        if chosen == "learned":
            return Learned(motion, c.steps, c.smooth, c.flex)
        known = Statistics(motion.std.cpu().numpy(), float(motion.length))
        return Gaussian(known, c.smooth, c.flex)

    def _seen(self) -> Draw:
        from interleaf_followclick.clips import Clips

        if not self.config.clips:
            raise InvalidInput("retrieval needs videos to find motions in", hint="clips: a folder")
        if self._clips is None:
            self._clips = list(Clips(ClipsConfig(root=self.config.clips)))
        if not self._clips:
            raise InvalidInput(f"{self.config.clips}: nothing moves in these videos")
        return Retrieval(self._clips, flex=self.config.flex)

    def animate(
        self, photo: Pixels, regions: Sequence[Region], *, frames: int = 16, seed: int = 0,
        still: Mask | None = None, device: str = "cpu",
    ) -> Animation:  # fmt: skip
        """Frames of a photo [H, W, 3] uint8, made one at a time; InvalidInput for an unknown phrase."""
        draw = self.draw()
        try:
            made = animate(
                photo, regions, draw, count=frames, seed=seed, still=still, carry=_carry(device)
            )
        except UnknownPhrase as error:
            raise InvalidInput(str(error), hint=f"say one of: {', '.join(error.near)}") from None
        made.notes += noted(regions, draw)
        return made

    def generate(
        self, image: Image, masks: Sequence[Item], still: Image | None = None,
        say: Sequence[str] = ("right",), strength: Sequence[float] = (4.0,), frames: int = 16,
        fps: float = 8.0, ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """The clip; a phrase and a strength (pixels a frame) for each mask, or one for all."""
        ctx, photo = ctx or Context(), photo_of(image)
        size = photo.shape[0], photo.shape[1]
        count = len(masks)
        found = [mask_of(m.value, size, m.label or f"mask {i}") for i, m in enumerate(masks)]
        words, speeds = each(say, count, "say"), each(strength, count, "strength")
        regions = [Region(m, w, s) for m, w, s in zip(found, words, speeds, strict=True)]
        kept = mask_of(still, size, "still") if still is not None else None
        made = self.animate(
            photo, regions, frames=frames, seed=ctx.seed % 2**63, still=kept, device=ctx.device
        )
        for note in made.notes:
            ctx.monitor.notice(note)
        stack = np.empty((frames, *photo.shape), np.uint8)
        for i, frame in enumerate(made.frames):
            stack[i] = frame
            ctx.monitor.progress(i + 1, frames)
        return Frames(stack, Fraction(str(fps)))

    def fit(
        self, data: Dataset, lr: Schedule | None = None, recipe: Recipe | None = None, limit: int = 0,
        ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """A model trained from the beginning on windows; its statistics are those of the windows."""
        from interleaf_followclick.learning import prepared, source

        ctx, recipe = ctx or Context(), recipe or Recipe()
        made = FlowWarp(self.config)
        made.initialise(ctx.seed)
        kept = prepared(list(data), made.motion, limit)
        values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
        done = train(made.objective(), source(kept, ctx.seed), recipe, values=values, ctx=ctx)
        return Fitted(made, done.log)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_followclick.learning import example_windows

        mask = np.zeros((40, 60), bool)
        mask[12:28, 20:40] = True
        once = {"image": example_picture(), "masks": [Item(mask_image(mask), "mask")]}
        recipe = Recipe(steps=4, batch=4, log_every=2, checkpoint_every=1)
        return {
            "configs": [
                FlowWarpConfig(motion="learned", width=16, steps=2),
                FlowWarpConfig(motion="gaussian", width=16),
            ],
            "calls": {
                "generate": [
                    {**once, "say": ("up left",), "strength": (2.0,), "frames": 4},
                    {**once, "say": ("closer",), "frames": 3},
                ],
                "fit": [{"data": Collection.of(example_windows()), "recipe": recipe}],
            },
        }


def noted(regions: Sequence[Region], draw: Draw) -> list[str]:
    """What a user should know of what was asked."""
    notes = ["a mask covers the whole picture: nothing stays" for r in regions if r.mask.all()]
    if not isinstance(draw, Learned):
        return notes
    low, high = draw.motion.speeds.tolist()
    for region in regions:
        speed = region.magnitude * GRID / Square.around(region.mask, 0.0).side
        if region.magnitude and not 0.7 * low <= speed <= 1.4 * high:  # sides differ by direction
            told = (
                f"slower than the slowest ({low:.2g})" if speed < low else f"faster than {high:.2g}"
            )
            notes.append(
                f"'{region.prompt}' at {region.magnitude:g} pixels a frame is {speed:.2g} cells, {told} of "
                "training: it moves as asked, and deforms as at that speed"
            )
    return notes


def _carry(device: str) -> Splat:
    if not device.startswith("cuda"):
        return splat
    from interleaf_followclick.splatting_triton import on

    return on(device)


def example_picture() -> Image:
    """A bright disc on a ramp, always the same."""
    ys, xs = np.mgrid[:40, :60]
    pixels = np.stack([xs * 2, ys * 3, xs + ys], -1).astype(np.uint8)
    pixels[(xs - 30) ** 2 + (ys - 20) ** 2 < 90] = (240, 200, 60)
    return Image(pixels)
