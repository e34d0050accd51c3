"""Joints' places as rotations of a skeleton: every bone points where the places say.

The release fits a body model instead (a small network, then a hundred steps of Adam), which is not free.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_body.samples import offset
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import PARENTS

CHILDREN = {j: [c for c, p in enumerate(PARENTS) if p == j] for j in range(len(ROLES))}
HANDS = {ROLES.index("left_wrist"): 22, ROLES.index("right_wrist"): 23}  # the places beyond wrists


def bones(places: Array) -> Array:
    """Offsets [22, 3] of a skeleton whose bones are as long as those of places [T, 24, 3] (medians), and
    point as ours do at rest."""
    ours = np.array([offset(r) for r in ROLES], float)
    out = np.zeros_like(ours)
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            far = np.linalg.norm(places[:, j] - places[:, parent], axis=-1)
            out[j] = ours[j] / np.linalg.norm(ours[j]) * max(float(np.median(far)), 1e-4)
    return out


def posed(places: Array, offsets: Array) -> tuple[Array, Array]:
    """``root`` [T, 3] and local rotations [T, 22, 4] for places [T, 24, 3]."""
    count = len(places)
    whole = np.empty((count, len(ROLES), 4))
    turns = np.empty_like(whole)
    for j, parent in enumerate(PARENTS):
        over = np.broadcast_to(quat.IDENTITY, (count, 4)) if parent < 0 else whole[:, parent]
        whole[:, j] = _pointed(places, offsets, j, over)
        turns[:, j] = quat.multiply(quat.inverse(over), whole[:, j])
    return places[:, 0].copy(), quat.normalised(turns)


def _pointed(places: Array, offsets: Array, j: int, over: Array) -> Array:
    """World rotations [T, 4] of a joint: its bones lie as at rest, turned; one bone swings the short way."""
    ends = CHILDREN[j]
    if len(ends) > 1:
        return _fitted(places[:, ends] - places[:, j, None], offsets[ends])
    if ends or j in HANDS:
        at = ends[0] if ends else HANDS[j]
        rest = offsets[at] if ends else offsets[j]
        before = quat.rotate(over, np.broadcast_to(rest, (len(places), 3)))
        return np.asarray(quat.multiply(quat.between(before, places[:, at] - places[:, j]), over))
    return over


def _fitted(now: Array, rest: Array) -> Array:
    """Rotations [T, 4] that turn directions ``rest`` [K, 3] to ``now`` [T, K, 3] best (Kabsch)."""
    a = rest / np.maximum(np.linalg.norm(rest, axis=-1, keepdims=True), 1e-9)
    b = now / np.maximum(np.linalg.norm(now, axis=-1, keepdims=True), 1e-9)
    u, _, v = np.linalg.svd(np.einsum("tki,kj->tij", b, a))
    sign = np.sign(np.linalg.det(u @ v))
    u[..., 2] *= sign[:, None]
    found = Rotation.from_matrix(u @ v).as_quat()[:, [3, 0, 1, 2]]
    return np.asarray(quat.continuous(found))
