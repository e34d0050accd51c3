"""Clips to look at, and their motion, as components."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Model, Renderer
from interleaf.values import Frames, Image, Item
from interleaf_media import composites
from interleaf_media.clips import example_frames
from interleaf_media.config import (
    FlowColorConfig,
    FlowConfig,
    LayoutConfig,
    OverlayConfig,
    SheetConfig,
)
from interleaf_media.flow import estimator


@dataclass(frozen=True, slots=True, eq=False)
class FlowField:
    """Motion between neighbouring frames: ``vectors`` [T − 1, H, W, 2] float32, x to the right and y down,
    pixels a frame, at the place they start from; ``fps`` of the clip."""

    vectors: Any
    fps: Fraction

    def __post_init__(self) -> None:
        if self.vectors.ndim != 4 or self.vectors.shape[-1] != 2:
            raise InvalidInput(f"a flow is T×H×W×2, got shape {tuple(self.vectors.shape)}")


class ContactSheet(Renderer):
    """Frames spread over a clip, with their numbers and times."""

    Config = SheetConfig

    def render(self, frames: Frames) -> Image:
        """The sheet as a picture."""
        c = self.config
        shown = [composites.eight(f) for f in _some(frames, c.count)]
        numbers = _places(len(frames), c.count)
        sheet = composites.contact_sheet(
            shown, frames.fps, count=c.count, columns=c.columns, width=c.width, numbers=numbers
        )
        return Image(sheet)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [SheetConfig(count=3)],
            "calls": {"render": [{"frames": example_frames()}]},
        }


def _places(length: int, count: int) -> list[int]:
    if not length:
        raise InvalidInput("the clip has no frame")
    return [int(i) for i in np.unique(np.linspace(0, length - 1, min(count, length)).round())]


def _some(frames: Frames, count: int) -> list[Any]:
    return [frames.pixels[i] for i in _places(len(frames), count)]


class Compose(Renderer):
    """Clips beside each other, or each movement in one picture."""

    Config = LayoutConfig

    def render(self, clips: Sequence[Any]) -> Frames:
        """Frames at the first clip's rate; shorter clips stay at their last frame."""
        items = [c if isinstance(c, Item) else Item(c, "") for c in clips]
        if not items:
            raise InvalidInput("there is no clip to show")
        labels = self.config.labels or tuple(i.label for i in items)
        if len(labels) != len(items):
            raise InvalidInput(f"{len(labels)} labels for {len(items)} clips")
        shown = [[composites.eight(f) for f in item.value.pixels] for item in items]
        fps = items[0].value.fps
        if self.config.layout == "onion":
            shown, fps = [[composites.onion(s, self.config.count)] for s in shown], Fraction(1)
        return Frames(np.stack(composites.side_by_side(shown, labels, self.config.columns)), fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        clips = [Item(example_frames(), "a"), Item(example_frames(3), "b")]
        configs = [LayoutConfig(), LayoutConfig(layout="onion")]
        return {"configs": configs, "calls": {"render": [{"clips": clips}]}}


class Overlay(Renderer):
    """A clip with a mask tinted into it."""

    Config = OverlayConfig

    def render(self, frames: Frames, mask: Frames) -> Frames:
        """``mask`` is set where its first channel is above half; one mask serves all frames."""
        if not len(frames) or not len(mask):
            raise InvalidInput("a clip and a mask of at least one frame are needed")
        masks = masks_of(mask, len(frames))
        shown = [
            composites.overlay(composites.eight(f), m, self.config.alpha)
            for f, m in zip(frames.pixels, masks, strict=True)
        ]
        return Frames(np.stack(shown), frames.fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        frames = example_frames()
        mask = Frames((frames.pixels[:1, ..., :1] > 100).astype(np.uint8) * 255, frames.fps)
        calls = {"render": [{"frames": frames, "mask": mask}]}
        return {"configs": [OverlayConfig()], "calls": calls}


def masks_of(mask: Frames, count: int) -> list[Any]:
    """Masks [H, W] for each of ``count`` frames: one for all, or as many."""
    top = 1.0 if mask.pixels.dtype.kind == "f" else float(np.iinfo(mask.pixels.dtype).max)
    found = [m[..., 0] > top / 2 for m in mask.pixels]
    if len(found) == 1:
        return found * count
    if len(found) != count:
        raise InvalidInput(
            f"{len(found)} masks for {count} frames", hint="one mask, or one a frame"
        )
    return found


class Flow(Model):
    """Optical flow between neighbouring frames, through OpenCV or torchvision's RAFT."""

    Config = FlowConfig

    def apply(self, frames: Frames) -> FlowField:
        """T − 1 flows; raises InvalidInput for a clip of fewer than two frames, WeightsMissing for RAFT
        without its file."""
        if len(frames) < 2:
            raise InvalidInput(f"motion needs two frames, the clip has {len(frames)}")
        p = frames.pixels
        c = self.config
        by = estimator(c.method, c.file or "", c.random)
        flows = [by.flow(_whole(a), _whole(b)) for a, b in itertools.pairwise(p)]
        return FlowField(np.stack(flows), frames.fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        calls = {"apply": [{"frames": example_frames(3)}]}
        return {"configs": [FlowConfig(), FlowConfig(method="farneback")], "calls": calls}


def _whole(pixels: Any) -> Any:
    return composites.eight(pixels) if pixels.dtype.kind == "f" else pixels


class FlowColor(Renderer):
    """Motion as colour (the Middlebury wheel): direction as hue, speed as saturation."""

    Config = FlowColorConfig

    def render(self, flow: FlowField) -> Frames:
        """Frames, one for each flow, on one scale."""
        largest = self.config.largest or float(
            np.hypot(*np.moveaxis(flow.vectors, -1, 0)).max(initial=0.0)
        )
        shown = [composites.flow_to_color(v, max(largest, 1e-6)) for v in flow.vectors]
        if not shown:
            raise InvalidInput("the flow has no frame")
        return Frames(np.stack(shown), flow.fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        vectors = np.linspace(-2, 2, 2 * 5 * 6 * 2, dtype=np.float32).reshape(2, 5, 6, 2)
        calls = {"render": [{"flow": FlowField(vectors, Fraction(5))}]}
        return {"configs": [FlowColorConfig()], "calls": calls}
