"""Windows of motion as training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from interleaf.errors import InvalidInput
from interleaf_followclick.canonical import GRID, Floats, Square
from interleaf_followclick.diffusion import Motion
from interleaf_followclick.drawing import numbers_of
from interleaf_followclick.fields import STEPS, encode, statistics
from interleaf_followclick.windows import PICTURE, Window
from interleaf_training.sources import ArraySource


@dataclass(frozen=True, slots=True)
class Samples:
    """``pictures`` uint8 [B, 64, 64, 3], ``masks`` [B, 32, 32], ``planes`` [B, 14, 32, 32], ``numbers``
    [B, 3]."""

    pictures: NDArray[np.uint8]
    masks: Floats
    planes: Floats
    numbers: Floats


def prepared(windows: Sequence[Window], motion: Motion, limit: int = 0) -> Samples:
    """Samples of windows, whose statistics become the model's."""
    if not windows:
        raise InvalidInput("there is nothing to train on: no window of motion was found")
    if limit and limit < len(windows):
        chosen = np.linspace(0, len(windows) - 1, limit).round().astype(int)
        windows = [windows[i] for i in chosen]
    known = statistics([w.field for w in windows], [w.mask for w in windows])
    speeds = np.array([w.speed for w in windows])
    motion.std.copy_(torch.from_numpy(known.std))
    motion.length.fill_(known.length)
    motion.speeds.copy_(torch.tensor([speeds.min(), speeds.max()]))
    return Samples(
        np.stack([w.picture for w in windows]),
        np.stack([w.mask for w in windows]),
        np.stack([encode(w.field, w.speed, known.std) for w in windows]),
        np.array([numbers_of(w.speed, w.square.angle) for w in windows], np.float32),
    )


def source(samples: Samples, seed: int) -> ArraySource:
    """The samples in a random order."""
    return ArraySource(
        samples.pictures, samples.masks, samples.planes, samples.numbers, seed=seed % 2**63
    )


def example_windows(count: int = 6) -> list[Window]:
    """Small made-up windows, always the same."""
    rng, out = np.random.default_rng(0), []
    ys, xs = np.mgrid[:GRID, :GRID]
    for i in range(count):
        mask = ((xs - 16) ** 2 + (ys - 16) ** 2 < 100 + 10 * i).astype(np.float32)
        field = rng.normal(0, 0.3, (STEPS, 2, 1, 1)) + np.array([1.0, 0.0])[:, None, None]
        wave = 0.2 * np.sin(xs / 5 + i) * np.ones((STEPS, 2, 1, 1))
        picture = rng.integers(0, 256, (PICTURE, PICTURE, 3)).astype(np.uint8)
        square = Square(20.0, 20.0, 32.0, 0.3 * i)
        out.append(
            Window(picture, mask, (field + wave).astype(np.float32), square, i, 1, f"example {i}")
        )
    return out
