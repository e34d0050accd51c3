"""What the paper's second network is told about each frame (section 3.2): where which point of the body is,
what region it belongs to, and the photo's colours carried along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.keypoints import as_rgb
from interleaf_body.model import PARTS
from interleaf_body.photo import FLIP
from interleaf_body.raster import Canvas, Surface, maps
from interleaf_body.values import Person

Floats = np.ndarray[Any, Any]
REGIONS = ("background", "body", "head", "hand.L", "hand.R", "eyes", "mouth")
_OF_PART = {"foot.L": "body", "foot.R": "body", "eye.L": "eyes", "eye.R": "eyes", "tongue": "mouth"}
REGION_OF_PART = np.array([REGIONS.index(_OF_PART.get(p, p)) for p in PARTS], np.uint8)
NEAR = 0.02  # metres by which a point may lie behind what the photo shows
GREYS = 255 // (len(REGIONS) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """Of T frames: ``dense`` C_d [T, H, W, 3] float32, places in the rest pose, 0..1 of its box; ``regions``
    C_m [T, H, W, 7] bool, in the order of ``REGIONS``; ``warp`` C_w [T, H, W, 3] uint8, colours of what the
    photo shows of the body, 0 where ``valid`` [T, H, W] is false. Where there is no body, only the
    background's region is not 0."""

    dense: Floats
    regions: Floats
    warp: Floats
    valid: Floats

    def __post_init__(self) -> None:
        shape = self.valid.shape
        wanted = {"dense": (*shape, 3), "regions": (*shape, len(REGIONS)), "warp": (*shape, 3)}
        for name, expected in wanted.items():
            if getattr(self, name).shape != expected:
                raise InvalidInput(f"{name} is {getattr(self, name).shape}, expected {expected}")

    @property
    def stacked(self) -> Floats:
        """All of them [T, H, W, 14] float32 in 0..1: dense, regions, warp, valid; what a network takes."""
        colours, valid = self.warp / np.float32(255), self.valid[..., None]
        return np.concatenate([self.dense, self.regions, colours, valid], -1, dtype=np.float32)


class Controller:
    """Controls of the person in a photo [H, W, 3], in the camera that took it or at another ``size``."""

    def __init__(self, photo: Floats, person: Person, size: tuple[int, int] | None = None) -> None:
        self.photo, self.person = as_rgb(photo), person
        width, height = size or person.size
        across, down = width / person.size[0], height / person.size[1]
        fx, fy, cx, cy = person.lens
        self.camera = Camera(
            width,
            height,
            fx * across,
            fy * down,
            cx * across,
            cy * down,
            np.diag(FLIP),
            np.zeros(3),
        )
        self.body = body_model(person.body).bake(person.shape)
        still = self.body(person.rotvec, None, person.transl[None]).vertices
        rest = self.body(np.zeros_like(person.rotvec)).vertices[0]
        self.surface = Surface.of(self.body, rest)
        full = Camera(person.size[0], person.size[1], fx, fy, cx, cy, np.diag(FLIP), np.zeros(3))
        self.depth = maps(still, self.surface, full, ("depth",))["depth"][0].copy()
        seen = full.seen(still[0])
        self.deepest = float(max(seen[:, 2].max(), 1e-3))
        carried = np.column_stack([full.project(still[0]) / person.size, seen[:, 2] / self.deepest])
        s = self.surface
        self.carried = Surface(s.faces, s.uv, s.face_uv, s.part_of_face, carried.astype(np.float32))
        self.canvas = Canvas(1, self.camera, self.surface, ("template", "part"))
        self.other = Canvas(1, self.camera, self.carried, ("template",))

    def __call__(self, vertices: Floats) -> Controls:
        """Of posed vertices [T, V, 3]."""
        return joined([self.one(v) for v in vertices])

    def one(self, vertices: Floats) -> Controls:
        """Of one frame's vertices [V, 3]."""
        found = maps(vertices[None], self.surface, self.camera, canvas=self.canvas)
        dense, part = found["template"].copy(), found["part"]
        regions = REGION_OF_PART[part][..., None] == np.arange(len(REGIONS), dtype=np.uint8)
        carried = maps(vertices[None], self.carried, self.camera, canvas=self.other)["template"][0]
        warp, valid = self._warped(carried, part[0] > 0)
        return Controls(dense, regions, warp[None], valid[None])

    def _warped(self, carried: Floats, body: Floats) -> tuple[Floats, Floats]:
        height, width = self.photo.shape[:2]
        at = carried[body]
        places = at[:, :2] * np.array([width, height], np.float32)
        x, y = (
            np.clip(places[:, k].astype(np.int64), 0, n - 1) for k, n in ((0, width), (1, height))
        )
        shown = self.depth[y, x]
        good = (places >= 0).all(1) & (places[:, 0] < width) & (places[:, 1] < height)
        good &= (shown > 0) & (at[:, 2] * self.deepest < shown + NEAR)
        warp = np.zeros((*body.shape, 3), np.uint8)
        valid = np.zeros(body.shape, bool)
        valid[body] = good
        warp[valid] = _bilinear(self.photo, places[good])
        return warp, valid


def _bilinear(photo: Floats, places: Floats) -> Floats:
    """Colours [N, 3] uint8 at places [N, 2] in pixels."""
    height, width = photo.shape[:2]
    at = np.clip(places - 0.5, 0, [width - 1, height - 1])
    low = at.astype(np.int64)
    high = np.minimum(low + 1, [width - 1, height - 1])
    a, b = (at - low).T[..., None]
    top = (1 - a) * photo[low[:, 1], low[:, 0]] + a * photo[low[:, 1], high[:, 0]]
    under = (1 - a) * photo[high[:, 1], low[:, 0]] + a * photo[high[:, 1], high[:, 0]]
    return ((1 - b) * top + b * under + 0.5).astype(np.uint8)


def of_head(stacked: Floats) -> Floats:
    """Stacked controls [..., 14] that know nothing but the head: the rest is background."""
    named = [3 + REGIONS.index(n) for n in ("head", "eyes", "mouth")]
    head = np.asarray(stacked[..., named].any(-1, keepdims=True))
    out = np.where(head, stacked, 0).astype(stacked.dtype)
    out[..., 3] = ~head[..., 0]
    return out


def joined(parts: list[Controls]) -> Controls:
    """Controls one after the other."""
    return Controls(*(
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("dense", "regions", "warp", "valid")
    ))  # fmt: skip


def pictured(controls: Controls) -> Floats:
    """To look at: dense, regions in greys, and the warp beside each other [T, H, 3 W, 3] uint8."""
    dense = np.rint(controls.dense * 255).astype(np.uint8)
    grey = (controls.regions.argmax(-1) * GREYS).astype(np.uint8)
    return np.concatenate([dense, np.repeat(grey[..., None], 3, -1), controls.warp], 2)
