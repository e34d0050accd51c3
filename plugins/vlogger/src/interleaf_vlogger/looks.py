"""Drawn people as different from one another as cheap drawing allows: light, background, hair, clothes.

Hair and clothes are shells: they stand off the body's mesh by up to a few centimetres, so that, as in a
photo, the fitted body covers neither all of them nor what is behind. Pictures are drawn at twice their size
and averaged, which gives outlines without steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from interleaf_body.camera import Camera
from interleaf_body.model import PARTS
from interleaf_body.raster import Canvas, maps
from interleaf_body.shading import vertex_normals
from interleaf_vlogger.portraits import Portrait

Floats = np.ndarray[Any, Any]
BODY, HEAD = PARTS.index("body"), PARTS.index("head")
EYES = [PARTS.index(name) for name in ("eye.L", "eye.R")]
INSIDE = [PARTS.index(name) for name in ("mouth", "tongue")]
IRIS = 0.006  # metres: an iris's radius
HAIR = (20, 14, 10), (60, 40, 26), (120, 84, 50), (190, 160, 110), (150, 146, 142), (110, 50, 28)


class Dressed(Portrait):
    """The ``number``-th drawn person, lit, dressed and with hair."""

    def __init__(self, number: int, body: str = "anny", side: int = 256) -> None:
        super().__init__(number, body, side)
        rng = np.random.default_rng([7, number])
        c = self.camera
        self.double = Camera(
            2 * side, 2 * side, 2 * c.fx, 2 * c.fy, 2 * c.cx, 2 * c.cy, c.rotation, c.translation
        )
        rest = self.body(np.zeros_like(self.person.rotvec)).vertices[0]
        self._cover(rest, rng)
        self._light(rng)
        self.colours = self.colours * rng.uniform(0.92, 1.08, (1, 3))  # the light's colour
        self.hair = np.array(HAIR[rng.integers(len(HAIR))]) * rng.uniform(0.7, 1.3)
        self.second = rng.uniform(20, 235, 3)  # of a pattern on the clothes
        self.pattern = int(rng.integers(4)), rng.uniform(30, 160), rng.uniform(-0.6, 0.6)
        self.iris = np.array([[90, 60, 40], [60, 90, 120], [50, 40, 35]][rng.integers(3)])
        self.background = backdrop(rng, 2 * side)
        self.planes = Canvas(1, self.double, self.surface, ("template", "normals", "part"))
        self.others = Canvas(1, self.double, self.marks, ("template",))

    def _cover(self, rest: Floats, rng: np.random.Generator) -> None:
        """How much of hair, beard and bare skin each vertex has, and by how much it stands off [V] metres."""
        t = self.body.topology
        head = np.zeros(len(rest), bool)
        head[t.faces[t.part_of_face == HEAD]] = True
        low, high = rest[head].min(0), rest[head].max(0)
        high_up = (rest[:, 1] - low[1]) / max(high[1] - low[1], 1e-6)
        front = (rest[:, 2] - low[2]) / max(high[2] - low[2], 1e-6)
        aside = np.abs(rest[:, 0] - (low[0] + high[0]) / 2) / max((high[0] - low[0]) / 2, 1e-6)
        line = rng.uniform(0.76, 0.92) + 0.08 * (aside**2 - 0.5)  # above the brow
        back = rng.uniform(0.1, 0.55)  # how far down it goes behind the ears
        edge = back + (line - back) * _step((front - rng.uniform(0.35, 0.5)) / 0.2)
        bald = rng.random() < 0.12
        hair = head * _step((high_up - edge) / 0.06 + 0.5) * (not bald)
        chin = _step((0.38 - high_up) / 0.05 + 0.5) * _step((front - 0.45) / 0.15)
        around = 1 - np.exp(
            -(((high_up - 0.27) / 0.05) ** 2 + (aside / 0.3) ** 2)
        )  # not on the lips
        beard = head * chin * around * (rng.random() < 0.25) * rng.uniform(0.5, 1)
        beard = beard * _step((high_up - 0.02) / 0.06)
        neck = low[1] + rng.uniform(-0.1, 0.06) * (high[1] - low[1])
        cut = (
            neck - rest[:, 1] - rng.uniform(0, 0.5) * np.maximum(0.1 - np.abs(rest[:, 0]), 0)
        ) / 0.02
        bare = 1 - _step(cut) * ~head
        sleeve = rng.uniform(0.2, 1.5)
        bare = np.maximum(bare, ~head * (np.abs(rest[:, 0]) > sleeve))
        hairy, loose = rng.uniform([0.002, 0.0], [0.03, 0.018])
        worn = (1 - bare) * ~head
        self.off = hairy * hair + 0.004 * beard + loose * (rng.random() > 0.25) * worn
        t3 = np.column_stack([hair, beard, bare]).astype(np.float32)
        self.marks = replace(self.surface, template=t3)

    def _light(self, rng: np.random.Generator) -> None:
        """A key light, a weaker one, and what comes from above, with colours."""
        at = rng.normal(size=(2, 3)) * [1, 0.6, 0.5] + [0, 0.4, 0.8]
        self.lamps = at / np.linalg.norm(at, axis=1, keepdims=True)
        self.shine = rng.uniform([0.25, 0.0], [0.8, 0.3])[:, None] * rng.uniform(0.9, 1.1, (2, 3))
        self.ambient = rng.uniform(0.35, 0.75), rng.uniform(0, 0.2)

    def _lit(self, normals: Floats) -> Floats:
        base, above = self.ambient
        light = base + above * normals[..., 1:2]
        for lamp, shine in zip(self.lamps, self.shine, strict=True):
            light = light + shine * np.clip(normals @ lamp.astype(np.float32), 0, 1)[..., None]
        found: Floats = light.astype(np.float32)
        return found

    def draw(self, vertices: Floats) -> tuple[Floats, Floats]:
        """A picture [H, W, 3] uint8 of posed vertices [V, 3], and the parts [H, W] of what is drawn."""
        normals = np.zeros_like(vertices, dtype=np.float32)
        vertices = np.ascontiguousarray(vertices, np.float32)
        vertex_normals(vertices, self.surface.faces, normals)
        shell = (vertices + self.off[:, None] * normals)[None].astype(np.float32)
        found = maps(shell, self.surface, self.double, canvas=self.planes)
        part, at = found["part"][0], found["template"][0]
        hair, beard, bare = np.moveaxis(
            maps(shell, self.marks, self.double, canvas=self.others)["template"][0], -1, 0
        )
        shown = part > 0
        albedo = self._albedo(part[shown], at[shown], hair[shown], beard[shown], bare[shown])
        light = self._lit(found["normals"][0][shown])
        out = self.background.copy()
        out[shown] = albedo * light
        out = np.clip(out, 0, 255).astype(np.uint8)
        side = self.side
        return cv2.resize(out, (side, side), interpolation=cv2.INTER_AREA), part[::2, ::2].copy()

    def _albedo(
        self, part: Floats, at: Floats, hair: Floats, beard: Floats, bare: Floats
    ) -> Floats:
        """Colours [N, 3] before light of pixels at places ``at`` [N, 3] of the rest pose."""
        waves, phases = self.waves
        grain = sum(np.sin(at @ (3 * w) + p) for w, p in zip(waves, phases, strict=True))
        colour = self.colours[part].astype(np.float32)
        skin = self.colours[HEAD].astype(np.float32)
        kind, often, slant = self.pattern
        along = at[:, 1] + slant * at[:, 0]
        if kind == 1:
            worn = np.sin(often * along) > 0.3
        elif kind == 2:
            worn = (np.sin(often * at[:, 0]) > 0) ^ (np.sin(often * at[:, 1]) > 0)
        else:
            worn = np.zeros(len(part), bool)
        body = part == BODY
        colour[body & worn] = self.second
        colour[body] += (bare[body] > 0.5)[:, None] * (skin - colour[body])
        colour += (2 + 4 * (kind != 3)) * grain[:, None] * (part < EYES[0])[:, None]
        strands = 1 + 0.25 * np.sin(900 * at[:, 0] + 3 * grain)[:, None]
        for much, thick in ((hair, 1.0), (beard, 0.8)):
            share = thick * _step(3 * much - 1)[:, None] * (part == HEAD)[:, None]
            colour += share * (self.hair * strands - colour)
        return self._eyes(colour, part, at)

    def _eyes(self, colour: Floats, part: Floats, at: Floats) -> Floats:
        """An iris and a pupil in the middle of each eye's front."""
        for eye, (centre, scale) in self._balls.items():
            here = np.flatnonzero(part == eye)
            away = np.hypot(*((at[here] - centre)[:, :2] * scale[:2]).T)
            colour[here[away < IRIS]] = self.iris
            colour[here[away < IRIS / 2.5]] = 12
        return colour

    @property
    def _balls(self) -> dict[int, tuple[Floats, Floats]]:
        """Middles of the eyes in places of the rest pose, and metres to a unit of these."""
        t, out = self.body.topology, {}
        rest = self.body(np.zeros_like(self.person.rotvec)).vertices[0]
        for eye in EYES:
            corners = np.unique(t.faces[t.part_of_face == eye])
            if len(corners):
                out[eye] = self.surface.template[corners].mean(0), np.ptp(rest, axis=0)
        return out


def backdrop(rng: np.random.Generator, side: int) -> Floats:
    """A still background [side, side, 3] in 0..255: clouds, a slope of light, things on a wall, grain."""
    kind = rng.integers(4)
    plain = rng.uniform(20, 230, 3)
    ys, xs = np.mgrid[:side, :side] / side
    turn = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(turn) * (xs - 0.5) + np.sin(turn) * (ys - 0.5))[..., None]
    out = plain + slope * rng.uniform(-120, 120, 3)
    if kind == 0:
        out = out + rng.uniform(10, 45) * _clouds(rng, int(rng.integers(10, 40)), side, 3)
    elif kind == 1:
        for _ in range(rng.integers(3, 12)):
            x, y, w, h = (rng.uniform(0, 1, 4) * [1, 1, 0.4, 0.6] * side).astype(int)
            out[y : y + h, x : x + w] = rng.uniform(10, 245, 3)
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(1, 8)))
    elif kind == 2:
        for cells in (4, 16, 64):
            out = out + rng.uniform(4, 18) * _clouds(rng, cells, side, 1)
    found: Floats = np.clip(out, 0, 255).astype(np.float32)
    return found


def _clouds(rng: np.random.Generator, cells: int, side: int, colours: int) -> Floats:
    """Smooth noise [side, side, colours], ``cells`` of it across."""
    small = rng.normal(size=(cells, cells, colours)).astype(np.float32)
    found = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    return found.reshape(side, side, colours)


def _step(x: Floats) -> Floats:
    """From 0 at 0 to 1 at 1, smoothly."""
    x = np.clip(x, 0, 1)
    found: Floats = x * x * (3 - 2 * x)
    return found
