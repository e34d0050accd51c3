"""The paper's training samples out of a folder of videos: frames, mask, phrase, strength."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf.errors import CorruptData
from interleaf_followclick.canonical import Floats, Mask
from interleaf_followclick.captions import reduced
from interleaf_followclick.clips import Videos, squares
from interleaf_followclick.config import SamplesConfig
from interleaf_followclick.phrases import named
from interleaf_followclick.windows import Followed

EVERY = 10  # frames: of these are the pictures of composites


@dataclass(frozen=True, slots=True)
class Sample:
    """A short clip ``frames`` [L, H, W, 3] uint8 and what moves in it (``mask`` [H, W]), how (``prompt``;
    ``direction`` in radians), and how fast (``magnitude``: mean |F| in the mask, pixels a frame);
    ``swept`` [H, W]: where it is in any frame; ``flow`` [L − 1, H, W, 2] between its frames, camera
    removed. In real clips the mask is the union of what moves in any pair, as in the paper."""

    frames: NDArray[np.uint8]
    mask: Mask
    swept: Mask
    prompt: str
    caption: str
    magnitude: float
    direction: float
    flow: Floats
    clip_id: str
    start: int

    @property
    def first(self) -> NDArray[np.uint8]:
        """The picture that moves."""
        return self.frames[0]


def sample(
    clip: Followed, start: int, stride: int, frames: int, name: str, caption: str = ""
) -> Sample | None:
    """The window at ``start``, or None where too much moves or too little."""
    flow = np.stack([clip.flow(stride)[start + k * stride] for k in range(frames - 1)]).astype(
        np.float32
    )
    speed = np.hypot(flow[..., 0], flow[..., 1])
    moving = (speed > speed.mean((1, 2), keepdims=True)).any(0)  # M = ∪ [|F_i| > mean |F_i|]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    if not 0.005 <= opened.mean() <= 0.6:
        return None
    mean = flow[:, opened].mean((0, 1))
    magnitude = float(speed[:, opened].mean())
    if magnitude < 0.2:
        return None
    angle = float(np.arctan2(mean[1], mean[0]))
    shown = clip.frames[start : start + (frames - 1) * stride + 1 : stride]
    return Sample(
        shown,
        opened,
        opened,
        named(angle),
        caption or named(angle),
        magnitude,
        angle,
        flow,
        name,
        start,
    )


class Samples(Videos):
    """Samples of a folder of videos, squares of ``pixels`` a side cut from their middle.

    A file ``clip.json`` beside ``clip.mp4`` may give ``{"prompt": "pour", "caption": "…"}``; a caption
    alone is reduced to a prompt by rule.
    """

    Config = SamplesConfig

    @cached_property
    def every(self) -> list[Sample]:
        """All samples, found once."""
        c, out = self.config, []
        for name, file in self.files.items():
            told = _told(file)
            prompt = told.get("prompt") or (reduced(told["caption"]) if "caption" in told else "")
            clip = Followed(squares(file, c.pixels))
            for stride in c.strides:
                for start in range(0, len(clip.frames) - (c.frames - 1) * stride, c.hop):
                    found = sample(clip, start, stride, c.frames, name, told.get("caption", ""))
                    if found is not None:
                        out.append(replace(found, prompt=prompt) if prompt else found)
        return out + self._made_up()

    def _made_up(self) -> list[Sample]:
        from interleaf_followclick.composites import OVER, composites

        c = self.config
        if not c.composites:
            return []
        pictures = [p for f in self.files.values() for p in squares(f, OVER * c.pixels)[::EVERY]]
        return list(composites(pictures, c.composites, c.pixels, c.frames))

    def ids(self) -> Iterator[str]:
        """Clip, first frame, and a number."""
        return (f"{s.clip_id}.{s.start}.{i}" for i, s in enumerate(self.every))

    def _mark(self, file: Path) -> str:
        c = self.config
        beside = file.with_suffix(".json")
        told = beside.read_bytes() if beside.is_file() else b""
        return self.marked(file, (c.pixels, c.frames, c.strides, c.hop, c.composites), told)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        root = str(package_files("interleaf_followclick") / "examples" / "ball.gif")
        return {
            "configs": [
                SamplesConfig(root=root, strides=(1,), hop=3, pixels=48, frames=4, composites=2)
            ]
        }


def _told(file: Path) -> dict[str, str]:
    beside = file.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text("utf-8"))
    except ValueError as error:
        raise CorruptData(f"{beside}: {error}", hint='{"prompt": "pour"}') from None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise CorruptData(f"{beside} holds no texts by name", hint='{"prompt": "pour"}')
    return found
