"""Is drawn motion like motion that happened? On windows of clips that training never saw.

For every window all generators get the same picture, mask, speed and direction, and draw K fields.
Proper scores compare the draws with the truth; Fréchet distance and the two-sample test compare
flow measured again, by DIS, on frames rendered from the first draw, with the flow of the real frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from interleaf_followclick.canonical import GRID, Floats, Mask, Square, folded
from interleaf_followclick.evaluating import scores
from interleaf_followclick.fields import path_of, unfolded
from interleaf_followclick.flowwarp import Draw
from interleaf_followclick.rendering import Moving, Pixels, frames
from interleaf_followclick.windows import FRAMES, Window, follow

RENDERED = 192  # pixels a side of the frames in which flow is measured again
BLOCK = 30  # frames of a clip that are resampled together


@dataclass(slots=True)
class Judged:
    """What one generator's draws are like, a number for each window."""

    energy: list[float] = field(default_factory=list)
    variogram: list[float] = field(default_factory=list)
    seen: list[scores.Doubles] = field(default_factory=list)
    folds: list[float] = field(default_factory=list)


def judge(
    windows: Sequence[Window], generators: Mapping[str, Draw], draws: int = 3, seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None, side: int = RENDERED,
) -> dict[str, Judged]:  # fmt: skip
    """All generators on all windows, and ``truth``: the real motion, rendered and measured again in frames
    of ``side`` pixels."""
    found = {name: Judged() for name in (*generators, "truth")}
    for i, w in enumerate(windows):
        real = scores.inside(w.field, w.mask)
        found["truth"].seen.append(scores.features(measured(w, w.field, side), w.mask, w.speed))
        found["truth"].folds.append(folded(w.field.sum(0), w.mask))
        for name, draw in generators.items():
            _one(found[name], w, real, drawn(w, draw, draws, [seed, i]), [seed, i], side)
        progress(i + 1, len(windows))
    return found


def _one(
    kept: Judged, w: Window, real: scores.Doubles, fields: Sequence[Floats], key: Sequence[int], side: int
) -> None:  # fmt: skip
    flat = [scores.inside(f, w.mask) for f in fields]
    kept.energy.append(scores.energy_score(flat, real))
    kept.variogram.append(scores.variogram_score(flat, real, np.random.default_rng([*key, 1])))
    kept.seen.append(scores.features(measured(w, fields[0], side), w.mask, w.speed))
    kept.folds.append(float(np.mean([folded(f.sum(0), w.mask) for f in fields])))


def drawn(w: Window, draw: Draw, count: int, key: Sequence[int]) -> list[Floats]:
    """Fields as they are rendered: drawn, and unfolded where they turn over."""
    rng = np.random.default_rng(key)
    out = []
    for _ in range(count):
        field_ = draw(w.picture, w.mask, w.speed, w.square.angle, rng)
        path = unfolded(path_of(field_, FRAMES, w.mask), w.mask)
        out.append(np.diff(path, axis=0))
    return out


def measured(w: Window, motion: Floats, side: int = RENDERED) -> Floats:
    """The field [7, 2, N, N] that DIS finds in frames rendered from a window's picture and ``motion``."""
    photo, mask, square = enlarged(w, side)
    return followed(frames(photo, [Moving(mask, square, path_of(motion, FRAMES, w.mask))]), square)


def enlarged(w: Window, side: int = RENDERED) -> tuple[Pixels, Mask, Square]:
    """A window's picture and mask at ``side`` pixels, and its square there."""
    photo = np.asarray(cv2.resize(w.picture, (side, side), interpolation=cv2.INTER_CUBIC))
    mask = cv2.resize(w.mask, (side, side), interpolation=cv2.INTER_LINEAR) > 0.5
    return photo, mask, Square((side - 1) / 2, (side - 1) / 2, float(side), 0.0)


def followed(shown: Iterable[Pixels], square: Square) -> Floats:
    """The field [7, 2, N, N] in cells that DIS finds in frames that show ``square``."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in shown]
    flows = [dis.calc(a, b, None) for a, b in pairwise(greys)]
    moved = follow(flows, square.points().reshape(-1, 2), square.side / GRID)
    return np.moveaxis(moved.reshape(-1, GRID, GRID, 2), -1, 1) * (GRID / square.side)


def blocks_of(windows: Sequence[Window]) -> list[tuple[str, int]]:
    """Which block of which clip each window is in."""
    return [(w.name, w.start // BLOCK) for w in windows]
