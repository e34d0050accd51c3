"""Report: measures, tables, evidence and an optional verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from interleaf.errors import InvalidInput
from interleaf.values import Table

Direction = Literal["up", "down", "none"]
Outcome = Literal["pass", "fail", "review", "insufficient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number, or None with a ``reason``; never NaN, never a 0 that stands for "unknown".

    ``direction`` says which way is better; ``n`` how many observations it rests on; ``interval``
    its 95 % interval; ``group`` what part of the data it describes ("" for all); ``settings``
    whatever two measures must share to be compared.
    """

    name: str
    value: float | None
    reason: str = ""
    unit: str = ""
    direction: Direction = "none"
    n: int = 1
    interval: tuple[float, float] | None = None
    group: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise InvalidInput(f"measure '{self.name}' has no value and no reason")
        if self.value is not None and math.isnan(self.value):
            raise InvalidInput(f"measure '{self.name}' is NaN: give None and a reason")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A claim, where it comes from, and where to find it there."""

    claim: str
    source: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its reasons. Missing evidence gives ``insufficient``, never ``pass``."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What an Evaluator found."""

    measures: tuple[Measure, ...] = ()
    tables: tuple[Table, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None = None

    def __getitem__(self, name: str) -> Measure:
        """The measure ``name`` over all of the data, or ``name/group``."""
        wanted, _, group = name.partition("/")
        for measure in self.measures:
            if measure.name == wanted and measure.group == group:
                return measure
        known = ", ".join(m.name + (f"/{m.group}" if m.group else "") for m in self.measures)
        raise KeyError(f"no measure '{name}'; there are: {known}")


# From good to bad: the worst verdict of many decides.
SEVERITY: Sequence[Outcome] = ("pass", "review", "insufficient", "fail")


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The most severe outcome, with the reasons of every verdict that has it; none: insufficient."""
    if not verdicts:
        return Verdict("insufficient", ("no verdict was given",))
    outcome = max((v.outcome for v in verdicts), key=SEVERITY.index)
    return Verdict(outcome, tuple(r for v in verdicts if v.outcome == outcome for r in v.reasons))


def merge_reports(reports: Mapping[str, Report]) -> Report:
    """One report over many items: each measure's mean over the items that have it, then the items.

    ``n`` counts the items averaged; items without a value are counted in ``reason`` and left out;
    infinite values are left out likewise, so that one perfect item does not hide the others.
    """
    names = dict.fromkeys(m.name for r in reports.values() for m in r.measures if not m.group)
    merged = [_mean(name, reports) for name in names]
    items = [
        replace(m, group=f"{item}/{m.group}" if m.group else item)
        for item, report in reports.items()
        for m in report.measures
    ]
    verdicts = [r.verdict for r in reports.values() if r.verdict]
    return Report(
        measures=(*merged, *items),
        tables=tuple(t for r in reports.values() for t in r.tables),
        evidence=tuple(dict.fromkeys(e for r in reports.values() for e in r.evidence)),
        verdict=worst(verdicts) if verdicts else None,
    )


def _mean(name: str, reports: Mapping[str, Report]) -> Measure:
    found = [m for r in reports.values() for m in r.measures if m.name == name and not m.group]
    values = [m.value for m in found if m.value is not None and math.isfinite(m.value)]
    first, absent = found[0], len(reports) - len(values)
    reason = f"{absent} of {len(reports)} items without a finite value" if absent else ""
    if not values and len({m.value for m in found}) == 1 and len(found) == len(reports):
        return replace(first, n=len(found), group="")
    mean = math.fsum(values) / len(values) if values else None
    return replace(first, value=mean, reason=reason, n=len(values), interval=None, group="")
