"""Small things that components are tried on."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from interleaf.values import Image, Motion
from interleaf_body.backends import body_model
from interleaf_body.values import Person
from interleaf_vlogger import sound
from interleaf_vlogger.config import TeacherConfig
from interleaf_vlogger.murmur import RATE, murmur
from interleaf_vlogger.pairs import Pair
from interleaf_vlogger.people import MOVED, motion_of
from interleaf_vlogger.teacher import lips

GESTURES = str(files("interleaf_vlogger") / "examples" / "sway.bvh")


def teacher(**words: object) -> TeacherConfig:
    """Murmurs with the package's own movement, on the body without dependencies."""
    made = {"gestures": GESTURES, "pattern": "", "speech": "murmur", "body": "capsule", "tries": 3}
    return TeacherConfig(**{**made, "words": (3, 5), **words})  # type: ignore[arg-type]


def example_pairs(count: int = 3) -> list[Pair]:
    """Murmurs with smooth random movement of the capsule body."""
    out = []
    for i in range(count):
        rng = np.random.default_rng(i)
        spoken = murmur(9, rng)
        frames = sound.frames_of(spoken.samples, 25.0)
        steps = rng.normal(0, 0.01, (frames, 3 * len(MOVED["capsule"])))
        body = np.cumsum(steps - steps.mean(0), axis=0).astype(np.float32)
        curves = lips(spoken.phonemes, frames, 25.0)
        out.append(Pair(spoken.samples, curves, body, 25.0, spoken.phonemes, voice=f"murmur {i}"))
    assert RATE == sound.RATE
    return out


def example_photo(width: int = 72, height: int = 64) -> Image:
    """A smooth picture, always the same."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 7.0 + c) + np.cos(y / 5.0 - c) for c in range(3)]
    return Image((127 + 60 * np.stack(waves, -1)).astype(np.uint8))


def example_person(width: int = 72, height: int = 64) -> Person:
    """The capsule body's bust before a camera."""
    rotvec = np.zeros((1, len(MOVED["capsule"]) + 9, 3), np.float32)
    lens = (90.0, 90.0, width / 2, height / 2)
    place = np.array([0.0, -0.55, -1.0], np.float32)
    shape = {"height": 0.5, "weight": 0.5, "proportions": 0.5}
    return Person("capsule", shape, rotvec, place, lens, (width, height), 0.5, True)


def example_turns() -> Motion:
    """Two frames: still, and a head turned a little."""
    delta = np.zeros((2, len(MOVED["capsule"]), 3))
    delta[1, MOVED["capsule"].index("head"), 1] = 0.2
    return motion_of(delta.reshape(2, -1), "capsule", body_model("capsule").bake(), 25.0)
