"""A walk made by rule, for where there are no clips: a mannequin's, upright and even.

Toes stand still on the floor for six tenths of a stride and swing in an arc; legs follow by two-bone
inverse kinematics; arms swing against the legs.
"""

from __future__ import annotations

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_body.samples import offset
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, SOLE, Clip
from interleaf_trumans.walking.fading import risen
from interleaf_trumans.walking.legs import ANKLE, HIP, KNEE, TOES, bent, leg_chain

CYCLE = 32  # frames of a stride
STANCE = 0.6  # of it
LIFT = 0.09  # metres that a toe is raised
HIGH = 0.915  # metres of the root


def made_clips() -> list[Clip]:
    """Walks of three speeds, and standing."""
    offsets = np.array([offset(r) for r in ROLES])
    walks = [_walk(speed, offsets) for speed in (0.6, 0.9, 1.15)]
    still = _pose(np.zeros(40), np.zeros(40), 0.0, offsets, "stand")
    return [*walks, still]


def _walk(speed: float, offsets: Array) -> Clip:
    frames = np.arange(4 * CYCLE)
    return _pose(frames / CYCLE, frames / FPS * speed, speed, offsets, "walk")


def _pose(cycle: Array, way: Array, speed: float, offsets: Array, action: str) -> Clip:
    """Frames at ``cycle`` strides and ``way`` metres along +z."""
    count, stride = len(cycle), speed * CYCLE / FPS
    turns = np.zeros((count, len(ROLES), 3))
    swing = np.sin(2 * np.pi * cycle)
    ease = min(speed / 1.15, 1.0)
    _arms(turns, swing * ease)
    turns[:, ROLES.index("pelvis"), 1] = 0.08 * swing * ease
    turns[:, ROLES.index("spine3"), 1] = -0.16 * swing * ease
    rotations = quat.from_rotvec(turns)
    root = np.zeros((count, 3))
    root[:, 0] = 0.02 * swing * ease
    root[:, 1] = HIGH + (0.012 * np.cos(4 * np.pi * cycle) * ease if speed else 0.02)
    root[:, 2] = way
    for k, side in enumerate((0.0, 0.5)):
        toe, pitch = _foot(cycle + side, way, stride, speed > 0)
        toe[:, 0] = offsets[HIP[k], 0] * 1.1
        _leg(rotations, root, offsets, k, toe, pitch)
    return Clip(f"made_{action}_{speed:g}", action, "rule", root, rotations, offsets)


def _arms(turns: Array, swing: Array) -> None:
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, elbow = ROLES.index(f"{side}_shoulder"), ROLES.index(f"{side}_elbow")
        down = quat.from_rotvec(np.array([0.0, 0.0, -1.33 * sign]))
        forward = np.zeros((len(turns), 3))
        forward[:, 0] = (0.35 * swing * sign) - 0.02
        turns[:, shoulder] = quat.to_rotvec(quat.multiply(quat.from_rotvec(forward), down))
        turns[:, elbow, 1] = -sign * (0.25 + 0.12 * swing * sign)


def _foot(phase: Array, way: Array, stride: float, moving: bool) -> tuple[Array, Array]:
    """The toe [T, 3] in the world and the foot's pitch [T] (positive: heel up)."""
    toe = np.zeros((len(phase), 3))
    toe[:, 1] = SOLE
    toe[:, 2] = way + 0.13 - 0.02
    if not moving:
        return toe, np.zeros(len(phase))
    part, whole = phase % 1.0, np.floor(phase)
    landed = (
        (whole - phase[0] + STANCE / 2) * stride + way[0] + 0.11
    )  # of the stance of this stride
    s = np.clip((part - STANCE) / (1 - STANCE), 0, 1)
    toe[:, 2] = landed + stride * risen(s)
    toe[:, 1] = SOLE + LIFT * np.sin(np.pi * s) ** 2
    rise = np.interp(
        part, [0, 0.06, 0.35, STANCE, 0.72, 0.9, 1.0], [-0.28, 0, 0, 0.75, 0.55, -0.1, -0.28]
    )
    toe[:, 1] += np.where(rise < 0, -rise * 0.1, 0.0)
    return toe, rise


def _leg(turns: Array, root: Array, offsets: Array, k: int, toe: Array, pitch: Array) -> None:
    """One leg's rotations, in place, for a toe's place and a foot's pitch."""
    foot = quat.about(0, pitch)
    ankle = toe - quat.rotate(foot, np.broadcast_to(offsets[TOES[k]], toe.shape)) - root
    whole, (hip, knee, _), (hips, knees, ankles, _) = leg_chain(turns, offsets)
    bend = np.broadcast_to([-1.0, 0.0, 0.0], ankle.shape)
    upper, lower = bent(hip[:, k], knee[:, k], [hips[:, k], knees[:, k], ankles[:, k]], ankle, bend)
    turns[:, HIP[k]] = quat.multiply(quat.inverse(whole[:, 0]), upper)
    turns[:, KNEE[k]] = quat.multiply(quat.inverse(upper), lower)
    turns[:, ANKLE[k]] = quat.multiply(quat.inverse(lower), foot)
