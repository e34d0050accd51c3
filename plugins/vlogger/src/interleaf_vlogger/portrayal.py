"""What the compositor makes of drawn people, over the photo itself; and between groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf.interfaces import Measure
from interleaf_body.identity import expressions
from interleaf_body.values import Face
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.portraits import Portrait
from interleaf_vlogger.speaking import Manner, drawn, poses

Floats = np.ndarray[Any, Any]
MANNER = Manner(liveliness=0.5, arms=False)  # as ``speak`` does by default


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one person PSNR in dB of the compositor and of the photo against the true frames, and groups."""

    made: float
    copied: float
    groups: dict[str, str]

    @property
    def gain(self) -> float:
        """dB over the photo."""
        return self.made - self.copied


def shown(portrait: Portrait, turns: Floats, face: Face) -> Shown:
    """One drawn person moved by residuals [T, 3 J] and a face, as a photo of theirs is and in truth."""
    photo = portrait.photo()
    known = Compositor(photo, portrait.person)
    amounts = expressions(portrait.body, face, len(turns))
    place = np.repeat(portrait.person.transl[None], len(turns), 0).astype(np.float32)
    posed = portrait.body(poses(known, turns, MANNER), amounts, place).vertices
    errors = []
    for frame, vertices in zip(drawn(known, [(turns, face)], MANNER), posed, strict=True):
        true = portrait.draw(vertices)[0].astype(float)
        errors.append([np.square(x - true).mean() for x in (frame, photo)])
    made, copied = (_decibels(float(e)) for e in np.mean(errors, axis=0))
    return Shown(made, copied, portrait.groups)


def _decibels(error: float) -> float:
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def gain(rows: Sequence[Shown], reason: str = "") -> Measure:
    """``video_gain``: decibels over the photo, the mean over people."""
    if not rows:
        return Measure(name="video_gain", value=None, unit="dB", reason=reason, direction="up")
    value = float(np.mean([r.gain for r in rows]))
    return Measure(name="video_gain", value=value, unit="dB", direction="up", n=len(rows))


def by_group(name: str, rows: Iterable[tuple[str, str, float]], unit: str = "") -> list[Measure]:
    """Of values (trait, group, value) the mean of every group, and for every trait how far the worst lies
    below the mean of all."""
    found: dict[str, dict[str, list[float]]] = {}
    for trait, group, value in rows:
        found.setdefault(trait, {}).setdefault(group, []).append(value)
    out = []
    for trait, groups in found.items():
        means = {g: float(np.mean(v)) for g, v in groups.items()}
        out += [
            Measure(
                name=name,
                value=m,
                unit=unit,
                group=f"{trait} {g}",
                direction="up",
                n=len(groups[g]),
            )
            for g, m in means.items()
        ]
        one = len(means) < 2
        every = float(np.mean([x for v in groups.values() for x in v]))
        out.append(
            Measure(
                name=f"{name}_gap_{trait}", value=None if one else every - min(means.values()),
                reason="there is but one group" if one else "", unit=unit, direction="down",
                n=sum(map(len, groups.values())),
            )
        )  # fmt: skip
    return out
