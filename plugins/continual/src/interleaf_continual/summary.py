"""Repetitions put together: what a replayed fraction saves and costs, with intervals over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from interleaf.interfaces import Evaluator, Measure, Model, Report
from interleaf.interfaces.report import Direction
from interleaf.intervals import over_seeds
from interleaf.values import Item, Table
from interleaf_continual.evaluating_config import SummaryConfig

NAMES = ("forgetting", "adaptation", "mean", "union_gap")
Lane = Mapping[Any, Report]  # by seed


class Summary(Evaluator):
    """Reports of ``continual.forgetting`` over seeds, and against the lane without replay."""

    Config = SummaryConfig

    def evaluate(self, reports: Sequence[Item | Report]) -> Report:
        """Means over seeds with 95 % intervals (Student), a group for each lane; ``removed`` is the
        part of the baseline's forgetting that a lane avoids, ``adaptation_lost`` the part of its
        adaptation that it gives up, both paired by seed.
        """
        lanes = _lanes(reports)
        base = next((k for k in lanes if k == f"fraction={self.config.baseline:g}"), None)
        measures = [m for name, lane in lanes.items() for m in _means(name, lane)]
        for name, lane in lanes.items():
            if base is not None and name != base:
                measures += _against(name, lane, lanes[base])
        if not measures:
            reason = "no report was gathered"
            measures = [Measure(name=n, value=None, reason=reason) for n in NAMES]
        return Report(tuple(measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.evaluators import Forgetting, _table

        made = [
            Item(Forgetting().evaluate(_table(1.0, 3.0), _table(1.0 + f, 1.2 + s / 9)), "loss", "",
                 {"fraction": f, "seed": s})
            for f in (0.0, 0.25) for s in (0, 1)
        ]  # fmt: skip
        return {
            "configs": [SummaryConfig()],
            "calls": {"evaluate": [{"reports": made}, {"reports": made[:1]}, {"reports": []}]},
        }


class Compare(Model):
    """The same as a table to read: a lane in a row, mean and interval in a cell."""

    Config = SummaryConfig

    def apply(self, reports: Sequence[Item | Report]) -> Table:
        """Columns update, forgetting, adaptation, mean, union gap, removed, adaptation lost."""
        measures = Summary(self.config).evaluate(reports).measures
        return _table(measures, list(dict.fromkeys(m.group for m in measures if m.group)))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        found = Summary.examples()
        return {**found, "calls": {"apply": found["calls"]["evaluate"]}}


def _lanes(reports: Sequence[Item | Report]) -> dict[str, dict[Any, Report]]:
    """Reports by lane and seed, in a fixed order: fractions first and rising, then other steps."""
    found: dict[str, dict[Any, Report]] = {}
    for number, item in enumerate(reports):
        report = item.value if isinstance(item, Item) else item
        coords = dict(item.coords) if isinstance(item, Item) else {}
        seed = coords.pop("seed", number if not isinstance(item, Item) else 0)
        told = [f"{k}={_short(v)}" for k, v in sorted(coords.items())]
        name = ",".join(told) or (item.step if isinstance(item, Item) else "report")
        found.setdefault(name, {})[seed] = report
    order = sorted(found, key=lambda n: (not n.startswith("fraction="), _number(n), n))
    return {n: dict(sorted(found[n].items(), key=lambda kv: str(kv[0]))) for n in order}


def _short(value: Any) -> str:
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)


def _number(name: str) -> float:
    try:
        return float(name.partition("=")[2])
    except ValueError:
        return 0.0


def _value(report: Report, name: str) -> Measure | None:
    return next((m for m in report.measures if m.name == name and not m.group), None)


def _means(lane: str, reports: Lane) -> Iterable[Measure]:
    for name in NAMES:
        known = [m for r in reports.values() if (m := _value(r, name)) is not None]
        values = [m.value for m in known if m.value is not None]
        if not values:
            reason = known[0].reason if known else f"no report has a {name}"
            yield Measure(name=name, value=None, reason=reason, group=lane)
            continue
        mean, ends = over_seeds(values)
        yield Measure(name=name, value=mean, unit=known[0].unit, direction=known[0].direction,
                      n=len(values), interval=ends, group=lane)  # fmt: skip


def _against(lane: str, reports: Lane, base: Lane) -> Iterable[Measure]:
    """Parts of the baseline's forgetting and adaptation, paired by seed."""
    asked: tuple[tuple[str, str, Direction], ...] = (
        ("removed", "forgetting", "up"), ("adaptation_lost", "adaptation", "down"),
    )  # fmt: skip
    for name, of, direction in asked:
        parts = []
        for seed, report in reports.items():
            here = _value(report, of)
            there = _value(base[seed], of) if seed in base else None
            if here and there and here.value is not None and there.value:
                parts.append(1 - here.value / there.value)
        if not parts:
            reason = f"no seed has this lane and a baseline with {of}"
            yield Measure(name=name, value=None, reason=reason, group=lane)
            continue
        mean, ends = over_seeds(parts)
        yield Measure(name=name, value=mean, direction=direction, n=len(parts), interval=ends,
                      group=lane)  # fmt: skip


def _table(measures: Sequence[Measure], lanes: Sequence[str]) -> Table:
    rows = []
    for lane in lanes:
        row: dict[str, Any] = {"update": lane}
        for m in (m for m in measures if m.group == lane):
            percent = m.name in ("removed", "adaptation_lost")
            row[m.name.replace("_", " ")] = _shown(m, percent)
        rows.append(row)
    unit = next((m.unit for m in measures if m.unit), "")
    told = f"; losses in {unit}" if unit else ""
    return Table.from_rows(rows, f"mean over seeds (95 % interval){told}")


def _shown(m: Measure, percent: bool) -> str:
    if m.value is None:
        return "–"
    scale, unit = (100, " %") if percent else (1, "")
    text = f"{m.value * scale:.{1 if percent else 3}f}{unit}"
    if m.interval is None:
        return text
    low, high = (f"{v * scale:.{1 if percent else 3}f}" for v in m.interval)
    return f"{text} ({low} to {high})"
