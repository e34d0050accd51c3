"""The compositor on drawn people whose every frame is known: PSNR beside copying the photo and filling holes.

    python plugins/vlogger/bench/compositor.py [PEOPLE] [SHEET.png]

People are anny's bust with random shape, colours by part and place, Lambert light and a still, smooth
background; no hair or clothes stand off the body, which favours fills that keep the background still.
Holes are pixels of the new frame that the photo does not show: hidden skin, and background uncovered.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

from interleaf.values import Image
from interleaf_body.backends import body_model
from interleaf_body.identity import expressions
from interleaf_body.model import PARTS
from interleaf_body.raster import Surface, maps
from interleaf_body.values import Face, Person
from interleaf_media.writing import encode_png
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.inside import PARTS_INSIDE
from interleaf_vlogger.layers import push_pull, sampled
from interleaf_vlogger.likeness import apart, descriptor
from interleaf_vlogger.people import MOVED

SIDE, FRAMES, SEED = 256, 8, 2026
LIGHT = np.array([0.3, 0.5, 0.81])


def person(rng: np.random.Generator) -> Person:
    """Someone upright before the camera, head and shoulders."""
    shape = {name: float(rng.uniform(0.2, 0.8)) for name in ("gender", "weight", "height", "age")}
    model = body_model("anny")
    shape = {name: value for name, value in shape.items() if name in model.shape_names}
    rotvec = np.zeros((1, len(model.topology.joint_names), 3), np.float32)
    top = float(model.bake(shape)(rotvec).vertices[0][:, 1].max())
    place = np.array([0.0, 0.28 - top, -1.1], np.float32)
    lens = (420.0, 420.0, SIDE / 2, SIDE / 2)
    return Person("anny", shape, rotvec, place, lens, (SIDE, SIDE), 0.0, True)


class Scene:
    """One person's look: draws any pose."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([SEED, seed])
        self.person = person(rng)
        self.camera = Compositor(np.zeros((SIDE, SIDE, 3), np.uint8), self.person).camera
        self.body = body_model("anny").bake(self.person.shape)
        rest = self.body(np.zeros_like(self.person.rotvec)).vertices[0]
        self.surface = Surface.of(self.body, rest)
        skin = np.array([205, 160, 135]) * rng.uniform(0.45, 1.1)
        self.colours = np.tile(skin, (len(PARTS), 1))
        self.colours[PARTS.index("body")] = rng.uniform(30, 220, 3)  # a shirt
        for name in ("eye.L", "eye.R"):
            self.colours[PARTS.index(name)] = 225
        self.colours[PARTS_INSIDE] = [90, 35, 33]
        self.waves = rng.uniform(20, 60, (4, 3)), rng.uniform(0, 6, 4)
        noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE, 3)), (9, 9, 0))
        self.background = np.clip(rng.uniform(60, 190, 3) + 500 * noise, 0, 255)

    def draw(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A picture [H, W, 3] uint8 and the parts [H, W]."""
        found = maps(vertices[None], self.surface, self.camera, ("template", "normals", "part"))
        part, at = found["part"][0].copy(), found["template"][0]
        texture = sum(
            6 * np.sin(at @ (wave * 3) + phase) for wave, phase in zip(*self.waves, strict=True)
        )
        light = 0.6 + 0.4 * np.clip(found["normals"][0] @ LIGHT, 0, 1)
        drawn = (self.colours[part] + texture[..., None]) * light[..., None]
        out = np.where((part > 0)[..., None], drawn, self.background)
        return np.clip(out, 0, 255).astype(np.uint8), part

    def moved(self, rng: np.random.Generator) -> np.ndarray:
        """Vertices [T, V, 3] of poses that speech brings: head and trunk turn, a jaw opens."""
        p = self.person
        rotvec = np.repeat(p.rotvec, FRAMES, 0)
        names = self.body.topology.joint_names
        for name in MOVED["anny"]:
            if name.startswith(("neck", "head", "spine")):
                rotvec[:, names.index(name)] = rng.normal(0, 0.05, (FRAMES, 3))
        face = Face(rng.uniform(0, 0.8, (FRAMES, 1)).astype(np.float32), ("jawOpen",))
        place = np.repeat(p.transl[None], FRAMES, 0)
        return self.body(rotvec, expressions(self.body, face, FRAMES), place).vertices


def weak(
    photo: np.ndarray, known: Compositor, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Seen skin warped, seen background in place, holes from the picture around; and the holes [H, W]."""
    offsets, sure, part = known._offsets(vertices[None])
    field = (offsets - known.still * sure[..., None]) * sure[..., None]
    shown = sure | ((part == 0) & (known.part == 0))
    out = sampled(photo, field.astype(np.float32)).astype(np.float32)
    filled = push_pull(out * shown[..., None], shown.astype(np.float32))
    return np.where(shown[..., None], out, filled).astype(np.uint8), ~shown


def head(picture: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The part of a picture around the head."""
    rows, columns = (np.flatnonzero((part == PARTS.index("head")).any(k)) for k in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def psnr(error: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean(error)), 1e-9)))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    rows, sheet, spent, drawn = [], [], 0.0, 0
    gallery: list[np.ndarray] = []
    probes: list[tuple[int, np.ndarray]] = []
    for seed in range(count):
        scene = Scene(seed)
        still = scene.body(scene.person.rotvec, None, scene.person.transl[None]).vertices[0]
        photo, _ = scene.draw(still)
        known = Compositor(photo, scene.person)
        known.frame(still)  # compiles
        errors: dict[str, list[np.ndarray]] = {name: [] for name in ("copy", "weak", "ours")}
        holes, skin, mouths = [], [], []
        gallery.append(descriptor(head(photo, known.part)))
        for vertices in scene.moved(np.random.default_rng([SEED, seed, 1])):
            truth, part = scene.draw(vertices)
            begun = time.process_time()
            ours = known.frame(vertices)
            spent, drawn = spent + time.process_time() - begun, drawn + 1
            filled, hole = weak(photo, known, vertices)
            for name, made in (("copy", photo), ("weak", filled), ("ours", ours)):
                errors[name].append(((made.astype(float) - truth) ** 2).mean(-1))
            holes.append(hole)
            skin.append(part > 0)
            mouths.append(np.isin(part, PARTS_INSIDE))
            probes.append((seed, descriptor(head(ours, part))))
        sheet.append(np.hstack([photo, truth, filled, ours]))
        hidden, body, mouth = np.array(holes), np.array(skin), np.array(mouths)
        at = {
            "full": slice(None), "holes": hidden, "visible body": ~hidden & body,
            "body holes": hidden & body, "hidden skin": hidden & body & ~mouth,
            "mouth": hidden & mouth, "background holes": hidden & ~body,
        }  # fmt: skip
        rows.append([[psnr(np.array(errors[n])[where]) for where in at.values()] for n in errors])
    print("        " + "  ".join(at))
    for name, line in zip(errors, np.mean(rows, 0), strict=True):
        print(f"{name:8}" + "  ".join(f"{value:.2f}" for value in line))
    print(
        f"{count} people, {drawn} frames of {SIDE}x{SIDE}: {drawn / spent:.1f} frames a CPU second"
    )
    right = [who == int(np.argmin([apart(d, g) for g in gallery])) for who, d in probes]
    print(f"the right person of {count} in {100 * np.mean(right):.1f} % of {len(right)} frames")
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_bytes(encode_png(Image(np.vstack(sheet[:4]))))


if __name__ == "__main__":
    main()
