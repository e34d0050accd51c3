"""A body fitted to the points of one photo, by least squares.

Unknown: where the body stands before the camera, its turn, the rotations of neck, spine and shoulders
(prior N(0, 0.3 rad)) and its shape (prior N(0.5, 0.15)); known: the lens, from the diagonal field of view.
Minimised: distances between projected landmarks of the mesh and the points, in pixels of a face height.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from interleaf_body.camera import focal
from interleaf_body.keypoints import Points
from interleaf_body.model import BakedBody, BodyModel
from interleaf_body.quaternions import Array
from interleaf_body.roles import roles_of
from interleaf_body.values import Person

MOVED = ("neck", "head", "spine3", "spine2", "left_shoulder", "right_shoulder")
POSE_PRIOR, SHAPE_PRIOR = 0.3, 0.15  # radians; of 0..1
POINT = 0.02  # of a face's height: how exactly points are set by hand
TRUSTED = 0.025  # of a face's height: the median residual up to which a fit is trusted
STEP = 0.1  # of shape, for differences
FLIP = np.array([1.0, -1.0, -1.0])  # the world looks along −z, the camera along +z with y down


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """Landmarks of the middle shape by their vertices, and how shape moves them: ``shift`` [S, N, 3]."""

    body: BakedBody
    names: tuple[str, ...]
    vertices: tuple[Array, ...]
    joints: tuple[int, ...]
    shift: Array


def fit(
    model: BodyModel, name: str, points: Points, size: tuple[int, int], diagonal: float = 55.0
) -> Person:  # fmt: skip
    """The person whose landmarks project onto ``points``; ``size`` (width, height) of the photo in pixels,
    ``diagonal`` field of view in degrees."""
    width, height = size
    f = focal(width, height, diagonal)
    guide = _guide(model, points)
    target = np.array([points.at[n] for n in guide.names])
    weight = np.array([points.weight[n] for n in guide.names])
    face = _face_height(points, target)
    shapes = model.shape_names
    poses = len(guide.joints)

    def landmarks(x: Array) -> Array:
        """Of the posed body [N, 3] in the world."""
        rotvec = np.zeros((1, len(guide.body.heads), 3))
        rotvec[0, list(guide.joints)] = x[3 : 3 + 3 * poses].reshape(poses, 3)
        vertices = guide.body(rotvec, None, x[None, :3]).vertices[0]
        at = np.stack([vertices[v].mean(0) for v in guide.vertices])
        moved: Array = at + np.tensordot(x[3 + 3 * poses :], guide.shift, 1)
        return moved

    def projected(x: Array) -> Array:
        seen = landmarks(x) * FLIP
        depth = np.maximum(seen[:, 2:], 1e-2)
        return seen[:, :2] / depth * f + np.array([width, height]) / 2

    def residuals(x: Array) -> Array:
        off = (projected(x) - target) / (face * POINT) * weight[:, None]
        pose, shape = x[6 : 3 + 3 * poses] / POSE_PRIOR, x[3 + 3 * poses :] / SHAPE_PRIOR
        root = x[3:6] / 2.0  # anything within half a turn, upright preferred
        return np.concatenate([off.ravel(), pose, shape, root])

    start = _start(guide, target, f, (width, height), len(shapes), landmarks)
    lower, upper = np.full(len(start), -np.inf), np.full(len(start), np.inf)
    lower[3 + 3 * poses :], upper[3 + 3 * poses :] = -0.5, 0.5
    found = least_squares(residuals, start, bounds=(lower, upper), max_nfev=200, x_scale="jac")
    off = np.linalg.norm(projected(found.x) - target, axis=1)
    residual = float(np.median(off))
    rotvec = np.zeros((1, len(guide.body.heads), 3), np.float32)
    rotvec[0, list(guide.joints)] = found.x[3 : 3 + 3 * poses].reshape(poses, 3)
    shape = {n: float(0.5 + v) for n, v in zip(shapes, found.x[3 + 3 * poses :], strict=True)}
    trusted = residual <= TRUSTED * face and not points.guessed
    lens = (f, f, width / 2, height / 2)
    return Person(
        name, shape, rotvec, found.x[:3].astype(np.float32), lens, size, residual, trusted
    )


def _guide(model: BodyModel, points: Points) -> Guide:
    body = model.bake()
    marks = body.topology.landmarks
    names = tuple(n for n in points.at if n in marks)
    vertices = tuple(marks[n][0] for n in names)

    def rest(shape: dict[str, float]) -> Array:
        one = model.bake(shape)
        out = one(np.zeros((1, len(one.heads), 3))).vertices[0]
        return np.stack([out[v].mean(0) for v in vertices])

    still = rest({})
    shift = np.stack([(rest({n: 0.5 + STEP}) - still) / STEP for n in model.shape_names])
    still_motion = body.motion(
        np.zeros((1, 3)), np.tile([1.0, 0, 0, 0], (1, len(body.heads), 1)), 1.0
    )
    roles = roles_of(still_motion)
    joints = (0, *(roles[r] for r in MOVED if r in roles))
    return Guide(body, names, vertices, joints, shift)


def _face_height(points: Points, target: Array) -> float:
    """From the chin to as far above the eyes again, in pixels; by the eyes' distance where it is missing."""
    eyes = [np.array(points.at[n]) for n in ("left_eye", "right_eye") if n in points.at]
    if eyes and "chin" in points.at:
        return float(2 * np.linalg.norm(np.mean(eyes, 0) - points.at["chin"]))
    if len(eyes) == 2:
        return float(3.5 * np.linalg.norm(eyes[0] - eyes[1]))
    return float(np.ptp(target, 0).max())


def _start(
    guide: Guide, target: Array, f: float, size: tuple[int, int], shapes: int,
    landmarks: Callable[[Array], Array],
) -> Array:  # fmt: skip
    """Facing the camera, as far away as the spread of the points says, their middle in the middle."""
    x = np.zeros(3 + 3 * len(guide.joints) + shapes)
    at = landmarks(x)
    spread = np.linalg.norm(at[:, :2] - at[:, :2].mean(0), axis=1).mean()
    seen = max(np.linalg.norm(target - target.mean(0), axis=1).mean(), 1.0)
    depth = f * spread / seen
    middle = (target.mean(0) - np.array(size) / 2) * depth / f
    x[:3] = np.array([middle[0], -middle[1], -depth]) - at.mean(0)
    return x
