"""``core.paired``: what a change did, from repetitions that differ in nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
from statistics import fmean, stdev
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces.component import NoConfig
from interleaf.interfaces.evaluator import Evaluator
from interleaf.interfaces.report import Measure, Report
from interleaf.values import Item, Table

# 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
Coordinates = Mapping[str, Any]


class Paired(Evaluator):
    """Treatment minus control, measure by measure, over pairs with equal coordinates (seeds)."""

    def evaluate(
        self, treatment: Sequence[Item | Report], control: Sequence[Item | Report]
    ) -> Report:
        """Each measure's mean difference with its 95 % interval by Student's t over the pairs.

        A control belongs to a treatment when they agree in every coordinate both have; coordinates
        that the treatment alone has (``rate=warm``) and the reports' own groups become groups. One
        pair gives a difference and no interval, none gives None. A table lists every pair of the
        measures over all. InvalidInput where two controls fit one treatment.
        """
        controls = [c if isinstance(c, Item) else Item(c, "") for c in control]
        treatments = [t if isinstance(t, Item) else Item(t, "") for t in treatment]
        pairs = [(t, c) for t in treatments if (c := _control_of(t, controls)) is not None]
        found: dict[tuple[str, str], list[tuple[Measure, Measure]]] = {}
        rows = []
        for treated, held in pairs:
            group = _only(treated.coords, held.coords)
            for measure, other in _common(treated.value, held.value):
                key = (measure.name, "/".join(filter(None, [group, measure.group])))
                found.setdefault(key, []).append((measure, other))
                if not measure.group:
                    rows.append(_row(treated, measure, other))
        if not found:
            reason = "no treatment and control share their coordinates and a measure"
            return Report((Measure(name="difference", value=None, reason=reason),))
        return Report(
            tuple(_difference(name, group, both) for (name, group), both in sorted(found.items())),
            tables=(Table.from_rows(rows, "every pair"),),
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""

        def repeated(values: Sequence[float | None]) -> list[Item]:
            return [
                Item(
                    Report((Measure(name="psnr", value=v, reason="" if v else "none", unit="dB"),)),
                    "score", "", {"seed": seed},
                )
                for seed, v in enumerate(values)
            ]  # fmt: skip

        calls = [
            {"treatment": repeated([30.1, 30.5, 30.2]), "control": repeated([30.0, 30.1, 30.2])},
            {"treatment": repeated([30.1, None]), "control": repeated([30.0, 30.1])},
            {"treatment": [], "control": []},
        ]
        return {"configs": [NoConfig()], "calls": {"evaluate": calls}}


def _control_of(treated: Item, controls: Sequence[Item]) -> Item | None:
    """The one control that agrees in every coordinate both have."""
    fitting = [
        c for c in controls if all(treated.coords.get(k, v) == v for k, v in c.coords.items())
    ]
    if len(fitting) > 1:
        raise InvalidInput(
            f"{len(fitting)} controls belong to the treatment {dict(treated.coords)}",
            hint="fan both out over the same coordinates, such as seed",
        )
    return fitting[0] if fitting else None


def _only(coords: Coordinates, others: Coordinates) -> str:
    return "/".join(f"{k}={v}" for k, v in coords.items() if k not in others)


def _common(treated: Report, held: Report) -> list[tuple[Measure, Measure]]:
    others = {(m.name, m.group): m for m in held.measures}
    return [(m, others[m.name, m.group]) for m in treated.measures if (m.name, m.group) in others]


def _row(treated: Item, measure: Measure, other: Measure) -> dict[str, Any]:
    return {
        **treated.coords,
        "measure": measure.name,
        "treatment": measure.value,
        "control": other.value,
        "difference": _minus(measure, other),
    }


def _minus(measure: Measure, other: Measure) -> float | None:
    if measure.value is None or other.value is None:
        return None
    difference = measure.value - other.value
    return difference if isfinite(difference) else None


def _difference(name: str, group: str, both: Sequence[tuple[Measure, Measure]]) -> Measure:
    known = [d for m, o in both if (d := _minus(m, o)) is not None]
    absent = len(both) - len(known)
    reason = f"{absent} of {len(both)} pairs without a finite value" if absent else ""
    first = both[0][0]
    return Measure(
        name=f"{name}_difference",
        value=fmean(known) if known else None,
        reason=reason,
        unit=first.unit,
        direction=first.direction,
        n=max(len(known), 1),
        interval=_interval(known),
        group=group,
    )


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The mean's 95 % interval by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    half = student(len(values) - 1) * stdev(values) / sqrt(len(values))
    mean = fmean(values)
    return mean - half, mean + half


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t (beyond the table, Abramowitz and Stegun 26.7.5)."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z, n = 1.959964, float(freedom)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
