"""The joints that speech moves, as residuals over a pose (section 3.1: theta = theta_ref + delta)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.model import BakedBody

Floats = np.ndarray[Any, Any]

# Of each body, the joints from the trunk to the head and the hands.
MOVED: dict[str, tuple[str, ...]] = {
    "anny": (
        "spine05", "spine04", "spine03", "spine02", "spine01", "clavicle.L", "shoulder01.L", "upperarm01.L",
        "upperarm02.L", "lowerarm01.L", "lowerarm02.L", "wrist.L", "clavicle.R", "shoulder01.R",
        "upperarm01.R", "upperarm02.R", "lowerarm01.R", "lowerarm02.R", "wrist.R", "neck01", "neck02",
        "neck03", "head",
    ),
    "capsule": (
        "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar", "head", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    ),
}  # fmt: skip
ARMS = ("shoulder01", "upperarm", "lowerarm", "wrist", "shoulder", "elbow")
HEADS = ("neck", "head")


def is_arm(name: str) -> bool:
    """Whether a joint belongs to an arm."""
    return any(part in name for part in ARMS)


def channels(body: str, heads: bool) -> list[int]:
    """Which of the 3 J numbers turn the neck and head, or else the arms."""
    chosen = [n.startswith(HEADS) if heads else is_arm(n) for n in MOVED[body]]
    return [3 * j + k for j, good in enumerate(chosen) if good for k in range(3)]


def residuals(motion: Motion, body: str, over_mean: bool = True) -> Floats:
    """[T, 3 J] rotation vectors over the clip's mean pose, of a motion on the body's skeleton; without
    ``over_mean`` over the rest pose."""
    at = [motion.joints.index(name) for name in MOVED[body]]
    turns = quat.continuous(motion.rotations[:, at])
    if over_mean:
        mean = quat.normalised(turns.mean(axis=0))
        turns = quat.multiply(quat.inverse(mean)[None], turns)
    delta = quat.to_rotvec(turns)
    return np.asarray(delta.reshape(len(turns), -1), np.float64)


def mirrored(delta: Floats, body: str) -> Floats:
    """The same movement in a mirror: left and right change places, turns about y and z their sign."""
    names = MOVED[body]
    other = [names.index(_across(n)) for n in names]
    turned = delta.reshape(len(delta), -1, 3)[:, other] * np.array([1.0, -1.0, -1.0])
    found: Floats = turned.reshape(len(delta), -1)
    return found


def _across(name: str) -> str:
    for a, b in ((".L", ".R"), (".R", ".L")):
        if name.endswith(a):
            return name[: -len(a)] + b
    for a, b in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(a):
            return b + name[len(a) :]
    return name


def motion_of(delta: Floats, name: str, body: BakedBody, fps: float) -> Motion:
    """Residuals [T, 3 J] over the rest pose of a body, as a motion on its skeleton that stands still."""
    t = body.topology
    turns = np.zeros((len(delta), len(t.joint_names), 3))
    turns[:, [t.joint_names.index(n) for n in MOVED[name]]] = delta.reshape(len(delta), -1, 3)
    root = np.zeros((len(delta), 3))
    return body.motion(root, quat.from_rotvec(turns), fps)


def over(motion: Motion, pose: Floats) -> Motion:
    """A motion of residuals over a pose: rotation vectors [J, 3] of the same skeleton."""
    fixed = quat.from_rotvec(np.asarray(pose, np.float64))[None]
    return replace(motion, rotations=quat.multiply(fixed, motion.rotations))
