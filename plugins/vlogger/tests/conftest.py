"""What several files of tests are tried on: clips that the package draws itself."""

from __future__ import annotations

import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from interleaf.values import Audio
from interleaf_media.encoding import encode_video
from interleaf_vlogger.edits import camera_of
from interleaf_vlogger.example import example_pairs
from interleaf_vlogger.portraits import Portrait
from interleaf_vlogger.shots import Limits

SIDE, SHOT = 96, 24
LIMITS = Limits(seconds=0.8)


def clip(number, jitter=0.0):
    """Frames of a drawn capsule that sways, its landmarks [T, N, 2], and its turns [T]."""
    person = Portrait(number, "capsule", SIDE)
    names = tuple(person.body.topology.landmarks)
    at, frames = [], []
    turns = 0.15 * np.sin(np.arange(SHOT) / 5)
    rng = np.random.default_rng(number)
    for turn in turns:
        rotvec = person.person.rotvec.copy()
        rotvec[0, 0, 1] = turn
        vertices = person.body(rotvec, None, person.person.transl[None]).vertices[0]
        frames.append(person.draw(vertices)[0])
        seen = camera_of(person.person).project(vertices)
        at.append([seen[v].mean(0) for v, _ in person.body.topology.landmarks.values()])
    points = np.array(at) + rng.normal(0, jitter, (SHOT, len(names), 2))
    return np.stack(frames), names, points, turns


def sound(count, loud=0.5):
    samples = np.tile(example_pairs(1)[0].samples, 3)[: round(count / 25 * 16_000)]
    samples = samples / np.abs(samples).max() * loud
    return Audio(samples[:, None].astype(np.float32), 16_000)


def write(folder, name, parts, audio, about=None):
    frames = np.concatenate([p[0] for p in parts])
    data = encode_video(frames, Fraction(25), "ffv1", audio=audio)
    (folder / f"{name}.mkv").write_bytes(data)
    np.savez(
        folder / f"{name}.npz", names=parts[0][1], points=np.concatenate([p[2] for p in parts])
    )
    if about is not None:
        (folder / f"{name}.json").write_text(json.dumps(about))


@pytest.fixture(scope="session")
def filming():
    """How to draw a clip, give it sound and write it down."""
    return SimpleNamespace(clip=clip, sound=sound, write=write, limits=LIMITS, shot=SHOT)
