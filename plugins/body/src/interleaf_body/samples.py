"""A small movement made by rule, for examples, tests and trying things out without a motion file."""

from __future__ import annotations

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.roles import PARENT, ROLES

# Rest offsets in metres of a 1.7 m body in T-pose, facing +z, its left at +x.
OFFSETS = {
    "left_hip": (0.09, -0.07, 0.0), "spine1": (0.0, 0.11, -0.01), "left_knee": (0.02, -0.40, 0.0),
    "spine2": (0.0, 0.13, 0.0), "left_ankle": (0.0, -0.41, -0.02), "spine3": (0.0, 0.06, 0.01),
    "left_foot": (0.01, -0.055, 0.13), "neck": (0.0, 0.21, -0.02), "left_collar": (0.07, 0.14, -0.01),
    "head": (0.0, 0.09, 0.03), "left_shoulder": (0.11, 0.02, -0.01), "left_elbow": (0.26, 0.0, 0.0),
    "left_wrist": (0.25, 0.0, 0.0),
}  # fmt: skip
STANDING = 0.95  # metres: the pelvis above the floor


def offset(role: str) -> tuple[float, float, float]:
    """A joint's rest offset from the one above it; the right side mirrors the left."""
    if role == "pelvis":
        return (0.0, 0.0, 0.0)
    x, y, z = OFFSETS[role.replace("right", "left")]
    return (-x if role.startswith("right") else x, y, z)


def sample_motion(frames: int = 60, fps: float = 30.0) -> Motion:
    """Someone who walks on the spot and waves with the right hand."""
    at = np.arange(frames) / fps * 2 * np.pi
    turns = np.zeros((frames, len(ROLES), 3))

    def turn(role: str, axis: int, angle: np.ndarray | float) -> None:
        turns[:, ROLES.index(role), axis] += angle

    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing = np.sin(at + (0 if sign > 0 else np.pi))
        turn(f"{side}_hip", 0, -0.45 * np.maximum(swing, 0))
        turn(f"{side}_knee", 0, 0.8 * np.maximum(swing, 0))
        turn(f"{side}_shoulder", 2, -1.2 * sign)
    turn("right_shoulder", 2, -1.5)
    turn("right_elbow", 2, -0.9 + 0.5 * np.sin(2 * at))
    turn("head", 1, 0.3 * np.sin(at / 2))
    root = np.zeros((frames, 3))
    root[:, 1] = STANDING + 0.01 * np.cos(2 * at)
    rotations = quat.from_rotvec(turns)
    parents = tuple(ROLES.index(PARENT[r]) if r in PARENT else -1 for r in ROLES)
    offsets = np.array([offset(r) for r in ROLES])
    return Motion(root, rotations, ROLES, parents, offsets, fps)
