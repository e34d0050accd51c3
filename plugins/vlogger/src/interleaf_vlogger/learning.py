"""Windows of pairs as training samples, and the statistics that movement is drawn in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch

from interleaf.errors import InvalidInput
from interleaf_training.sources import Batch
from interleaf_vlogger import whitening
from interleaf_vlogger.diffusion import WINDOW, Also, Group
from interleaf_vlogger.pairs import Pair
from interleaf_vlogger.talking import of_sound
from interleaf_vlogger.teacher import LIPS, gap_of_curves

Floats = np.ndarray[Any, Any]
MEETING = 0.3  # a closure beyond which lips are on their way to meet


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Of every pair that is long enough, what is heard [T, W A], and ``lips`` [T, 6] and ``body`` [T, D]."""

    heard: list[torch.Tensor]
    lips: list[Floats]
    body: list[Floats]


def gathered(pairs: Iterable[Pair], fps: float) -> Material:
    """All pairs; InvalidInput where none has a window's length, or another frame rate."""
    found = Material([], [], [])
    for pair in pairs:
        if abs(pair.fps - fps) > 1e-6:
            raise InvalidInput(
                f"a pair has {pair.fps:g} frames a second, the model {fps:g}", hint="equal rates"
            )
        if len(pair.lips) >= WINDOW:
            found.heard.append(of_sound(pair.samples, fps))
            found.lips.append(pair.lips)
            found.body.append(pair.body)
    if not found.lips:
        raise InvalidInput(
            f"no pair is {WINDOW} frames long: there is nothing to train on",
            hint="longer sentences",
        )
    return found


class Windows:
    """Windows of 64 frames at random places, the i-th a function of the seed and i alone."""

    def __init__(self, heard: list[torch.Tensor], moved: list[Floats], seed: int) -> None:
        self.heard, self.moved, self.seed = heard, moved, seed
        self.room = np.cumsum([len(m) - WINDOW + 1 for m in moved])

    def batch(self, first: int, stop: int) -> Batch:
        """Movement [B, 64, D] and what is heard [B, 64, W A]."""
        places = [self._place(i) for i in range(first, stop)]
        moved = [torch.from_numpy(self.moved[k][a : a + WINDOW]) for k, a in places]
        heard = [self.heard[k][a : a + WINDOW] for k, a in places]
        return torch.stack(moved).float(), torch.stack(heard)

    def _place(self, i: int) -> tuple[int, int]:
        mark = blake2b(f"{self.seed}.{i}".encode(), digest_size=8).digest()
        at = int.from_bytes(mark, "big") % int(self.room[-1])
        k = int(np.searchsorted(self.room, at, side="right"))
        return k, at - (int(self.room[k - 1]) if k else 0)

    def fingerprint(self) -> str:
        """Of all movements and sounds."""
        total = blake2b(str(self.seed).encode(), digest_size=16)
        for heard, moved in zip(self.heard, self.moved, strict=True):
            total.update(np.ascontiguousarray(moved).tobytes())
            total.update(heard.numpy().tobytes())
        return total.hexdigest()


def apart(lips: Iterable[Floats], weight: float, meeting: float) -> Also:
    """An error of how far the lips are apart, jaw (1 - closure), over its deviation in ``lips`` [T, 6].

    ``weight``: of its square; where lips meet, ``1 + meeting`` times as much.
    """
    jaw, closure = LIPS.index("jaw"), LIPS.index("closure")
    usual = max(float(np.concatenate([gap_of_curves(x) for x in lips]).std()), 1e-3)

    def error(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        gaps = [x[..., jaw] * (1 - x[..., closure]) for x in (found, true)]
        more = 1 + meeting * (true[..., closure] > MEETING)
        return weight * more * ((gaps[0] - gaps[1]) / usual).square()

    return error


def measured(lips: Group, body: Group, material: Material) -> None:
    """Set the units of both groups from what is done in the material."""
    rows = np.concatenate(material.lips)
    _fill(lips, mean=rows.mean(0), scale=np.maximum(rows.std(0), 1e-3))
    count = min(len(body.scale), material.body[0].shape[1])
    known = whitening.fitted([b.astype(np.float64) for b in material.body], count)
    shaping = known.shaping(WINDOW)
    components = np.concatenate([known.components(b) for b in material.body])
    _fill(
        body, mean=known.mean, basis=known.basis, scale=np.maximum(components.std(0), 1e-6),
        shaping=shaping, unshaping=np.linalg.inv(shaping),
    )  # fmt: skip


def _fill(group: Group, **values: Floats) -> None:
    for name, value in values.items():
        getattr(group, name).copy_(torch.from_numpy(np.asarray(value, np.float32)))
