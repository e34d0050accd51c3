"""Windows of real motion out of a clip: what moves, how, seen in its own square.

The training mask is the paper's, |F| > mean |F|, of the first pair of frames alone, after the
camera's motion (a similarity, by RANSAC) has been taken away, and cut into connected things.
Flow is then followed over the window, so that V[t, :, cell] is the velocity of the *material* that
was in that cell in the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import GRID, Floats, Mask, Square, speed_of

FRAMES = 8
PICTURE = 64  # pixels a side of the first frame as the model sees it


@dataclass(frozen=True, slots=True)
class Limits:
    """Which windows are kept. ``area``: least share of the picture; ``cover``: largest; ``error``: mean
    grey levels by which followed pixels may change; ``slow`` and ``fast``: cells a frame;
    ``coherence``: |mean V| over mean |V|."""

    area: float = 0.004
    cover: float = 0.6
    error: float = 16.0
    slow: float = 0.1
    fast: float = 5.0
    coherence: float = 0.4
    things: int = 3


@dataclass(frozen=True, slots=True)
class Window:
    """``picture`` [64, 64, 3] uint8 and ``mask`` [32, 32] 0..1 of the first frame, turned so that the thing
    moves right; ``field`` [7, 2, 32, 32] in cells a frame; ``where`` in the clip it is."""

    picture: NDArray[np.uint8]
    mask: Floats
    field: Floats
    square: Square
    start: int
    stride: int
    name: str = ""

    @property
    def speed(self) -> float:
        """Mean motion along the direction, cells a frame."""
        return speed_of(self.field, self.mask)


@dataclass(slots=True)
class Followed:
    """A clip [T, H, W, 3] uint8 and its flow between frames ``stride`` apart, camera removed."""

    frames: NDArray[np.uint8]
    flows: dict[int, list[NDArray[np.float16]]] = field(default_factory=dict)

    def flow(self, stride: int) -> list[NDArray[np.float16]]:
        """Flow [H, W, 2] from every frame to the one ``stride`` later, computed once."""
        if stride not in self.flows:
            greys = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in self.frames]
            dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            found = (dis.calc(a, b, None) for a, b in zip(greys, greys[stride:], strict=False))
            self.flows[stride] = [without_camera(f).astype(np.float16) for f in found]
        return self.flows[stride]


def without_camera(flow: Floats) -> Floats:
    """Flow [H, W, 2] less the similarity that most of it agrees on."""
    height, width = flow.shape[:2]
    ys, xs = np.mgrid[4:height:8, 4:width:8].astype(np.float32)
    begin = np.stack([xs, ys], -1).reshape(-1, 2)
    end = begin + flow[4::8, 4::8].reshape(-1, 2)
    cv2.setRNGSeed(0)
    found, _ = cv2.estimateAffinePartial2D(begin, end, ransacReprojThreshold=0.7)
    if found is None:
        return flow
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    grid = np.stack([xs, ys], -1)
    return np.asarray(flow - (grid @ found[:, :2].T + found[:, 2] - grid), np.float32)


def things(flow: Floats, limits: Limits) -> list[Mask]:
    """The connected regions that move, largest first."""
    speed = np.hypot(flow[..., 0], flow[..., 1])
    moving = (speed > max(float(speed.mean()), 0.3)).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    moving = cv2.morphologyEx(cv2.morphologyEx(moving, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(moving)
    areas = stats[1:, cv2.CC_STAT_AREA] / moving.size
    order = [i for i in np.argsort(-areas) if limits.area <= areas[i] <= limits.cover]
    return [labels == i + 1 for i in order[: limits.things]]


def follow(flows: Sequence[NDArray[Any]], points: Floats, blur: float = 1.0) -> Floats:
    """Velocities [T, P, 2] of ``points`` [P, 2] carried along by flows [H, W, 2]."""
    place = points.reshape(-1, 1, 2).astype(np.float32)
    out = []
    for flow in flows:
        plane = flow.astype(np.float32)
        if blur > 1.5:
            plane = cv2.blur(plane, (round(blur), round(blur)))
        step = cv2.remap(plane, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out.append(step[:, 0])
        place = place + step
    return np.stack(out)


def windows(
    clip: Followed, strides: Sequence[int], hop: int, limits: Limits, name: str = ""
) -> Iterator[Window]:
    """Windows of FRAMES frames, ``stride`` apart, beginning every ``hop`` frames."""
    for stride in strides:
        last = len(clip.frames) - (FRAMES - 1) * stride
        for start in range(0, max(last, 0), hop):
            flows = [clip.flow(stride)[start + k * stride] for k in range(FRAMES - 1)]
            for mask in things(flows[0].astype(np.float32), limits):
                found = window(clip.frames, flows, mask, start, stride, limits, name)
                if found is not None:
                    yield found


def window(
    frames: NDArray[np.uint8], flows: Sequence[NDArray[Any]], mask: Mask, start: int, stride: int,
    limits: Limits, name: str = "",
) -> Window | None:  # fmt: skip
    """What moves inside ``mask`` as a Window, or None where the limits do not hold."""
    ys, xs = np.nonzero(mask)
    chosen = np.linspace(0, len(xs) - 1, min(len(xs), 600)).round().astype(int)
    points = np.stack([xs[chosen], ys[chosen]], -1).astype(np.float32)
    paths = follow(flows, points)
    mean = paths.mean((0, 1))
    coherence = np.hypot(*mean) / max(float(np.hypot(paths[..., 0], paths[..., 1]).mean()), 1e-6)
    if (
        coherence < limits.coherence
        or _changed(frames, points, paths, start, stride) > limits.error
    ):
        return None
    square = Square.around(mask, float(np.arctan2(mean[1], mean[0])))
    blur = square.side / GRID
    moved = follow(flows, square.points().reshape(-1, 2), blur).reshape(-1, GRID, GRID, 2)
    made = Window(
        picture=square.cut(frames[start], PICTURE), mask=square.inside(mask),
        field=square.to_cells(np.moveaxis(moved, -1, 1)), square=square, start=start, stride=stride,
        name=name,
    )  # fmt: skip
    return made if limits.slow <= made.speed <= limits.fast else None


def _changed(
    frames: NDArray[np.uint8], points: Floats, paths: Floats, start: int, stride: int
) -> float:
    """Mean change in grey levels of the points from the first frame to each later one."""
    greys = [
        cv2.cvtColor(frames[start + k * stride], cv2.COLOR_RGB2GRAY).astype(np.float32)
        for k in range(FRAMES)
    ]
    places = points + np.concatenate([np.zeros_like(paths[:1]), np.cumsum(paths, 0)])
    seen = [
        cv2.remap(g, p.reshape(-1, 1, 2).astype(np.float32), None, cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)[:, 0]
        for g, p in zip(greys, places, strict=True)
    ]  # fmt: skip
    return float(np.mean([np.abs(s - seen[0]).mean() for s in seen[1:]]))
