"""Drawn people in motion as a dataset: photos, control maps and the true frames, nobody in two parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf_body.identity import expressions
from interleaf_body.values import Face, Person
from interleaf_vlogger.controlling import Controller
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
        number = FIRST[c.part] + index % len(self)
        portrait = Portrait(number, c.body, c.side)
        vertices = swaying(portrait, c.frames, np.random.default_rng([c.seed, number]))
        frames = np.stack([portrait.draw(v)[0] for v in vertices])
        controls = Controller(portrait.photo(), portrait.person)(vertices).stacked.astype(
            np.float16
        )
        return Portrayed(
            portrait.photo(), portrait.person, vertices, frames, controls, f"drawn {number}"
        )  # fmt: skip

    def fingerprint(self) -> str:
        """Of who is drawn, and how."""
        c = self.config
        told = f"{c.part} {c.people} {c.frames} {c.side} {c.body} {c.seed}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        small: Mapping[str, Any] = {"people": 2, "frames": 2, "side": 24, "body": "capsule"}
        return {"configs": [PortraitsConfig(**small), PortraitsConfig(part="held", **small)]}


def swaying(portrait: Portrait, frames: int, rng: np.random.Generator) -> Floats:
    """Vertices [T, V, 3] of someone whose head and trunk turn smoothly and whose jaw opens and closes."""
    p, names = portrait.person, portrait.body.topology.joint_names
    rotvec = np.repeat(p.rotvec, frames, 0)
    for name in MOVED[p.body]:
        for start, much in SWAY.items():
            if name.startswith(start):
                rotvec[:, names.index(name)] = _smooth(rng.normal(0, much, (frames, 3)))
    jaw = np.clip(0.35 + 0.35 * _smooth(rng.normal(size=(frames, 1))), 0, 1).astype(np.float32)
    amounts = expressions(portrait.body, Face(jaw, ("jawOpen",)), frames)
    place = np.repeat(p.transl[None], frames, 0)
    found: Floats = portrait.body(rotvec.astype(np.float32), amounts, place).vertices
    return found


def _smooth(values: Floats) -> Floats:
    """Over time, of the same variance."""
    found: Floats = 2.0 * gaussian_filter1d(values, 1.5, axis=0, mode="reflect")
    return found
