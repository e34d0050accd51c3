"""Shots that ``interleaf vlogger build`` found, as people in motion with control maps and true frames."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.backends import body_model
from interleaf_body.identity import expressions
from interleaf_body.values import Face, Person
from interleaf_media.videos import Choice, read_clip
from interleaf_vlogger.controlling import Controller
from interleaf_vlogger.portrayed import Portrayed

Floats = np.ndarray[Any, Any]
NEEDED = ("video", "shot", "motion", "person", "identity", "consent")


def rows(data: Path) -> list[dict[str, Any]]:
    """The lines of a manifest that were kept; InvalidInput for one without consent."""
    file = data / "manifest.jsonl"
    if not file.is_file():
        raise InvalidInput(f"{file} is not there", hint="interleaf vlogger build VIDEOS -o DATA")
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    kept = [r for r in found if not r["rejected"]]
    for row in kept:
        if missing := [n for n in NEEDED if not row.get(n)]:
            raise InvalidInput(
                f"{file}: {row.get('id')} has no {missing[0]}", hint="build it again"
            )
    return kept


def filmed(
    data: Path, videos: Path, side: int, frames: int = 0, step: int = 16
) -> Iterator[Portrayed]:
    """People of the shots, at most ``side`` pixels in multiples of ``step``; frame 0 is the photo.

    ``frames``: at most so many of each shot, 0 for all.
    """
    for row in rows(data):
        first, last = row["shot"]
        last = min(last, first + frames) if frames else last
        told, rate = row["person"], Fraction(str(row["fps"])).limit_denominator(1001)
        begin, end = Fraction(first) / rate, Fraction(last) / rate
        pixels = read_clip(videos / row["video"], Choice(start=begin, stop=end), sound=False).clip
        width, height = told["size"]
        scale = side / max(width, height)
        w, h = (max(step, step * round(s * scale / step)) for s in (width, height))
        small = np.stack([
            cv2.resize(f[..., :3], (w, h), interpolation=cv2.INTER_AREA) for f in pixels.frames.pixels
        ])  # fmt: skip
        held = np.load(data / row["motion"], allow_pickle=False)
        person = _person(told, held, w / width, h / height, (w, h))
        vertices = _vertices(person, held, len(small))
        controls = Controller(small[0], person)(vertices).stacked.astype(np.float16)
        yield Portrayed(small[0], person, vertices, small, controls, row["identity"])


def _person(
    told: dict[str, Any], held: Any, across: float, down: float, size: tuple[int, int]
) -> Person:
    fx, fy, cx, cy = told["lens"]
    lens = (fx * across, fy * down, cx * across, cy * down)
    rotvec, place = held["rotvec"][:1], held["transl"][0]
    return Person(told["body"], told["shape"], rotvec, place, lens, size, 0.0, True)


def _vertices(person: Person, held: Any, count: int) -> Floats:
    body = body_model(person.body).bake(person.shape)
    names = tuple(str(n) for n in held["expr_names"])
    amounts = expressions(body, Face(held["expr"][:count], names), count)
    found: Floats = body(held["rotvec"][:count], amounts, held["transl"][:count]).vertices
    return found
