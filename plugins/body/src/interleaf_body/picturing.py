"""Pictures of a moving body: the body in light on a floor, its bones, or its maps as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from interleaf.values import Motion
from interleaf_body import raster
from interleaf_body.camera import Camera, framing, look_at
from interleaf_body.config import CameraConfig
from interleaf_body.model import PARTS, BakedBody
from interleaf_body.quaternions import Array

BLOCK = 16  # frames that are posed and drawn together
LIGHT = np.array([0.5, 0.9, 0.7]) / np.linalg.norm([0.5, 0.9, 0.7])
SKIN, FLOOR, LINES, SKY = (np.array(c) for c in ((0.80, 0.74, 0.68), (0.87, 0.86, 0.83), (0.74, 0.72, 0.68),
                                                (0.93, 0.92, 0.90)))  # fmt: skip


def cameras(motion: Motion, body: BakedBody, config: CameraConfig) -> list[Camera]:
    """A camera for each frame, all alike but for where they stand; they follow the path smoothly."""
    count = len(motion.root)
    path = (
        smoothed(motion.root * [1.0, 0.0, 1.0], motion.fps)
        if config.follow
        else np.zeros((count, 3))
    )
    few = np.unique(np.linspace(0, count - 1, min(count, 40)).astype(int))
    sample = replace(motion, root=motion.root[few] - path[few], rotations=motion.rotations[few])
    seen = body.posed(sample).vertices
    names = ("yaw", "pitch", "width", "height", "diagonal")
    options: dict[str, Any] = {name: getattr(config, name) for name in names}
    view = framing(seen, **options)
    if config.distance:
        target = (seen.reshape(-1, 3).min(0) + seen.reshape(-1, 3).max(0)) / 2
        view = look_at(target, distance=config.distance, **options)
    return [view.moved(step) for step in path]


def smoothed(path: Array, fps: float) -> Array:
    """A running mean over a second, so that a following camera does not shake."""
    width = max(int(fps) // 2, 0)
    padded = np.concatenate([np.repeat(path[:1], width, 0), path, np.repeat(path[-1:], width, 0)])
    sums = np.cumsum(np.concatenate([np.zeros((1, 3)), padded]), 0)
    out: Array = (sums[2 * width + 1 :] - sums[: -2 * width - 1]) / (2 * width + 1)
    return out


def map_frames(
    motion: Motion, body: BakedBody, config: CameraConfig, name: str, expr: Array | None, threads: int,
    span: tuple[float, float],
) -> Iterator[Array]:  # fmt: skip
    """One map of every frame as a picture [H, W, 3], float32 in 0..1."""
    views, surface = cameras(motion, body, config), _surface(body)
    canvas = raster.Canvas(1, views[0], surface, tuple({name, "depth"}))
    for first in range(0, len(views), BLOCK):
        part = slice(first, first + BLOCK)
        vertices = _posed(motion, body, expr, part, threads)
        for view, points in zip(views[part], vertices, strict=True):
            found = raster.maps(points, surface, view, canvas=canvas)
            yield as_picture(name, found[name][0], found["depth"][0] > 0, span)


def as_picture(name: str, values: Array, seen: Array, span: tuple[float, float]) -> Array:
    """A map as colours in 0..1; black where nothing is seen."""
    if name == "normals":
        values = values * 0.5 + 0.5
    elif name == "part":
        values = np.repeat(values[..., None] / (len(PARTS) - 1), 3, 2)
    elif name == "uv":
        values = np.concatenate([values, np.zeros_like(values[..., :1])], -1)
    elif name == "depth":
        near, far = span
        values = np.repeat(((far - values) / (far - near))[..., None], 3, 2)
    return np.where(seen[..., None], np.clip(values, 0, 1), 0).astype(np.float32)


def shaded_frames(
    motion: Motion, body: BakedBody, config: CameraConfig, expr: Array | None, threads: int
) -> Iterator[Array]:
    """The body in light, with its shadow on a floor of 1 m squares, [H, W, 3] uint8."""
    views, surface = cameras(motion, body, config), _surface(body)
    for first in range(0, len(views), BLOCK):
        part = slice(first, first + BLOCK)
        vertices = _posed(motion, body, expr, part, threads)
        for view, points in zip(views[part], vertices, strict=True):
            yield shaded(points, surface, view)


def shaded(points: Array, surface: raster.Surface, view: Camera) -> Array:
    """One picture of a body [V, 3] on the floor y = 0."""
    picture = _ground(view)
    shadow = points - LIGHT.astype(np.float32) * (np.maximum(points[:, 1:2], 0) / LIGHT[1]).astype(
        np.float32
    )
    fallen = raster.rasterize(view.seen(shadow), surface.faces, view, cull="none").face_id[0] >= 0
    picture = np.where(fallen[..., None], picture * 0.78, picture)
    found = raster.maps(points, surface, view, ("normals", "depth"))
    normals, seen = found["normals"][0], found["depth"][0] > 0
    strength = 0.42 + 0.18 * (normals[..., 1] * 0.5 + 0.5) + 0.45 * np.maximum(normals @ LIGHT, 0)
    body = SKIN * strength[..., None]
    return (np.clip(np.where(seen[..., None], body, picture), 0, 1) * 255 + 0.5).astype(np.uint8)


def _ground(view: Camera) -> Array:
    """The floor y = 0 with lines every metre, fading into the sky."""
    y, x = np.indices((view.height, view.width)) + 0.5
    rays = (
        np.stack([(x - view.cx) / view.fx, (y - view.cy) / view.fy, np.ones_like(x)], -1)
        @ view.rotation
    )
    place = view.place
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays[..., 1] < -1e-6, -place[1] / rays[..., 1], np.inf)
        spot = place + rays * np.minimum(far, 1e3)[..., None]
    near = np.where(np.isfinite(far) & (far > 0), np.exp(-0.09 * far), 0.0)[..., None]
    edge = np.abs(spot[..., [0, 2]] - np.round(spot[..., [0, 2]])).min(-1)
    width = np.maximum(0.012, 0.9 * np.minimum(far, 1e3) / view.fx)
    line = np.clip(1.5 - edge / width, 0, 1)[..., None]
    return SKY * (1 - near) + (FLOOR * (1 - line) + LINES * line) * near


def skeleton_frames(motion: Motion, body: BakedBody, config: CameraConfig) -> Iterator[Array]:
    """The joints and bones of every frame on the floor, [H, W, 3] uint8."""
    from PIL import Image, ImageDraw

    from interleaf_body.skeleton import world

    heads = world(motion)[1]
    for view, joints in zip(cameras(motion, body, config), heads, strict=True):
        opened = Image.fromarray((np.clip(_ground(view), 0, 1) * 255).astype(np.uint8))
        pen, depth = ImageDraw.Draw(opened), joints @ view.rotation[2] + view.translation[2]
        spots = [tuple(p) for p in view.project(joints).tolist()]
        size = max(view.height / 170, 1.5)
        for j, p in enumerate(motion.parents):
            if p >= 0 and min(depth[j], depth[p]) > raster.NEAR:
                pen.line([spots[p], spots[j]], fill=(30, 90, 180), width=int(size))
        for (x, y), z in zip(spots, depth, strict=True):
            if z > raster.NEAR:
                pen.ellipse([x - size, y - size, x + size, y + size], fill=(20, 50, 120))
        yield np.asarray(opened)


def _surface(body: BakedBody) -> raster.Surface:
    rest = body(np.zeros((1, len(body.heads), 3), np.float32)).vertices[0]
    return raster.Surface.of(body, rest)


def _posed(motion: Motion, body: BakedBody, expr: Array | None, part: slice, threads: int) -> Array:
    some = replace(motion, root=motion.root[part], rotations=motion.rotations[part])
    out: Array = body.posed(some, None if expr is None else expr[part], threads=threads).vertices
    return out
