"""Feet that stand where they stood: legs of a retargeted motion, bent so that toes keep to the ground.

Near the ground the target's toe is as high as the source's. While a foot of the source stands, the
target's toe follows its path about its own mean place; in between, corrections pass over smoothly. The
ankle takes the correction, the foot keeps its turn in the world, thigh and shin bend by the law of
cosines, and never point further than ``MOST`` from where the source's do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.judging import standing
from interleaf_body.quaternions import Array
from interleaf_body.skeleton import local, world

SIDES = ("left", "right")
HEIGHT, SPEED = 0.03, 0.2  # what counts as standing, m and m/s: those of `body.sliding`
LOW, HIGH = (
    0.05,
    0.2,
)  # m: heights up to which a toe is held to its height, and from which it is free
MOST = np.radians(4.7)  # between a thigh or shin and the source's
STRAIGHT = 0.9995  # of a leg's length: how far it is stretched


def planted(
    source: Motion, result: Motion, theirs: dict[str, int], ours: dict[str, int], along: float
) -> Motion:
    """``result`` with its legs corrected; ``along``: the scale of its path."""
    legs = [side for side in SIDES if _leg(side, theirs, ours)]
    if not legs or len(source.root) < 3:
        return result
    turns, heads = world(result)
    old = world(source)[1]
    there = old[:, [_toe(side, theirs) for side in legs]]
    here = heads[:, [_toe(side, ours) for side in legs]]
    stands = standing(there, source.fps, HEIGHT, SPEED)
    moves = _corrections(there, here, stands, min(along, 1.0))
    for index, side in enumerate(legs):
        hip, knee, ankle = (theirs[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        pointed = old[:, knee] - old[:, hip], old[:, ankle] - old[:, knee]
        _bend(turns, heads, moves[:, index], side, ours, result.parents, pointed)
    rotations = quat.continuous(quat.normalised(local(turns, result.parents)))
    return replace(result, rotations=rotations)


def _leg(side: str, theirs: dict[str, int], ours: dict[str, int]) -> bool:
    parts = {f"{side}_{part}" for part in ("hip", "knee", "ankle")}
    return parts <= set(ours) & set(theirs)


def _toe(side: str, roles: dict[str, int]) -> int:
    return roles.get(f"{side}_foot", roles[f"{side}_ankle"])


def _corrections(there: Array, here: Array, stands: Array, along: float) -> Array:
    """How the toes [T, feet, 3] are to move."""
    floor = [np.quantile(toes[..., 1], 0.02) for toes in (there, here)]
    height = there[..., 1] - floor[0]
    share = np.clip((HIGH - height) / (HIGH - LOW), 0, 1)
    out: Array = np.zeros_like(here)
    out[..., 1] = (height + floor[1] - here[..., 1]) * share * share * (3 - 2 * share)
    goal = there * along
    for foot in range(out.shape[1]):
        known = np.full(len(out), np.nan)
        held = np.stack([known, known], -1)
        for first, last in _runs(stands[:, foot]):
            part = slice(first, last + 1)
            path = (goal - here)[part, foot][:, [0, 2]]
            held[part] = path - path.mean(0)
        out[:, foot, 0], out[:, foot, 2] = (_bridged(held[:, axis]) for axis in (0, 1))
    return out


def _runs(stands: Array) -> list[tuple[int, int]]:
    """First and last frames of what stands [T − 1] between frames."""
    edges = np.diff(np.concatenate([[0], stands.astype(int), [0]]))
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))


def _bridged(values: Array) -> Array:
    """Known values, with smooth steps between them; 0 where none is known."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros_like(values)
    at = np.arange(len(values))
    after = np.searchsorted(known, at).clip(0, len(known) - 1)
    before = (np.searchsorted(known, at, "right") - 1).clip(0)
    gap = known[after] - known[before]
    t = np.where(gap > 0, (at - known[before]) / np.maximum(gap, 1), 0.0)
    share = t * t * (3 - 2 * t)
    return np.asarray(values[known[before]] * (1 - share) + values[known[after]] * share)


def _bend(
    turns: Array, heads: Array, move: Array, side: str, roles: dict[str, int], parents: tuple[int, ...],
    pointed: tuple[Array, Array],
) -> None:  # fmt: skip
    """Turn thigh and shin of one leg [T] so that its ankle moves; ``pointed``: the source's."""
    hip, knee, ankle = (roles[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    a, b, c = heads[:, hip], heads[:, knee], heads[:, ankle]
    forward = quat.rotate(turns[:, hip], np.array([0.0, 0.0, 1.0]))
    for share in (1.0, 0.8, 0.6, 0.4, 0.2, 0.0):
        bent, end = _solved(a, b, c, c + move, forward)
        far = np.maximum(_angle(pointed[0], bent - a), _angle(pointed[1], end - bent)) > MOST
        if not far.any():
            break
        move = np.where(far[:, None], move * share, move)
    bent[far], end[far] = b[far], c[far]
    for top, joint, turn in (
        (hip, knee, quat.between(b - a, bent - a)),
        (knee, ankle, quat.between(c - b, end - bent)),
    ):
        j = parents[joint]
        while True:  # all joints of the limb, from above its end up to its beginning
            turns[:, j] = quat.multiply(turn, turns[:, j])
            if j == top:
                break
            j = parents[j]


def _solved(a: Array, b: Array, c: Array, goal: Array, forward: Array) -> tuple[Array, Array]:
    """Knee and ankle [T, 3] of a leg from hip ``a`` that reaches for ``goal``; its knee bends as it did."""
    upper, lower = (np.linalg.norm(v, axis=1, keepdims=True) for v in (b - a, c - b))
    reach = goal - a
    length = np.linalg.norm(reach, axis=1, keepdims=True)
    now = np.linalg.norm(c - a, axis=1, keepdims=True)
    longest = np.maximum((upper + lower) * STRAIGHT, now)
    d = np.clip(length, np.abs(upper - lower) * 1.001 + 1e-6, np.minimum(longest, upper + lower))
    u = reach / np.maximum(length, 1e-9)
    side = (b - a) - np.sum((b - a) * u, 1, keepdims=True) * u
    ahead = forward - np.sum(forward * u, 1, keepdims=True) * u
    side = side + 1e-4 * ahead
    side = side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    along = (upper**2 - lower**2 + d**2) / (2 * d)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    return a + along * u + aside * side, a + d * u


def _angle(a: Array, b: Array) -> Array:
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), np.sum(a * b, 1))
