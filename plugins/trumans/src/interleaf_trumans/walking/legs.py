"""Legs and arms: where their ends are, and how to bring them elsewhere with two bones."""

from __future__ import annotations

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_trumans.scenes.surface import Array

Chain = tuple[int, int, int]
LEGS: tuple[Chain, ...] = tuple(
    (ROLES.index(f"{s}_hip"), ROLES.index(f"{s}_knee"), ROLES.index(f"{s}_ankle"))
    for s in ("left", "right")
)
TOES = np.array([ROLES.index("left_foot"), ROLES.index("right_foot")])
HIP, KNEE, ANKLE = (np.array([leg[k] for leg in LEGS]) for k in range(3))
STRAIGHT = 0.15  # sine of a joint's angle up to which its own axis is not trusted alone
MOST = 0.998  # of its length, how straight a limb is made


def turn(q: Array, v: Array) -> Array:
    """Vectors [..., 3] turned by q [..., 4]; quicker than by cross products on small arrays."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    a, b, c = v[..., 0], v[..., 1], v[..., 2]
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return np.stack(
        [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx],
        -1,
    )


def leg_points(turns: Array, offsets: Array) -> Array:
    """Ankles and toes [N, 2, 2, 3] relative to the root, of local rotations [N, J, 4]."""
    return np.stack(leg_chain(turns, offsets)[2][2:], 2)


def leg_chain(turns: Array, offsets: Array) -> tuple[Array, list[Array], list[Array]]:
    """The root's rotation [N, 1, 4], world rotations of hips, knees and ankles [N, 2, 4], and places of hips,
    knees, ankles and toes [N, 2, 3] relative to the root."""
    root = turns[:, None, 0]
    hip = quat.multiply(root, turns[:, HIP])
    knee = quat.multiply(hip, turns[:, KNEE])
    ankle = quat.multiply(knee, turns[:, ANKLE])
    hips = turn(root, np.broadcast_to(offsets[HIP], (len(turns), 2, 3)))
    knees = hips + turn(hip, offsets[KNEE])
    ankles = knees + turn(knee, offsets[ANKLE])
    toes = ankles + turn(ankle, offsets[TOES])
    return root, [hip, knee, ankle], [hips, knees, ankles, toes]


def bent(
    upper: Array, lower: Array, places: list[Array], target: Array, bend: Array
) -> tuple[Array, Array]:
    """World rotations of a limb's two bones that bring its end to ``target``, or as near as it is long.

    ``upper``, ``lower``: rotations [..., 4] now; ``places``: root, joint and end of the limb [..., 3];
    ``bend`` [..., 3]: about this axis, roughly, the lower bone turns away from the upper one as the limb
    straightens; a limb that is all but straight bends about it alone.
    """
    a, b, c = places
    u, v = a - b, c - b
    one, two = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (u, v))
    reach = np.linalg.norm(target - a, axis=-1, keepdims=True)
    reach = np.clip(reach, np.abs(one - two) + 1e-4, (one + two) * MOST)
    apart = np.maximum(one * two, 1e-12)
    wanted = np.arccos(np.clip((one**2 + two**2 - reach**2) / (2 * apart), -1, 1))
    axis = np.cross(u, v) / apart
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    over = (axis * bend).sum(-1, keepdims=True) < 0  # bent the wrong way: more than straight
    now = np.arctan2(np.where(over, -sine, sine), (u * v).sum(-1, keepdims=True) / apart) % (
        2 * np.pi
    )
    axis = np.where(over, -axis, axis) + bend * np.maximum(STRAIGHT - sine, 1e-9)
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    fold = quat.from_rotvec(axis * (wanted - now))
    end = b + turn(fold, v)
    swing = quat.between(end - a, target - a)
    return quat.multiply(swing, upper), quat.multiply(swing, quat.multiply(fold, lower))


def stepped(turns: Array, offsets: Array, shift: Array) -> Array:
    """Local rotations with the feet moved by ``shift`` [N, 2, 3] and turned as before."""
    root, (hip, knee, ankle), (hips, knees, ankles, _) = leg_chain(turns, offsets)
    bend = turn(hip, np.broadcast_to([-1.0, 0.0, 0.0], hips.shape))
    new_hip, new_knee = bent(hip, knee, [hips, knees, ankles], ankles + shift, bend)
    out = turns.copy()
    out[:, HIP] = quat.multiply(quat.inverse(root), new_hip)
    out[:, KNEE] = quat.multiply(quat.inverse(new_hip), new_knee)
    out[:, ANKLE] = quat.multiply(quat.inverse(new_knee), ankle)
    return out
