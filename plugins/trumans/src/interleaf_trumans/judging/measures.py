"""What is measured of a body's joints in a scene. The motion is all that is looked at, never what its maker
knows of it (contacts, plans).

Places of joints are [T, 22, 3] metres, in the order of the body's roles; the floor is y = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interleaf_body.roles import PARENT, ROLES
from interleaf_trumans.scenes.distances import Distances
from interleaf_trumans.scenes.scene import LOW
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.scenes.things import Thing

TOES = [ROLES.index("left_foot"), ROLES.index("right_foot")]
PELVIS = ROLES.index("pelvis")
TOE_REST = 0.02  # metres: a toe joint above the floor when it stands
NEAR, STILL = 0.03, 0.2  # a toe touches: metres above its rest, m/s up or down
MOVING = (0.2, 2.2)  # m/s of the root: frames that count as walking
RADII = {
    "spine1": 0.11,
    "spine2": 0.12,
    "spine3": 0.12,
    "neck": 0.06,
    "head": 0.09,
    "hip": 0.09,
    "knee": 0.075,
    "ankle": 0.05,
    "foot": 0.04,
    "collar": 0.07,
    "shoulder": 0.06,
    "elbow": 0.045,
    "wrist": 0.04,
}
ALONG = (0.25, 0.6, 1.0)  # of a bone
AROUND = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)


def body_points(joints: Array) -> Array:
    """378 points [T, 378, 3] on the body's surface: six about three places of every bone."""
    found = []
    for j, role in enumerate(ROLES[1:], 1):
        radius = RADII.get(role.split("_")[-1], 0.05)
        a, b = joints[:, ROLES.index(PARENT[role])], joints[:, j]
        for share in ALONG:
            found.append((a + (b - a) * share)[:, None] + AROUND * radius)
    return np.concatenate(found, 1)


def depths(joints: Array, distances: Distances, things: Sequence[Thing] = ()) -> Array:
    """How deep [T] the deepest point of the body is in an obstacle, metres; 0 outside. ``things`` move,
    from the first frame on; what is low enough to be stepped over is no obstacle."""
    out = np.zeros(len(joints))
    for first in range(0, len(joints), 200):
        points = body_points(joints[first : first + 200])
        out[first : first + 200] = np.maximum(-distances.at(points).min(1), 0)
        for thing in things:
            for t, own in enumerate(points, first):
                deep = thing.depth(own[own[:, 1] >= LOW], t)
                out[t] = max(out[t], float(deep.max(initial=0.0)))
    return out


@dataclass(frozen=True, slots=True)
class Sliding:
    """``speed`` cm/s, mean of toes that touch while the body walks; ``contact``: share of toe-frames that
    touch; ``n`` toe-frames of walking."""

    speed: float | None
    contact: float | None
    n: int


def sliding(joints: Array, fps: float) -> Sliding:
    """How fast toes that touch the floor move along it, in frames in which the root walks."""
    if len(joints) < 2:
        return Sliding(None, None, 0)
    move = np.diff(joints[:, TOES], axis=0) * fps
    height = (joints[1:, TOES, 1] + joints[:-1, TOES, 1]) / 2
    walking = root_speed(joints, fps)
    walking = (walking > MOVING[0]) & (walking < MOVING[1])
    touch = (height < TOE_REST + NEAR) & (np.abs(move[..., 1]) < STILL) & walking[:, None]
    n = 2 * int(walking.sum())
    if not n:
        return Sliding(None, None, 0)
    level = np.hypot(move[..., 0], move[..., 2])
    return Sliding(
        float(level[touch].mean()) * 100 if touch.any() else None, float(touch.sum()) / n, n
    )


def root_speed(joints: Array, fps: float) -> Array:
    """Level speed [T − 1] of the pelvis, m/s, over three frames."""
    move = np.diff(joints[:, PELVIS][:, [0, 2]], axis=0) * fps
    padded = np.pad(move, ((1, 1), (0, 0)), mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    out: Array = np.hypot(smooth[:, 0], smooth[:, 1])
    return out


def accelerations(joints: Array, fps: float) -> Array:
    """Mean acceleration [T − 2] of the joints, m/s²; entry t is that of frame t + 1."""
    return np.asarray(np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1).mean(1) * fps**2)


def seam_ratio(joints: Array, seams: Array, fps: float) -> float | None:
    """Mean acceleration within a frame of where a piece begins ÷ elsewhere; None without seams. The square of
    the ratio is not taken: a leap of a frame shows in three."""
    found = accelerations(joints, fps)
    at = np.zeros(len(found), bool)
    for seam in np.asarray(seams, int):
        at[max(seam - 2, 0) : max(seam + 1, 0)] = True
    if not at.any() or at.all() or not found[~at].mean() > 0:
        return None
    return float(found[at].mean() / found[~at].mean())


def arrival(joints: Array, goal: Array, within: float) -> int | None:
    """The first frame whose pelvis is near the goal (x, z), if it ends there too."""
    off = np.linalg.norm(joints[:, PELVIS][:, [0, 2]] - goal, axis=1)
    if not off[-1] <= within:
        return None
    return int(np.argmax(off <= within))


def joint_speed(joints: Array, fps: float) -> float:
    """The fastest that any joint moves, m/s; 0 for one frame."""
    if len(joints) < 2:
        return 0.0
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * fps)


def bone_drift(joints: Array) -> float:
    """The most that any bone's length differs from its own in the first frame, metres."""
    pairs = [(j, ROLES.index(PARENT[r])) for j, r in enumerate(ROLES[1:], 1)]
    lengths = np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in pairs], 1)
    return float(np.abs(lengths - lengths[0]).max())
