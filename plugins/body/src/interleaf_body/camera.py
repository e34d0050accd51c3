"""A pinhole camera: where it stands, where it looks, how wide. Image x to the right, y down, z ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.quaternions import Array


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Intrinsics in pixels (pixel centres at + 0.5) and the rigid map from the world to the camera:
    ``rotation`` 3×3, then ``translation`` 3."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    rotation: Array
    translation: Array

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *np.ravel(self.rotation), *self.translation)
        if not (self.width > 0 and self.height > 0 and self.fx > 0 and self.fy > 0):
            raise InvalidInput("a camera needs a positive size and focal length")
        if not np.isfinite(numbers).all():
            raise InvalidInput("a camera's numbers are finite")

    def seen(self, points: Array) -> Array:
        """World points [..., 3] in the camera's axes, float32."""
        out: Array = points @ self.rotation.T.astype(points.dtype) + self.translation.astype(
            points.dtype
        )
        return out.astype(np.float32, copy=False)

    def project(self, points: Array) -> Array:
        """World points [..., 3] to pixels [..., 2]; behind the camera they make no sense."""
        p = points @ self.rotation.T + self.translation
        return np.stack([self.fx * p[..., 0] / p[..., 2] + self.cx,
                         self.fy * p[..., 1] / p[..., 2] + self.cy], -1)  # fmt: skip

    @property
    def place(self) -> Array:
        """Where the camera stands in the world."""
        return -self.rotation.T @ self.translation

    def moved(self, by: Array) -> Camera:
        """The same camera, moved in the world."""
        return replace(self, translation=self.translation - self.rotation @ by)


def focal(width: int, height: int, diagonal: float) -> float:
    """The focal length in pixels of a diagonal field of view in degrees."""
    if not 0 < diagonal < 180:
        raise InvalidInput(f"a field of view of {diagonal}°", hint="between 0 and 180")
    return float(np.hypot(width, height) / 2 / np.tan(np.radians(diagonal) / 2))


def look_at(
    target: Any, *, distance: float, yaw: float = 0.0, pitch: float = 0.0, width: int = 512,
    height: int = 512, diagonal: float = 55.0,
) -> Camera:  # fmt: skip
    """A camera at ``distance`` metres from ``target``. ``yaw`` 0 looks at the front of a body that faces +z,
    90 at its left side; ``pitch`` lifts the camera; degrees."""
    y, p = np.radians(yaw), np.radians(pitch)
    towards = np.array([np.sin(y) * np.cos(p), np.sin(p), np.cos(y) * np.cos(p)])
    ahead = -towards
    right = np.array([np.cos(y), 0.0, -np.sin(y)])  # of a viewer who looks back at the body
    down = np.cross(ahead, right)
    rotation = np.stack([right, down, ahead])
    place = np.asarray(target, float) + distance * towards
    f = focal(width, height, diagonal)
    return Camera(width, height, f, f, width / 2, height / 2, rotation, -rotation @ place)


def framing(
    points: Array, *, yaw: float = 0.0, pitch: float = 10.0, width: int = 512, height: int = 512,
    diagonal: float = 55.0, margin: float = 1.08,
) -> Camera:  # fmt: skip
    """A camera that sees all of the points [..., 3], as near as it can."""
    flat = points.reshape(-1, 3)
    flat = flat[np.isfinite(flat).all(1)]
    if not len(flat):
        raise InvalidInput("there are no points to look at")
    low, high = flat.min(0), flat.max(0)
    target = (low + high) / 2
    near = look_at(
        target, distance=0.0, yaw=yaw, pitch=pitch, width=width, height=height, diagonal=diagonal
    )
    seen = (flat - target) @ near.rotation.T  # in the camera's axes, from the target
    wide = np.abs(seen[:, 0]) * near.fx * 2 / width
    tall = np.abs(seen[:, 1]) * near.fy * 2 / height
    distance = float((margin * np.maximum(wide, tall) - seen[:, 2]).max())
    return look_at(
        target,
        distance=max(distance, 0.1),
        yaw=yaw,
        pitch=pitch,
        width=width,
        height=height,
        diagonal=diagonal,
    )
