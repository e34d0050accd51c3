"""What can be done with a `Motion` on its own skeleton: kinematics, checking, resampling.

A joint's frame is parallel to the world in the rest pose, as in BVH: with G the rotation of a joint
in the world and L its local rotation, G = G_parent L, and its head is head_parent + G_parent offset.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.quaternions import Array


def check(motion: Motion, *, frames: int = 1) -> Motion:
    """``motion`` itself where it makes sense; InvalidInput for cycles, NaN, or too few frames."""
    j, t = len(motion.joints), len(motion.root)
    if j == 0 or t < frames:
        raise InvalidInput(
            f"a motion of {t} frames and {j} joints", hint=f"{frames} or more frames"
        )
    roots = [i for i, parent in enumerate(motion.parents) if parent < 0]
    if roots != [0] or any(p >= i for i, p in enumerate(motion.parents)):
        raise InvalidInput(
            "the joints do not form one tree", hint="one root, first; parents before their children"
        )
    if motion.root.shape != (t, 3):
        raise InvalidInput(f"root positions are T×3, got {tuple(motion.root.shape)}")
    if not (np.isfinite(motion.fps) and motion.fps > 0):
        raise InvalidInput(f"{motion.fps} frames per second", hint="a positive number")
    for name in ("root", "rotations", "offsets"):
        values = getattr(motion, name)
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise InvalidInput(f"the motion's {name} are not all finite numbers")
    if np.abs(np.linalg.norm(motion.rotations, axis=-1) - 1).max() > 1e-2:
        raise InvalidInput("the motion's rotations are not unit quaternions (w, x, y, z)")
    return motion


def world(motion: Motion) -> tuple[Array, Array]:
    """Every joint's rotation [T, J, 4] and position [T, J, 3] in the world."""
    parents = motion.parents
    turns = np.empty_like(motion.rotations, dtype=np.float64)
    heads = np.empty((*turns.shape[:2], 3))
    for j, p in enumerate(parents):
        if p < 0:
            turns[:, j], heads[:, j] = motion.rotations[:, j], motion.root
        else:
            turns[:, j] = quat.multiply(turns[:, p], motion.rotations[:, j])
            heads[:, j] = heads[:, p] + quat.rotate(turns[:, p], motion.offsets[j])
    return turns, heads


def local(turns: Array, parents: tuple[int, ...]) -> Array:
    """Local rotations [T, J, 4] from rotations in the world."""
    out = turns.copy()
    for j, p in enumerate(parents):
        if p >= 0:
            out[:, j] = quat.multiply(quat.inverse(turns[:, p]), turns[:, j])
    return out


def rest(motion: Motion) -> Array:
    """The joints' positions [J, 3] in the rest pose, the root at 0."""
    heads = np.zeros((len(motion.joints), 3))
    for j, p in enumerate(motion.parents):
        heads[j] = motion.offsets[j] + heads[p] if p >= 0 else 0.0
    return heads


def velocities(positions: Array, fps: float) -> Array:
    """Differences of neighbouring frames per second; one frame fewer."""
    return np.diff(positions, axis=0) * fps


def resample(motion: Motion, fps: float) -> Motion:
    """The same movement at another rate: positions linearly, rotations at constant speed between frames."""
    check(motion)
    if not (np.isfinite(fps) and fps > 0):
        raise InvalidInput(f"{fps} frames per second", hint="a positive number")
    last = len(motion.root) - 1
    count = int(np.floor(last / motion.fps * fps + 1e-6)) + 1
    at = np.minimum(np.arange(count) / fps * motion.fps, last)
    low = np.minimum(at.astype(int), max(last - 1, 0))
    high, share = np.minimum(low + 1, last), (at - low)[:, None]
    root = motion.root[low] * (1 - share) + motion.root[high] * share
    turns = quat.slerp(motion.rotations[low], motion.rotations[high], share[..., None])
    return replace(
        motion,
        root=root.astype(motion.root.dtype),
        rotations=quat.normalised(turns).astype(motion.rotations.dtype),
        fps=float(fps),
    )


def selected(motion: Motion, frames: slice) -> Motion:
    """Some of the frames."""
    return replace(motion, root=motion.root[frames], rotations=motion.rotations[frames])


def without(motion: Motion, names: frozenset[str]) -> Motion:
    """The motion without these leaf joints."""
    keep = [i for i, name in enumerate(motion.joints) if name not in names]
    place = {old: new for new, old in enumerate(keep)}
    return replace(
        motion,
        rotations=motion.rotations[:, keep],
        joints=tuple(motion.joints[i] for i in keep),
        parents=tuple(place.get(motion.parents[i], -1) for i in keep),
        offsets=motion.offsets[keep],
    )
