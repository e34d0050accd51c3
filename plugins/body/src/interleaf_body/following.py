"""A fitted person followed through a clip: the shape stays, the pose goes along with each frame's points.

Each frame begins from the one before (prior N(0, 0.1 rad) on how joints turn between frames) and all are
smoothed over time; points that a frame lacks are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares

from interleaf.errors import InvalidInput
from interleaf_body.backends import body_model
from interleaf_body.model import BodyModel
from interleaf_body.photo import FLIP, MOVED
from interleaf_body.quaternions import Array
from interleaf_body.roles import roles_of
from interleaf_body.values import Person

STEADY = 0.1  # radians that joints turn between frames
EXACT = 0.02  # of a face's height: how exactly points are known
FEWEST = 4  # points of a frame below which it keeps the pose before it


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """``person`` in the first frame, and in every frame ``rotvec`` T×J×3, ``transl`` T×3, ``residual`` T: the
    median distance of points in pixels, NaN where there were too few."""

    person: Person
    rotvec: Array
    transl: Array
    residual: Array

    def at(self, frame: int) -> Person:
        """The person of one frame."""
        p, off = self.person, float(self.residual[frame])
        return Person(
            p.body, p.shape, self.rotvec[frame][None], self.transl[frame], p.lens, p.size,
            off if np.isfinite(off) else p.residual, p.trusted,
        )  # fmt: skip


def follow(
    person: Person, names: tuple[str, ...], points: Array, smooth: float = 1.0,
    told: Callable[[int], None] = lambda frame: None,
) -> Track:  # fmt: skip
    """The person of a clip's first frame in all of them; ``points`` [T, N, 2] in pixels, NaN where unknown.

    ``smooth``: standard deviation in frames of the Gaussian that poses are smoothed with, 0 for none.
    """
    model = body_model(person.body)
    marks = model.topology.landmarks
    if points.ndim != 3 or points.shape[1:] != (len(names), 2):
        raise InvalidInput(f"points are T×{len(names)}×2, got {points.shape}")
    if unknown := [n for n in names if n not in marks]:
        raise InvalidInput(f"no keypoint '{unknown[0]}'", hint=f"known: {', '.join(marks)}")
    fit = _Fit(model, person, names, points)
    rotvec = np.repeat(person.rotvec, len(points), 0).astype(np.float64)
    transl = np.repeat(person.transl[None], len(points), 0).astype(np.float64)
    residual = np.full(len(points), np.nan)
    x = fit.first
    for t, seen in enumerate(points):
        known = np.isfinite(seen).all(1)
        if known.sum() >= FEWEST:
            x = fit.near(x, seen, known)
            residual[t] = np.median(np.linalg.norm(fit.projected(x) - seen, axis=1)[known])
        transl[t], rotvec[t, fit.joints] = x[:3], x[3:].reshape(-1, 3)
        told(t + 1)
    if smooth > 0 and len(points) > 1:
        transl = gaussian_filter1d(transl, smooth, axis=0, mode="nearest")
        rotvec = gaussian_filter1d(rotvec, smooth, axis=0, mode="nearest")
    return Track(person, rotvec.astype(np.float32), transl.astype(np.float32), residual)


class _Fit:
    def __init__(
        self, model: BodyModel, person: Person, names: tuple[str, ...], points: Array
    ) -> None:
        self.body = model.bake(person.shape)
        self.vertices = [model.topology.landmarks[n][0] for n in names]
        still = self.body.motion(
            np.zeros((1, 3)), np.tile([1.0, 0, 0, 0], (1, len(self.body.heads), 1)), 1.0
        )
        roles = roles_of(still)
        self.joints = [0, *(roles[r] for r in MOVED if r in roles)]
        self.rest = np.asarray(person.rotvec, np.float64)
        self.first = np.concatenate([person.transl, self.rest[0, self.joints].ravel()])
        self.lens = np.array(person.lens)
        spread = np.nanmax(points, (0, 1)) - np.nanmin(points, (0, 1))
        self.exact = EXACT * float(max(spread.max(), 1.0))

    def projected(self, x: Array) -> Array:
        """Landmarks [N, 2] of the posed body in pixels."""
        rotvec = self.rest.copy()
        rotvec[0, self.joints] = x[3:].reshape(-1, 3)
        vertices = self.body(rotvec, None, x[None, :3]).vertices[0]
        seen = np.stack([vertices[v].mean(0) for v in self.vertices]) * FLIP
        found: Array = seen[:, :2] / np.maximum(seen[:, 2:], 1e-2) * self.lens[:2] + self.lens[2:]
        return found

    def near(self, x: Array, seen: Array, known: Array) -> Array:
        """The pose near to ``x`` that shows the known points where they are seen."""

        def residuals(y: Array) -> Array:
            off = (self.projected(y) - seen)[known] / self.exact
            return np.concatenate([off.ravel(), (y[3:] - x[3:]) / STEADY])

        found: Array = least_squares(residuals, x, max_nfev=6, x_scale="jac").x
        return found
