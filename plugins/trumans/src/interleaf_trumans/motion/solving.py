"""What needs no training: how given frames are looked at, what is guessed of those after them, and in which
numbers the rest is drawn. Solved for in seconds (see `diffusion.Walker`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf_body.roles import ROLES
from interleaf_trumans.motion.diffusion import erred
from interleaf_trumans.motion.frames import AFTER, BEFORE, CONTACT, SIZE, ahead, terms
from interleaf_trumans.motion.windows import Windows
from interleaf_trumans.scenes.surface import Array

GIVEN, LATENT = 96, 128  # as in `network`
RIDGE = 10.0
ARMS = {"hip": 0.8, "knee": 0.5, "ankle": 0.2, "foot": 0.05, "neck": 0.2, "head": 0.1, "elbow": 0.25,
        "wrist": 0.05, "pelvis": 0.8}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """What needs no training: see `diffusion.Walker`."""

    view: Array
    plane: Array
    guess: Array
    basis: Array


def solved(source: Windows, middle: Array, scale: Array, count: int = 24_000) -> Solved:
    """The principal components of given frames; the guess by ridge regression on windows whose given frames
    have errors; the principal components of what it leaves, each number in metres at a limb's end."""
    real = _with_errors(source, min(count, max(4 * len(source.table.starts), 1000)))
    given = ((real[0] - middle) / scale).reshape(len(real[0]), -1).astype(np.float32)
    _, size, turned = np.linalg.svd(given[::2], full_matrices=False)
    view = (turned[:GIVEN].T / (size[:GIVEN] / np.sqrt(len(given[::2])) + 0.1)).astype(np.float32)
    plane = _plane(given)

    x = terms(given, real[1], view, plane, np.concatenate).astype(np.float32)
    y = (real[2] - ahead(real[0], AFTER)).reshape(len(x), -1)
    each = y.std(0) + 1e-4
    square = (x.T @ x).astype(float) + RIDGE * np.eye(x.shape[1])
    guess = (np.linalg.solve(square, (x.T @ (y / each)).astype(float)) * each).astype(np.float32)
    arms = np.tile(_arms(), AFTER)
    left = ((y - x @ guess) * arms)[::4]
    _, size, turned = np.linalg.svd(left, full_matrices=False)
    basis = turned[:LATENT] * (size[:LATENT] / np.sqrt(len(left)))[:, None] / arms
    return Solved(view, plane, guess, basis.astype(np.float32))


Part = tuple[
    Array, Array, Array
]  # given frames [N, 6, 72], what is asked [N, 9], frames after them [N, 24, 72]


def _with_errors(source: Windows, count: int) -> Part:
    """Windows whose given frames have errors."""
    parts = []
    for first in range(0, count, 1000):
        b = source.batch(first, first + 1000)
        before, after = erred(b["before"], b["after"], b["off"])
        parts.append((before.numpy(), b["where"].numpy(), after.numpy()))
    before, where, after = (np.concatenate(v).astype(np.float32) for v in zip(*parts, strict=True))
    return before, where, after


def _plane(given: Array) -> Array:
    """The plane [6·72 + 1, 2] in which hips and knees swing: their first two principal components."""
    bends = [
        ROLES.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee")
    ]
    used = np.array([f * SIZE + 4 + 3 * j for f in range(BEFORE) for j in bends])
    legs = given[:, used]
    middle = legs.mean(0)
    _, size, turned = np.linalg.svd((legs - middle)[::4], full_matrices=False)
    turned = turned[:2].T / (size[:2] / np.sqrt(len(legs[::4])))
    out = np.zeros((BEFORE * SIZE + 1, 2), np.float32)
    out[used], out[-1] = turned, -middle @ turned
    return out


def _arms() -> Array:
    """For each number [72] of a frame, about how many metres a unit of it moves the end of a limb."""
    out = np.ones(SIZE)
    for j, role in enumerate(ROLES):
        out[4 + 3 * j : 7 + 3 * j] = ARMS.get(role.split("_")[-1], 0.4)
    out[CONTACT] = 0.05
    return out
