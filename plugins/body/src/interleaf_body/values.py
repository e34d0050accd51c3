"""Values that flow between steps beyond the core's: a posed body, a face in motion, a fitted person."""

from __future__ import annotations

from dataclasses import dataclass

from interleaf.errors import InvalidInput
from interleaf_body.quaternions import Array


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """A body in every frame: ``vertices`` T×V×3 float32 metres y-up, ``joints`` T×J×4×4 frames in the world,
    ``faces`` F×3, ``fps``."""

    vertices: Array
    joints: Array
    faces: Array
    fps: float

    def __post_init__(self) -> None:
        if self.vertices.ndim != 3 or self.vertices.shape[2] != 3:
            raise InvalidInput(f"posed vertices are T×V×3, got {self.vertices.shape}")
        if self.joints.shape[:1] != self.vertices.shape[:1] or self.joints.shape[2:] != (4, 4):
            raise InvalidInput(f"posed joints are T×J×4×4, got {self.joints.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """Expressions over time: ``amounts`` T×E in 0..1 of the actions ``names`` (ARKit's, where known)."""

    amounts: Array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.amounts.ndim != 2 or self.amounts.shape[1] != len(self.names):
            raise InvalidInput(
                f"expressions are T×E for {len(self.names)} names, got {self.amounts.shape}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A body fitted to a photo: ``body`` and its ``shape`` (names and values), ``rotvec`` 1×J×3,
    ``transl`` 3, and the camera: ``lens`` fx, fy, cx, cy in pixels of a ``size`` (width, height), at the
    world's origin, looking along −z. ``residual`` in pixels; ``trusted``: it is small against the face."""

    body: str
    shape: dict[str, float]
    rotvec: Array
    transl: Array
    lens: tuple[float, ...]
    size: tuple[int, ...]
    residual: float
    trusted: bool
