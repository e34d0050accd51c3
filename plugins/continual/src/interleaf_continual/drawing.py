"""``continual.plot``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interleaf.interfaces import Renderer, Report, Schedule
from interleaf.values import Artifact, Item, Table
from interleaf_continual import plots
from interleaf_continual.evaluating_config import PlotConfig, SummaryConfig
from interleaf_continual.summary import Summary

HELD = "held_out."


class Plot(Renderer):
    """One picture of schedules, logs or reports."""

    Config = PlotConfig
    media_type = "image/svg+xml"

    def render(
        self,
        schedules: Sequence[Item | Schedule] = (),
        logs: Sequence[Item | Table] = (),
        reports: Sequence[Item | Report] = (),
    ) -> Artifact:
        """SVG. ``schedules`` for that kind, ``logs`` of ``continual.trainer`` for curves, ``reports`` of
        ``continual.forgetting`` for the trade-off; several seeds become intervals."""
        c = self.config
        if c.kind == "schedules":
            svg = plots.schedules(_named(schedules), c.steps, c.title)
        elif c.kind == "curves":
            svg = plots.curves(panels(logs), c.title)
        else:
            found, unit = lanes(reports)
            svg = plots.tradeoff(found, unit, c.title)
        return Artifact(svg, self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.schedules import Infinite

        rates = [Item(Infinite(c), "<b>") for c in Infinite.examples()["configs"][:2]]
        log = Table({"step": [0, 5], "held_out.en<": [2.0, 1.0], "held_out.de": [3.0, None]})
        reports = Summary.examples()["calls"]["evaluate"][0]["reports"]
        given = {"schedules": rates, "logs": [Item(log, "lm", "", {"seed": 1})], "reports": reports}
        configs = [PlotConfig(title="<i>"), PlotConfig(kind="curves"), PlotConfig(kind="schedules")]
        return {"configs": configs, "calls": {"render": [given]}}


def _named(items: Sequence[Any]) -> dict[str, Any]:
    """Values by label, numbered where labels repeat."""
    found: dict[str, Any] = {}
    for item in items:
        name = item.label if isinstance(item, Item) else type(item).__name__
        number = sum(n == name or n.startswith(f"{name} ") for n in found)
        found[f"{name} {number + 1}" if number else name] = (
            item.value if isinstance(item, Item) else item
        )
    return found


def panels(logs: Sequence[Item | Table]) -> dict[str, list[plots.Line]]:
    """Held-out losses by domain and lane; lanes of several seeds keep the steps that all have."""
    found: dict[str, dict[str, list[dict[float, float]]]] = {}
    for number, item in enumerate(logs):
        table = item.value if isinstance(item, Item) else item
        lane = _lane(item, number)
        for column in (c for c in table.columns if c.startswith(HELD)):
            pairs = zip(steps_through(table), table.columns[column], strict=True)
            points = {float(s): float(v) for s, v in pairs if v is not None}
            if points:
                domain = found.setdefault(column.removeprefix(HELD), {})
                domain.setdefault(lane, []).append(points)
    return {d: [_line(lane, runs) for lane, runs in rows.items()] for d, rows in found.items()}


def steps_through(table: Table) -> list[float]:
    """The steps of a log, counted on through its stages."""
    found: list[float] = []
    base = last = 0.0
    for step in table.columns["step"]:
        if step <= last:  # within a stage steps rise
            base += last
        last = float(step)
        found.append(base + last)
    return found


def _lane(item: Any, number: int) -> str:
    if not isinstance(item, Item):
        return f"run {number}"
    coords = {k: v for k, v in item.coords.items() if k != "seed"}
    return ", ".join(f"{k} {v}" for k, v in sorted(coords.items())) or item.step


def _line(lane: str, runs: list[dict[float, float]]) -> plots.Line:
    steps = sorted(set.intersection(*(set(r) for r in runs)))
    return lane, steps, np.array([[r[s] for s in steps] for r in runs])


def lanes(reports: Sequence[Item | Report]) -> tuple[list[dict[str, Any]], str]:
    """Forgetting and adaptation of each lane with their intervals, and their unit."""
    if not reports:
        return [], ""
    whole = Summary(SummaryConfig()).evaluate(reports)
    names = dict.fromkeys(m.group for m in whole.measures)
    unit = next((m.unit for m in whole.measures if m.unit), "")
    return [
        {"name": n, **{k: _of(whole, k, n) for k in ("forgetting", "adaptation")}} for n in names
    ], unit


def _of(report: Report, name: str, lane: str) -> tuple[float | None, Any]:
    m = next(m for m in report.measures if m.name == name and m.group == lane)
    return m.value, m.interval
