"""How much to replay, from how far the new data is from the old, and where the numbers come from.

Shifts were measured with this package (``measured.json``, written by ``bench/measure.py``): for
each, how far the model's loss on the new data lay above that on the old before the update (the
shift), how much was forgotten without replay, and what part of that was left with 5 and 25 %.
In between, the part left is interpolated over the logarithm of the fraction and over the shift.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import log
from typing import Any

FRACTIONS = (0.0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5)
PAPER = (
    "arXiv 2403.08763 replays 5 % for its weak shift (English to English) and 25 % for its strong one "
    "(English to German)"
)


@dataclass(frozen=True, slots=True)
class Advice:
    """``fraction`` to replay; ``None`` when no fraction that was measured is expected to be enough."""

    fraction: float | None
    shift: float
    kind: str
    expected: Sequence[Mapping[str, float]]
    origin: Sequence[str]


def known() -> list[dict[str, Any]]:
    """The measured shifts, the weakest first."""
    found = json.loads(files(__package__).joinpath("measured.json").read_text(encoding="utf-8"))
    return sorted(found["shifts"], key=lambda s: s["shift"])


def suggest(
    old_loss: float, new_loss: float, tolerance: float, unreplayed: float | None = None
) -> Advice:
    """The least replay whose expected forgetting is within ``tolerance`` (unit of the losses, per byte).

    Losses are those of the model before the update. ``unreplayed``: forgetting that was measured
    without replay, where a short run gave it; else it is expected in proportion to the shift.
    """
    shifts = known()
    shift = max(new_loss - old_loss, 0.0)
    place = _place(shift, [s["shift"] for s in shifts])
    whole = unreplayed if unreplayed is not None else _whole(shift, shifts, place)
    expected = []
    for f in (f for f in FRACTIONS if f <= most_measured()):
        left = whole * _left(f, shifts, place)
        cost = _mixed([_at(s["lost"], f) for s in shifts], place)
        expected.append({"fraction": f, "forgetting": left, "adaptation_lost": cost})
    enough = next((e["fraction"] for e in expected if e["forgetting"] <= tolerance), None)
    kind = "weak" if shift < shifts[-1]["shift"] / 2 else "strong"
    own = "forgetting without replay as given" if unreplayed is not None else (
        "forgetting without replay in proportion to the shift"
    )  # fmt: skip
    origin = [*(s["origin"] for s in shifts), own, PAPER]
    return Advice(enough, shift, kind, expected, origin)


def most_measured() -> float:
    """The largest replayed fraction that every shift with forgetting was measured with."""
    return min(max(map(float, s["left"])) for s in _forgetful(known()))


def _forgetful(shifts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shifts under which something was forgotten: only there replay has something to leave."""
    return [s for s in shifts if s["left"]]


def _place(shift: float, ends: Sequence[float]) -> float:
    """0 at the weakest shift that was measured or below it, 1 at the strongest or above."""
    if len(ends) == 1:
        return 1.0
    return min(1.0, max(0.0, (shift - ends[0]) / (ends[-1] - ends[0])))


def _mixed(values: Sequence[float], place: float) -> float:
    return (1 - place) * values[0] + place * values[-1]


def _whole(shift: float, shifts: Sequence[Mapping[str, Any]], place: float) -> float:
    """Forgetting without replay: the measured part of the shift, between the two shifts mixed."""
    return shift * _mixed([max(s["forgotten"], 0.0) / s["shift"] for s in shifts], place)


def _left(f: float, shifts: Sequence[dict[str, Any]], place: float) -> float:
    """The part of the forgetting that replay of ``f`` leaves."""
    return max(0.0, _mixed([_at(s["left"], f) for s in _forgetful(shifts)], place))


def _at(points: Mapping[str, float], f: float) -> float:
    """A value at ``f`` between measured fractions: linear up to the first, then over ln f, then flat."""
    known_at = sorted((float(k), v) for k, v in points.items())
    for (a, low), (b, high) in pairwise(known_at):
        if f <= b:
            part = (f - a) / (b - a) if a == 0 else log(f / a) / log(b / a)
            return low + (high - low) * part
    return known_at[-1][1]
