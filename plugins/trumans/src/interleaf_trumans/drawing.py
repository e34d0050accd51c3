"""Scenes and bodies as pictures: a mesh to look at, a page, a video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from interleaf.values import Mesh, Motion
from interleaf_body import raster
from interleaf_body.camera import look_at
from interleaf_body.picturing import LIGHT, SKIN, SKY, smoothed
from interleaf_trumans.carrying import surfaces, with_things
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import GREY, Array

FLOOR, WALL, THING = (
    np.array([0.80, 0.73, 0.62]),
    np.array([0.90, 0.89, 0.87]),
    np.array([0.55, 0.60, 0.66]),
)


def shown(scene: Scene, cut: float = 1.4) -> Mesh:
    """The scene's mesh for looking at: cut off above ``cut`` metres (0: whole), every triangle flat; a scene
    without colours gets some by what is floor, wall or thing. Points become their cells' upper faces."""
    vertices, faces, colors = scene.vertices.astype(np.float64), scene.faces, scene.colors
    if not len(faces):
        vertices, faces = _columns(scene, cut)
        colors = np.full((len(vertices), 3), GREY)
    paint = colors[faces[:, 0]] if np.ptp(colors) > 0 else _tinted(vertices, faces)
    triangles = vertices[faces]
    if cut:
        triangles, kept = _below(triangles, cut)
        paint = paint[kept]
    corners = triangles.reshape(-1, 3).astype(np.float32)
    order = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    return Mesh(corners, order, np.repeat(paint, 3, 0).astype(np.float32))


def _below(corners: Array, cut: float) -> tuple[Array, Array]:
    """Triangles [F, 3, 3] cut off at a height, and of which triangle each is a part."""
    high = corners[:, :, 1] > cut
    order = np.argsort(high, axis=1, kind="stable")  # the corners below come first
    sorted_ = np.take_along_axis(corners, order[..., None], 1)
    count = high.sum(1)

    def edge(t: Array, low: int, top: int) -> Array:
        """Where the edge from a corner below to one above meets the cut."""
        a, b = t[:, low], t[:, top]
        found: Array = a + (b - a) * ((cut - a[:, 1]) / (b[:, 1] - a[:, 1]))[:, None]
        return found

    whole, two, one = (np.flatnonzero(count == k) for k in (0, 1, 2))
    t, u = sorted_[two], sorted_[one]
    quad = [
        np.stack([t[:, 0], t[:, 1], edge(t, 1, 2)], 1),
        np.stack([t[:, 0], edge(t, 1, 2), edge(t, 0, 2)], 1),
    ]
    tip = np.stack([u[:, 0], edge(u, 0, 1), edge(u, 0, 2)], 1)
    return np.concatenate([corners[whole], *quad, tip]), np.concatenate([whole, two, two, one])


def _tinted(vertices: Array, faces: Array) -> Array:
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    level = np.abs(normal[:, 1]) > 0.9 * np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    floor = level & (np.abs(corners[:, :, 1]).max(1) < 0.06)
    tall = (np.ptp(corners[:, :, 1], axis=1) > 1.9) | (corners[:, :, 1].min(1) > 2.2)
    return np.where(floor[:, None], FLOOR, np.where(tall[:, None], WALL, THING))


def _columns(scene: Scene, cut: float) -> tuple[Array, Array]:
    """A quad on the highest full cell of every column, below the cut."""
    top = min(int(((cut or 3.0) - scene.origin[1]) / scene.voxel), scene.cells.shape[2])
    part = scene.cells[:, :, :top] > 0
    x, z = np.nonzero(part.any(2))
    y = top - 1 - np.argmax(part[x, z, ::-1], axis=1)
    low = np.stack([x, y + 0.5, z], 1) * scene.voxel + scene.origin
    v = scene.voxel
    square = np.array([[0, 0, 0], [0, 0, v], [v, 0, v], [v, 0, 0]])
    vertices = (low[:, None] + square).reshape(-1, 3)
    faces = (np.arange(len(low))[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])).reshape(
        -1, 3
    )
    return vertices, faces.astype(np.int32)


def page_of(
    scene: Scene, motion: Motion, *, body: str = "auto", cut: float = 1.4, title: str = ""
) -> str:
    """The HTML page of a body in a scene: one file, to turn and to scrub."""
    from interleaf_body.backends import body_model
    from interleaf_body.retarget import onto
    from interleaf_body.viewing import page

    person = body_model(body).bake({})
    on = onto(motion, person)
    moving, posed = with_things(person, person.posed(on).joints, scene.things)
    return page(moving, posed, on.fps, title=title or scene.name, scene=shown(scene, cut))


def video_frames(
    scene: Scene,
    motion: Motion,
    *,
    body: str = "auto",
    width: int = 640,
    height: int = 480,
    yaw: float = 35.0,
    pitch: float = 48.0,
    distance: float = 6.0,
    cut: float = 1.4,
    every: int = 1,
) -> Iterator[Array]:
    """Pictures [H, W, 3] uint8 of a body in a scene, of ``every`` so many frames, seen from above by a
    camera that follows."""
    from interleaf_body.backends import body_model
    from interleaf_body.retarget import onto

    person = body_model(body).bake({})
    on, around = onto(motion, person), shown(scene, cut)
    path = smoothed(on.root * [1.0, 0.0, 1.0], on.fps) + np.array([0.0, 0.8, 0.0])
    skin = np.tile(SKIN, (len(person.topology.faces), 1))
    things, faces, paint = surfaces(scene.things, 0)
    surface = Painted(
        around,
        np.concatenate([person.topology.faces, faces + len(person.template)]),
        np.concatenate([skin, paint]),
    )
    for t in range(0, len(path), every):
        view = look_at(path[t], distance=distance, yaw=yaw, pitch=pitch, width=width, height=height)
        part = person.posed(
            Motion(
                on.root[t : t + 1],
                on.rotations[t : t + 1],
                on.joints,
                on.parents,
                on.offsets,
                on.fps,
            )
        )
        things = surfaces(scene.things, t)[0]
        yield surface.drawn(np.concatenate([part.vertices[0], things]), view)


class Painted:
    """A scene and what moves in it (``faces`` [F, 3] with ``colors`` [F, 3]) as one set of triangles."""

    def __init__(self, around: Mesh, faces: Array, colors: Array) -> None:
        assert around.colors is not None
        self.around = around
        self.faces = np.concatenate([around.faces, faces + len(around.vertices)]).astype(np.int32)
        self.colors = np.concatenate([around.colors[around.faces[:, 0]], colors])
        self.fixed = _normals(around.vertices, around.faces)

    def drawn(self, moving: Array, view: Any) -> Array:
        """One picture [H, W, 3] uint8; ``moving`` [V, 3]: the vertices of what moves."""
        points = np.concatenate([self.around.vertices, moving]).astype(np.float32)
        found = raster.rasterize(view.seen(points), self.faces, view, cull="none").face_id[0]
        normals = np.concatenate([self.fixed, _normals(points, self.faces[len(self.fixed) :])])
        towards = view.place - points[self.faces[:, 0]]
        normals = np.where((normals * towards).sum(1, keepdims=True) < 0, -normals, normals)
        light = 0.45 + 0.2 * (normals[:, 1] * 0.5 + 0.5) + 0.4 * np.maximum(normals @ LIGHT, 0)
        paint = np.clip(self.colors * light[:, None], 0, 1)
        picture = np.where((found >= 0)[..., None], paint[np.maximum(found, 0)], SKY)
        return (picture * 255 + 0.5).astype(np.uint8)


def _normals(points: Array, faces: Array) -> Array:
    corners = points[faces]
    n = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out: Array = n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12)
    return out


def plan(scene: Scene, ground: Any, paths: Any = ()) -> Array:
    """A picture of the floor map [H, W, 3] uint8, x to the right, z down: walkable white, too near to
    obstacles light, blocked dark; paths in red."""
    picture = np.full((*ground.free.shape, 3), 90, np.uint8)
    picture[ground.free] = 190
    picture[ground.walkable] = 245
    for path in paths:
        for a, b in pairwise(path):
            count = max(int(np.linalg.norm(b - a) / ground.voxel * 2), 1)
            for share in np.linspace(0, 1, count + 1):
                x, z = ground.cell(a + (b - a) * share)
                picture[x, z] = (210, 60, 40)
    size = max(1, 900 // max(picture.shape[:2]))
    big = picture.transpose(1, 0, 2).repeat(size, 0).repeat(size, 1)
    return np.ascontiguousarray(big)
