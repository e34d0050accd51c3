"""What is wrong with a motion: feet that slide, jerks, bones that do not fit, joints that bend too far.

Everything is computed from positions of joints in the world, so skeletons with other rest poses and
names give comparable numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.quaternions import Array
from interleaf_body.roles import PARENT, roles_of
from interleaf_body.skeleton import rest, world

FEET = ("left_foot", "right_foot")
PAIRS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist", "collar")
# Generous ranges of adults, in degrees: how far a limb bends against the one above it, and how far a joint
# turns from the rest pose against the role above it.
BENDS = {"left_knee": 150.0, "right_knee": 150.0, "left_elbow": 155.0, "right_elbow": 155.0}
TURNS = {"neck": 80.0, "head": 80.0, "spine1": 80.0, "left_wrist": 110.0, "right_wrist": 110.0,
         "left_hip": 140.0, "right_hip": 140.0}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sliding:
    """``speed``: mean horizontal speed of standing feet, m/s, None where no foot ever stands.
    ``standing``: steps between frames in which one does, counted per foot."""

    speed: float | None
    standing: int


def standing(feet: Array, fps: float, height: float, speed: float) -> Array:
    """Which foot stands between which frames [T − 1, feet]: low, and hardly rising. The floor is where the
    lowest feet are (their 2 % quantile)."""
    floor = np.quantile(feet[..., 1], 0.02)
    low = np.maximum(feet[1:, :, 1], feet[:-1, :, 1]) < floor + height
    return low & (np.abs(np.diff(feet[..., 1], axis=0)) * fps < speed)


def sliding(motion: Motion, height: float, speed: float) -> Sliding:
    """How fast the toes move over the floor while they stand on it."""
    roles, heads = roles_of(motion), world(motion)[1]
    names = [r if r in roles else r.replace("foot", "ankle") for r in FEET]
    feet = heads[:, [roles[r] for r in names if r in roles]]
    if len(feet) < 2 or feet.shape[1] == 0:
        return Sliding(None, 0)
    stands = standing(feet, motion.fps, height, speed)
    over = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * motion.fps
    count = int(stands.sum())
    return Sliding(float(over[stands].mean()) if count else None, count)


def jerk(motion: Motion) -> Array | None:
    """Root mean square of the third derivative of each joint's position, m/s³ [J]; None below 4 frames."""
    heads = world(motion)[1]
    if len(heads) < 4:
        return None
    third = np.diff(heads, n=3, axis=0) * motion.fps**3
    squares: Array = np.sqrt(np.mean(np.sum(third**2, -1), 0))
    return squares


def limbs(motion: Motion) -> dict[str, float]:
    """Lengths in metres of the bones between roles, named by the role at their end."""
    roles, heads = roles_of(motion), rest(motion)
    return {
        role: float(np.linalg.norm(heads[roles[role]] - heads[roles[above]]))
        for role, above in PARENT.items()
        if role in roles and above in roles
    }


def asymmetry(lengths: dict[str, float]) -> dict[str, float]:
    """|left − right| over their mean, for the bones that have two sides and a length."""
    found = {}
    for part in PAIRS:
        pair = [lengths.get(f"{side}_{part}", 0.0) for side in ("left", "right")]
        if min(pair) > 1e-6:
            found[part] = abs(pair[0] - pair[1]) / (sum(pair) / 2)
    return found


def excess(motion: Motion, slack: float) -> dict[str, Array]:
    """Degrees [T] beyond the usual range of each joint that can be judged, 0 within it."""
    roles = roles_of(motion)
    turns, heads = world(motion)
    found: dict[str, Array] = {}
    for role, most in BENDS.items():
        side, _, part = role.partition("_")
        ends = {"knee": ("hip", "knee", "ankle"), "elbow": ("shoulder", "elbow", "wrist")}[part]
        chain = [roles.get(f"{side}_{e}") for e in ends]
        if None not in chain:
            upper, lower = (heads[:, chain[i + 1]] - heads[:, chain[i]] for i in (0, 1))
            found[role] = np.maximum(_angle(upper, lower) - most - slack, 0)
            if part == "knee":
                found[f"{role}_forward"] = _forward(upper, lower, turns[:, chain[0]], slack)
    for role, most in TURNS.items():
        if role in roles and PARENT[role] in roles:
            turn = quat.multiply(quat.inverse(turns[:, roles[PARENT[role]]]), turns[:, roles[role]])
            size = np.degrees(np.linalg.norm(quat.to_rotvec(turn), axis=-1))
            found[role] = np.maximum(size - most - slack, 0)
    return found


def _angle(a: Array, b: Array) -> Array:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, -1)))


def _forward(thigh: Array, shin: Array, turn: Array, slack: float) -> Array:
    """Degrees by which a knee bends the wrong way, about the axis that points aside in the rest pose."""
    aside = quat.rotate(turn, np.array([1.0, 0.0, 0.0]))
    bend = np.degrees(
        np.arctan2(np.sum(np.cross(thigh, shin) * aside, -1), np.sum(thigh * shin, -1))
    )
    return np.maximum(-bend - slack, 0)
