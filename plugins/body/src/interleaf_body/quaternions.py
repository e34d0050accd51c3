"""Rotations as unit quaternions (w, x, y, z), in numpy; every function works on the last axis.

Angles are in radians, positive counter-clockwise seen from the tip of the axis (right-handed).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
AXES = {"X": 0, "Y": 1, "Z": 2}
TINY = 1e-12


def multiply(a: Array, b: Array) -> Array:
    """The rotation that does ``b`` first, then ``a``."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    parts = (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )
    return np.stack(parts, -1)


def inverse(q: Array) -> Array:
    """The opposite rotation."""
    return q * np.array([1.0, -1.0, -1.0, -1.0], dtype=q.dtype)


def rotate(q: Array, v: Array) -> Array:
    """Vectors [..., 3] turned by ``q`` [..., 4]."""
    w, u = q[..., :1], q[..., 1:]
    t = 2 * np.cross(u, v)
    return v + w * t + np.cross(u, t)


def normalised(q: Array) -> Array:
    """``q`` with length 1; a zero quaternion becomes the identity."""
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(length > TINY, q / np.maximum(length, TINY), IDENTITY)


def about(axis: int, angle: Array) -> Array:
    """Turns about a coordinate axis (0, 1, 2)."""
    q = np.zeros((*np.shape(angle), 4))
    q[..., 0], q[..., 1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    return q


def from_rotvec(v: Array) -> Array:
    """Rotation vectors [..., 3] (axis times angle)."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    half = angle / 2
    scale = np.where(angle > 1e-8, np.sin(half) / np.maximum(angle, 1e-8), 0.5)
    return np.concatenate([np.cos(half), v * scale], -1)


def to_rotvec(q: Array) -> Array:
    """Rotation vectors of length at most pi."""
    q = np.where(q[..., :1] < 0, -q, q)
    size = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(size, q[..., :1])
    return q[..., 1:] * np.where(size > 1e-8, angle / np.maximum(size, 1e-8), 2.0)


def from_euler(angles: Array, order: str) -> Array:
    """Turns about ``order`` (``ZXY``), intrinsic: the first letter's turn is outermost, as in BVH."""
    q = np.broadcast_to(IDENTITY, (*angles.shape[:-1], 4))
    for index, letter in enumerate(order):
        q = multiply(q, about(AXES[letter], angles[..., index]))
    return q


def to_euler(q: Array, order: str) -> Array:
    """Angles [..., 3] with ``from_euler(angles, order) = q``; ``order`` names three different axes."""
    i, j, k = (AXES[letter] for letter in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = to_matrix(q)
    middle = np.arcsin(np.clip(sign * m[..., i, k], -1.0, 1.0))
    first = np.arctan2(-sign * m[..., j, k], m[..., k, k])
    last = np.arctan2(-sign * m[..., i, j], m[..., i, i])
    locked = (
        np.abs(m[..., i, k]) > 1 - 1e-13
    )  # the outer axes coincide: all of it goes to the first
    first = np.where(locked, np.arctan2(sign * m[..., k, j], m[..., j, j]), first)
    return np.stack([first, middle, np.where(locked, 0.0, last)], -1)


def to_matrix(q: Array) -> Array:
    """Rotation matrices [..., 3, 3]."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, -1) for row in rows], -2)


def between(a: Array, b: Array) -> Array:
    """The smallest rotation that turns direction ``a`` to direction ``b``; identity where one is 0."""
    la, lb = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    known = (la > TINY) & (lb > TINY)
    a, b = a / np.maximum(la, TINY), b / np.maximum(lb, TINY)
    w = 1 + np.sum(a * b, -1, keepdims=True)
    side = np.cross(a, np.where(np.abs(a[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0]))
    opposite = np.concatenate([np.zeros_like(w), side], -1)
    q = np.where(w > 1e-9, np.concatenate([w, np.cross(a, b)], -1), opposite)
    return normalised(np.where(known, q, IDENTITY))


def twist(q: Array, axis: Array) -> Array:
    """The part of ``q`` that turns about ``axis``: q = swing · twist, swing's axis being normal to it."""
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), TINY)
    along = np.sum(q[..., 1:] * axis, -1, keepdims=True)
    return normalised(np.concatenate([q[..., :1], along * axis], -1))


def power(q: Array, t: Array | float) -> Array:
    """``q`` done by the share ``t``, the short way round."""
    return from_rotvec(to_rotvec(q) * t)


def slerp(a: Array, b: Array, t: Array | float) -> Array:
    """From ``a`` (t = 0) to ``b`` (t = 1) at constant speed, the short way round."""
    return multiply(a, power(multiply(inverse(a), b), t))


def continuous(q: Array) -> Array:
    """``q`` [T, ..., 4] with signs chosen so that neighbours in time are near."""
    flips = np.sum(q[1:] * q[:-1], -1) < 0
    signs = np.concatenate([np.ones_like(q[:1, ..., 0]), np.where(flips, -1.0, 1.0)])
    return q * np.cumprod(signs, axis=0)[..., None]
