"""Windows of joints' places in their own axes, and what of them is known beforehand.

A window's axes lie below the pelvis of its first frame, turned to where the body faces; places in it are
scaled so that the training data lies within ±1, each of x, y and z by itself (TRUMANS, arXiv 2403.08629).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HIPS = (0, 1, 2)  # pelvis, left and right hip
PREFIX = 2  # frames of the window before that a window begins with
# The release's columns of actions; walking and standing are none.
ACTIONS = ("lie_down", "squat", "mouse", "keyboard", "laptop",
           "phone", "book", "bottle", "pen", "vase")  # fmt: skip
STRIDE = 3  # frames at 30 a second from one of a window to the next


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """``low`` and ``high`` [3] of places in windows, metres."""

    low: Array
    high: Array

    def scaled(self, places: Array) -> Array:
        """Metres [..., 3] to ±1."""
        return np.asarray(2 * (places - self.low) / (self.high - self.low) - 1)

    def metres(self, scaled: Array) -> Array:
        """The way back."""
        return np.asarray((scaled + 1) * (self.high - self.low) / 2 + self.low)


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """``place`` (x, z) and ``yaw`` of a window in the world, in double precision."""

    place: Array
    yaw: float

    @classmethod
    def of(cls, joints: Array, rest: Array) -> Axes:
        """Those of a frame [J, 3]: below the pelvis, the yaw of the rigid fit of pelvis and hips to ``rest``
        [3, 3]."""
        now = joints[list(HIPS)]
        a, b = rest - rest.mean(0), now - now.mean(0)
        u, _, v = np.linalg.svd(b.T @ a)
        flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
        ahead = (u @ flip @ v)[:, 2]  # where the body's z axis points
        return cls(joints[0, [0, 2]].copy(), float(np.arctan2(ahead[0], ahead[2])))

    def into(self, places: Array) -> Array:
        """Places [..., 3] of the world in these axes."""
        return np.asarray((places - self._foot()) @ self._turn())

    def world(self, places: Array) -> Array:
        """The way back."""
        return np.asarray(places @ self._turn().T + self._foot())

    def _foot(self) -> Array:
        return np.array([self.place[0], 0.0, self.place[1]])

    def _turn(self) -> Array:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def known(
    norm: Norm, size: tuple[int, int], prefix: Array | None, goal: Array, joint: int = 0
) -> tuple[Array, NDArray[np.bool_]]:
    """What is known of a window [W, 3J], scaled, and where: the ``prefix`` [P, J, 3], and where ``joint`` is
    in the last frames, ``goal`` [G, 3], both in the window's axes. Of the pelvis x and z alone are told."""
    window, joints = size
    values = np.zeros((window, joints, 3))
    where = np.zeros((window, joints, 3), bool)
    told = slice(None) if joint else [0, 2]
    values[-len(goal) :, joint] = norm.scaled(goal)
    where[-len(goal) :, joint, told] = True
    if prefix is not None:
        values[: len(prefix)] = norm.scaled(prefix)
        where[: len(prefix)] = True
    return (values * where).reshape(window, -1), where.reshape(window, -1)
