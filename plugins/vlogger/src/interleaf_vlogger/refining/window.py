"""What the correcting network is told: a square about the person, of the same few pixels for every photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from interleaf_body.camera import Camera
from interleaf_body.raster import interpolate, rasterize
from interleaf_body.shading import vertex_normals
from interleaf_vlogger.compositor import Compositor, Drawn

Floats = np.ndarray[Any, Any]
MARGIN = 1.15  # of the body's box in the photo: how wide the square is


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Of one frame, bytes: the compositor's ``frame`` [S, S, 3]; ``masks`` [S, S, 2]: body that the photo
    hides, background that comes to light; ``geometry`` [S, S, 9]: places in the rest pose, normals, and the
    normals that the same points have in the photo; ``part`` [S, S]."""

    frame: Floats
    masks: Floats
    geometry: Floats
    part: Floats


class Window:
    """A part of a compositor's photo, seen ``side`` pixels wide and high; it stays where it is."""

    def __init__(self, known: Compositor, side: int) -> None:
        self.known, self.side = known, side
        self.box = box_about(known.part > 0)
        rows, columns = self.box
        width, height = columns.stop - columns.start, rows.stop - rows.start
        across, down, c = side / width, side / height, known.camera
        self.camera = Camera(
            side, side, c.fx * across, c.fy * down, (c.cx - columns.start) * across,
            (c.cy - rows.start) * down, c.rotation, c.translation,
        )  # fmt: skip
        person, body = known.person, known.body
        still = body(person.rotvec, None, person.transl[None]).vertices[0]
        rest = body(np.zeros_like(person.rotvec)).vertices[0]
        low, high = rest.min(0), rest.max(0)
        self.faces = np.ascontiguousarray(known.surface.faces, np.int32)
        self.places = (2 * (rest - low) / np.maximum(high - low, 1e-9) - 1).astype(np.float32)
        self.then = self._normals(still)
        geometry, part = self._geometry(still)
        self.photo = np.concatenate([self.small(known.photo), self.small(known.behind)], -1)
        share = self.small(np.rint(255 * known.matte[..., 0]).astype(np.uint8))
        there = (part > 0).astype(np.uint8) * np.uint8(255)
        self.rest = np.concatenate([geometry[..., :6], np.stack([there, share], -1)], -1)

    def small(self, picture: Floats) -> Floats:
        """The window of a picture [H, W, ...] uint8."""
        cut = np.ascontiguousarray(picture[self.box])
        return cv2.resize(cut, (self.side, self.side), interpolation=cv2.INTER_AREA)

    def large(self, values: Floats) -> Floats:
        """Values [S, S, C] at the window's own size in the picture."""
        rows, columns = self.box
        size = columns.stop - columns.start, rows.stop - rows.start
        return cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)

    def heard(self, drawn: Drawn) -> Heard:
        """Of one frame."""
        shown = (drawn.part == 0) & (self.known.part > 0)
        masks = np.stack([drawn.hides, shown], -1).astype(np.uint8) * np.uint8(255)
        geometry, part = self._geometry(drawn.vertices)
        return Heard(self.small(drawn.frame), self.small(masks), geometry, part)

    def _geometry(self, vertices: Floats) -> tuple[Floats, Floats]:
        seen = rasterize(
            self.camera.seen(np.ascontiguousarray(vertices, np.float32)), self.faces, self.camera
        )
        values = np.concatenate([self.places, self._normals(vertices), self.then], 1)
        face = seen.face_id[0]
        part = np.where(face >= 0, self.known.surface.part_of_face[face], 0).astype(np.uint8)
        return _bytes(interpolate(seen, self.faces, values)[0]), part

    def _normals(self, vertices: Floats) -> Floats:
        out = np.zeros(vertices.shape, np.float32)
        vertex_normals(np.ascontiguousarray(vertices, np.float32), self.faces, out)
        return out


def box_about(body: Floats) -> tuple[slice, slice]:
    """Rows and columns of a square about a mask [H, W], as far as the picture goes."""
    height, width = body.shape
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    if not len(rows):
        return slice(0, height), slice(0, width)
    wide = MARGIN * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    out = []
    for at, most in ((rows, height), (columns, width)):
        size = min(round(wide), most)
        first = int(np.clip(round((at[0] + at[-1] + 1 - size) / 2), 0, most - size))
        out.append(slice(first, first + size))
    return out[0], out[1]


def _bytes(values: Floats) -> Floats:
    """-1..1 as bytes."""
    found: Floats = np.rint((np.clip(values, -1, 1) + 1) * 127.5).astype(np.uint8)
    return found
