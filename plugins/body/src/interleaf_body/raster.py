"""Meshes to pixels on a CPU: which face is seen where, and maps of what it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body import raster_kernels, shading
from interleaf_body.camera import Camera
from interleaf_body.model import WithTopology
from interleaf_body.quaternions import Array
from interleaf_body.skinning import shared

NEAR = 0.01  # metres
Cull = Literal["back", "none"]
MAPS = ("normals", "part", "uv", "depth", "template")
CHANNELS: dict[str, tuple[int, ...]] = {
    "normals": (3,),
    "template": (3,),
    "uv": (2,),
    "part": (),
    "depth": (),
}
NONE3, NONE = np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32)
NONE8 = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """What is seen. ``face_id`` [B, H, W] int32, −1 where nothing is; ``bary`` [B, H, W, 2] float32,
    weights of the face's first two vertices, perspective-correct; ``inv_z`` [B, H, W] float32, 1 / metres;
    ``skipped`` [B]: faces without area or with a vertex that is not finite."""

    face_id: Array
    bary: Array
    inv_z: Array
    skipped: Array


class Scratch:
    """What one frame needs while it is drawn: snapped vertices, and the rectangle touched."""

    def __init__(self, vertices: int) -> None:
        self.xs, self.ys = np.empty(vertices, np.int32), np.empty(vertices, np.int32)
        self.inverse, self.box = np.empty(vertices), np.empty(4, np.int64)

    def draw(self, points: Array, faces: Array, camera: Camera, near: float, cull: bool,
             face_id: Array, inv_z: Array) -> int:  # fmt: skip
        """Draw one frame into cleared pictures; gives the number of skipped faces."""
        lens = (camera.fx, camera.fy, camera.cx, camera.cy)
        raster_kernels.project(points, *lens, near, self.xs, self.ys, self.inverse)
        return int(
            raster_kernels.draw(
                points,
                faces,
                *lens,
                near,
                cull,
                self.xs,
                self.ys,
                self.inverse,
                face_id,
                inv_z,
                self.box,
            )
        )

    def touched(self) -> tuple[slice, slice]:
        """The rows and columns that the last frame drew into."""
        top, bottom, left, right = self.box.tolist()
        return slice(top, bottom + 1), slice(left, max(right + 1, left))


def checked(points: Array, faces: Array, near: float) -> tuple[Array, Array]:
    """Points [B, V, 3] float32 and faces [F, 3] int32; InvalidInput for other shapes and wild indices."""
    points = points[None] if points.ndim == 2 else points
    if points.ndim != 3 or points.shape[2] != 3:
        raise InvalidInput(f"vertices are B×V×3, got shape {points.shape}")
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise InvalidInput(f"faces are F×3 integers, got shape {faces.shape}, {faces.dtype}")
    if len(faces) and not (faces.min() >= 0 and faces.max() < points.shape[1]):
        raise InvalidInput(f"a face names a vertex beyond the {points.shape[1]} there are")
    if not near > 0:
        raise InvalidInput(f"a near plane at {near} m", hint="a positive distance")
    return np.ascontiguousarray(points, np.float32), np.ascontiguousarray(faces, np.int32)


def rasterize(
    points: Array, faces: Array, camera: Camera, *, near: float = NEAR, cull: Cull = "back", threads: int = 1
) -> Raster:  # fmt: skip
    """Draw ``points`` [B, V, 3] in the camera's axes (``camera.seen``) with ``faces`` [F, 3].

    Visibility is not differentiable; attributes are, through ``interpolate``.
    """
    points, faces = checked(points, faces, near)
    size = (len(points), camera.height, camera.width)
    face_id, inv_z = np.full(size, -1, np.int32), np.zeros(size, np.float32)
    bary, skipped = np.zeros((*size, 2), np.float32), np.zeros(len(points), np.int64)

    def work(part: slice) -> None:
        scratch = Scratch(points.shape[1])
        for t in range(part.start, part.stop):
            skipped[t] = scratch.draw(
                points[t], faces, camera, near, cull == "back", face_id[t], inv_z[t]
            )
            shading.weights(points[t], faces, camera.fx, camera.fy, camera.cx, camera.cy, scratch.xs,
                            scratch.ys, scratch.inverse, face_id[t], scratch.box, bary[t])  # fmt: skip

    shared(work, len(points), threads)
    return Raster(face_id, bary, inv_z, skipped)


def interpolate(raster: Raster, corners: Array, values: Array) -> Array:
    """Maps [B, H, W, C] of ``values`` [N, C] or [B, N, C] at the ``corners`` [F, 3] of faces; 0 elsewhere."""
    values = np.ascontiguousarray(values, np.float32)
    if values.ndim == 2:
        values = np.broadcast_to(values, (len(raster.face_id), *values.shape))
    corners = np.ascontiguousarray(corners, np.int32)
    out = np.zeros((*raster.face_id.shape, values.shape[2]), np.float32)
    for t in range(len(out)):
        shading.interpolated(raster.face_id[t], raster.bary[t], corners, values[t], out[t])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A mesh with what its maps show: texture coordinates, a part for each face, and where each vertex is in
    the rest pose, scaled to 0..1 by the rest pose's box."""

    faces: Array
    uv: Array
    face_uv: Array
    part_of_face: Array
    template: Array

    @classmethod
    def of(cls, body: WithTopology, rest: Array) -> Surface:
        """A baked body's; ``rest`` V×3 its vertices in the rest pose."""
        t = body.topology
        low, high = rest.min(0), rest.max(0)
        template = ((rest - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
        return cls(t.faces, t.uv, t.face_uv, t.part_of_face, template)


class Canvas:
    """Where maps are drawn, again and again: clearing what the last frame touched beats new memory.

    ``planes`` holds the maps of the last call; the next call overwrites them.
    """

    def __init__(
        self, frames: int, camera: Camera, surface: Surface, wanted: Sequence[str] = MAPS
    ) -> None:
        if unknown := [name for name in wanted if name not in MAPS]:
            raise InvalidInput(f"no map '{unknown[0]}'", hint=f"one of {', '.join(MAPS)}")
        self.size, self.surface = (frames, camera.height, camera.width), surface
        self.planes = {
            name: np.zeros(
                (*self.size, *CHANNELS[name]), np.uint8 if name == "part" else np.float32
            )
            for name in wanted
        }
        self.dirty = [(slice(0), slice(0))] * frames
        self.corner_uv = np.ascontiguousarray(
            surface.uv[surface.face_uv].reshape(-1, 6), np.float32
        )
        self.brushes: dict[int, Brush] = {}

    def brush(self, first: int) -> Brush:
        """The working memory of the thread that draws frames from ``first`` on."""
        if first not in self.brushes:
            self.brushes[first] = Brush(self)
        return self.brushes[first]


class Brush:
    """One thread's working memory."""

    def __init__(self, canvas: Canvas) -> None:
        count, size = len(canvas.surface.template), canvas.size[1:]
        self.canvas, self.scratch = canvas, Scratch(count)
        self.face_id, self.inv_z = np.full(size, -1, np.int32), np.zeros(size, np.float32)
        self.seen, self.normals = np.empty((count, 3), np.float32), np.zeros((count, 3), np.float32)
        self.rows = np.zeros((count, shading.ROW), np.float32)
        self.rows[:, shading.P : shading.P + 3] = canvas.surface.template

    def draw(
        self, t: int, world: Array, faces: Array, camera: Camera, near: float, cull: bool
    ) -> None:
        """Frame ``t`` of the canvas."""
        c, s = self.canvas, self.scratch
        shading.seen_from(world, camera.rotation, camera.translation, self.seen)
        s.draw(self.seen, faces, camera, near, cull, self.face_id, self.inv_z)
        if "normals" in c.planes:
            shading.vertex_normals(world, faces, self.normals)
        shading.pack(s.xs, s.ys, s.inverse, self.normals, self.rows)
        one = {name: plane[t] for name, plane in c.planes.items()}
        for plane in one.values():
            plane[c.dirty[t]] = 0
        shading.shade(
            self.rows, self.seen, faces, camera.fx, camera.fy, camera.cx, camera.cy, s.xs, s.ys, s.inverse,
            self.face_id, self.inv_z, s.box, c.corner_uv, c.surface.part_of_face, one.get("normals", NONE3),
            one.get("template", NONE3), one.get("uv", NONE3), one.get("part", NONE8), one.get("depth", NONE),
        )  # fmt: skip
        c.dirty[t] = s.touched()
        self.face_id[c.dirty[t]], self.inv_z[c.dirty[t]] = -1, 0


def maps(
    vertices: Array, surface: Surface, camera: Camera, wanted: Sequence[str] = MAPS, *, near: float = NEAR,
    cull: Cull = "back", threads: int = 1, canvas: Canvas | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Maps of a mesh in world coordinates [B, V, 3], by name, 0 where nothing is seen.

    ``normals`` [B, H, W, 3] unit vectors in the world, ``part`` [B, H, W] uint8, ``uv`` [B, H, W, 2] in 0..1,
    ``depth`` [B, H, W] metres along the view, ``template`` [B, H, W, 3] in 0..1. ``canvas``: where to draw,
    again and again; it decides the maps, and the result is valid until the next call.
    """
    world, faces = checked(vertices, surface.faces, near)
    canvas = canvas or Canvas(len(world), camera, surface, wanted)
    if canvas.size != (len(world), camera.height, camera.width) or canvas.surface is not surface:
        raise InvalidInput(
            f"the canvas is for {canvas.size} frames, rows, columns of its own surface"
        )

    def work(part: slice) -> None:
        brush = canvas.brush(part.start)
        for t in range(part.start, part.stop):
            brush.draw(t, world[t], faces, camera, near, cull == "back")

    shared(work, len(world), threads)
    return canvas.planes
