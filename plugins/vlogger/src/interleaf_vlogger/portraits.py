"""Drawn people whose every frame is known: a bust of the body model in colours, before a still background.

They differ in build (the body model's phenotypes) and in the tone of their skin, so that what is done to a
photo can be compared between groups. No hair or clothes stand off the body.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.model import PARTS
from interleaf_body.photo import FLIP
from interleaf_body.raster import Surface, maps
from interleaf_body.values import Person

Floats = np.ndarray[Any, Any]
SEED = 2026
LIGHT = np.array([0.3, 0.5, 0.81])
SKIN = np.array([205.0, 160.0, 135.0])
TONES = {"light": (0.95, 1.1), "medium": (0.65, 0.8), "dark": (0.35, 0.5)}  # of SKIN
RANGES = {"age": ((0.55, 0.65), (0.8, 0.95))}  # of a phenotype, low and high: adults
LOW, HIGH = (0.1, 0.35), (0.65, 0.9)  # of the others
PHENOTYPES = {
    "gender": ("female", "male"),
    "weight": ("light-built", "heavy-built"),
    "age": ("young", "old"),
}


class Portrait:
    """The ``number``-th drawn person, ``side`` pixels wide: twenty-four in a row are all groups combined."""

    def __init__(self, number: int, body: str = "anny", side: int = 256) -> None:
        rng = np.random.default_rng([SEED, number])
        self.side, self.groups = side, self._groups(number)
        model = body_model(body)
        shape = {}
        for i, name in enumerate(("gender", "weight", "age", "height")):
            high = (number // 3 // 2**i) % 2 if name in PHENOTYPES else rng.random() < 0.5
            shape[name] = float(rng.uniform(*RANGES.get(name, (LOW, HIGH))[int(high)]))
        shape = {name: value for name, value in shape.items() if name in model.shape_names}
        self.body = model.bake(shape)
        rotvec = np.zeros((1, len(model.topology.joint_names), 3), np.float32)
        rest = self.body(rotvec).vertices[0]
        lens = (1.64 * side, 1.64 * side, side / 2, side / 2)
        place = np.array([0.0, 0.28 - rest[:, 1].max(), -1.1], np.float32)
        self.person = Person(body, shape, rotvec, place, lens, (side, side), 0.0, True)
        self.camera = Camera(side, side, *lens, np.diag(FLIP), np.zeros(3))
        self.surface = Surface.of(self.body, rest)
        self.colours = self._colours(rng)
        self.waves = rng.uniform(20, 60, (4, 3)), rng.uniform(0, 6, 4)
        noise = ndimage.gaussian_filter(rng.normal(size=(side, side, 3)), (side / 28, side / 28, 0))
        self.background = np.clip(rng.uniform(60, 190, 3) + 2 * side * noise, 0, 255)

    @staticmethod
    def _groups(number: int) -> dict[str, str]:
        """The group of each trait, by the person's number."""
        found = {"tone": list(TONES)[number % 3]}
        for i, (name, (low, high)) in enumerate(PHENOTYPES.items()):
            found[name] = high if (number // 3 // 2**i) % 2 else low
        return found

    def _colours(self, rng: np.random.Generator) -> Floats:
        """RGB [parts, 3]."""
        out = np.tile(SKIN * rng.uniform(*TONES[self.groups["tone"]]), (len(PARTS), 1))
        out[PARTS.index("body")] = rng.uniform(30, 220, 3)  # a shirt
        out[[PARTS.index("eye.L"), PARTS.index("eye.R")]] = 225
        out[[PARTS.index("mouth"), PARTS.index("tongue")]] = 90, 35, 33
        return out

    def draw(self, vertices: Floats) -> tuple[Floats, Floats]:
        """A picture [H, W, 3] uint8 of posed vertices [V, 3], and the parts [H, W]."""
        found = maps(vertices[None], self.surface, self.camera, ("template", "normals", "part"))
        part, at = found["part"][0].copy(), found["template"][0]
        texture = sum(
            6 * np.sin(at @ (wave * 3) + phase) for wave, phase in zip(*self.waves, strict=True)
        )
        light = 0.6 + 0.4 * np.clip(found["normals"][0] @ LIGHT, 0, 1)
        drawn = (self.colours[part] + texture[..., None]) * light[..., None]
        out = np.where((part > 0)[..., None], drawn, self.background)
        return np.clip(out, 0, 255).astype(np.uint8), part

    def photo(self) -> Floats:
        """The person at rest."""
        p = self.person
        return self.draw(self.body(p.rotvec, None, p.transl[None]).vertices[0])[0]
