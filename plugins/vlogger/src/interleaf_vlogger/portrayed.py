"""Drawn people in motion as a dataset: photos, control maps and the true frames, nobody in two parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf_body.backends import body_model
from interleaf_body.identity import expressions
from interleaf_body.model import PARTS
from interleaf_body.values import Face, Person
from interleaf_vlogger.controlling import Controller
from interleaf_vlogger.looks import Dressed
from interleaf_vlogger.people import MOVED
from interleaf_vlogger.portraits import Portrait
from interleaf_vlogger.video_config import PortraitsConfig

Floats = np.ndarray[Any, Any]
FIRST = {"held": 0, "train": 1000}  # number of the first drawn person of each part
MOST = 1000  # people of a part
SWAY = {
    "head": 0.12,
    "neck": 0.06,
    "spine": 0.05,
}  # radians: a standard deviation of each joint's turn


@dataclass(frozen=True, slots=True, eq=False)
class Portrayed:
    """``photo`` [H, W, 3] uint8 of a ``person`` at rest; ``vertices`` [T, V, 3], the true ``frames``
    [T, H, W, 3] uint8 and ``controls`` [T, H, W, 14] float16 of what they do; ``identity``: who it is."""

    photo: Floats
    person: Person
    vertices: Floats
    frames: Floats
    controls: Floats
    identity: str

    def __post_init__(self) -> None:
        if self.frames.shape[:3] != self.controls.shape[:3] or self.controls.shape[3:] != (14,):
            raise InvalidInput(
                f"controls {self.controls.shape} do not go with frames {self.frames.shape}"
            )


class Portraits(Dataset):
    """Drawn people who turn their heads and talk; item i is one of them."""

    Config = PortraitsConfig

    def __len__(self) -> int:
        return int(self.config.people)

    def __iter__(self) -> Iterator[Portrayed]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Portrayed:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        c: PortraitsConfig = self.config
        number = FIRST[c.part] + (c.first + index % len(self)) % MOST
        plain = c.looks == "plain" or (c.looks == "mixed" and index % len(self) % 4 == 3)
        portrait = (Portrait if plain else Dressed)(number, c.body, c.side)
        rng = np.random.default_rng([c.seed, number])
        turns, jaw = swaying(portrait, c.frames * c.every, rng)
        turns, jaw, photo = turns[:: c.every], jaw[:: c.every], portrait.photo()
        frames = np.stack([portrait.draw(v)[0] for v in posed(portrait.person, turns, jaw)])
        person = fitted(portrait.person, rng) if c.inexact and not plain else portrait.person
        vertices = posed(person, turns, jaw)
        controls = Controller(photo, person)(vertices).stacked.astype(np.float16)
        return Portrayed(photo, person, vertices, frames, controls, f"drawn {number}")

    def fingerprint(self) -> str:
        """Of who is drawn, and how."""
        c = self.config
        told = f"{c.part} {c.people} {c.frames} {c.side} {c.body} {c.looks} {c.every} {c.first} {c.seed}"
        told += f" {c.inexact}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        small: Mapping[str, Any] = {"people": 2, "frames": 2, "side": 24, "body": "capsule"}
        dressed = PortraitsConfig(part="held", looks="dressed", every=2, **small)
        return {"configs": [PortraitsConfig(**small), dressed]}


def swaying(portrait: Portrait, frames: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Turns [T, J, 3] over the pose at rest, of a head and a trunk, smooth, and how open a jaw is [T, 1]."""
    p, names = portrait.person, portrait.body.topology.joint_names
    turns = np.zeros((frames, *p.rotvec.shape[1:]), np.float32)
    for name in MOVED[p.body]:
        for start, much in SWAY.items():
            if name.startswith(start):
                turns[:, names.index(name)] = _smooth(rng.normal(0, much, (frames, 3)))
    jaw = np.clip(0.35 + 0.35 * _smooth(rng.normal(size=(frames, 1))), 0, 1).astype(np.float32)
    return turns, jaw


def posed(person: Person, turns: Floats, jaw: Floats) -> Floats:
    """Vertices [T, V, 3] of a person with turns [T, J, 3] over the pose and a jaw [T, 1]."""
    body = body_model(person.body).bake(person.shape)
    amounts = expressions(body, Face(jaw, ("jawOpen",)), len(turns))
    place = np.repeat(person.transl[None], len(turns), 0)
    found: Floats = body((person.rotvec + turns).astype(np.float32), amounts, place).vertices
    return found


def fitted(person: Person, rng: np.random.Generator) -> Person:
    """Whom a fit to the person's photo might find: of nearly the same build and pose, the head where it is
    to a few millimetres."""
    topology = body_model(person.body).topology
    shape = {n: float(np.clip(v + rng.normal(0, 0.04), 0, 1)) for n, v in person.shape.items()}
    rotvec = person.rotvec.copy()
    for i, name in enumerate(topology.joint_names):
        if name.startswith(tuple(SWAY)):
            rotvec[0, i] += rng.normal(0, 0.008, 3)
    found = replace(person, shape=shape, rotvec=rotvec)
    skin = np.unique(topology.faces[topology.part_of_face == PARTS.index("head")])
    none = np.zeros_like(rotvec), np.zeros((1, 1), np.float32)
    true, made = (posed(p, *none)[0][skin].mean(0) for p in (person, found))
    off = true - made + rng.normal(0, [0.0025, 0.0025, 0.01])
    return replace(found, transl=(person.transl + off).astype(np.float32))


def _smooth(values: Floats) -> Floats:
    """Over time, of the same variance."""
    found: Floats = 2.0 * gaussian_filter1d(values, 1.5, axis=0, mode="reflect")
    return found
