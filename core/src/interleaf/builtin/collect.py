"""``core.collect``: reports to one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.interfaces.component import NoConfig
from interleaf.interfaces.model import Model
from interleaf.interfaces.report import Measure, Report
from interleaf.values import Item, Table


class Collect(Model):
    """A row for every report and group, a column for every coordinate and measure."""

    def apply(self, reports: Sequence[Item | Report]) -> Table:
        """The table; a measure without a value leaves its cell empty (None), and says why beside it.

        Columns: ``step`` when several steps are gathered, the coordinates, ``group`` when a report has
        groups, one column for each measure named with its unit, and ``note`` with the reasons.
        """
        items = [r if isinstance(r, Item) else Item(r, "report") for r in reports]
        several = len({item.step for item in items}) > 1
        rows = [row for item in items for row in _rows(item, several)]
        units = _units(items)
        return Table.from_rows([{units.get(k, k): v for k, v in row.items()} for row in rows])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        report = Report((Measure(name="psnr", value=30.5, unit="dB"),))
        absent = Report((Measure(name="psnr", value=None, reason="too small", unit="dB"),))
        items = [Item(report, "score", "", {"n": 1}), Item(absent, "score", "", {"n": 2})]
        return {"configs": [NoConfig()], "calls": {"apply": [{"reports": items}, {"reports": []}]}}


def _rows(item: Item, several: bool) -> list[dict[str, Any]]:
    groups = dict.fromkeys(m.group for m in item.value.measures)
    named = set(groups) - {""}
    if _says_the_same(item.value):
        return [_row(item, "", several, grouped=False)]
    return [_row(item, group, several, bool(named)) for group in groups]


def _says_the_same(report: Report) -> bool:
    """Whether a report over one item has the values of that item."""
    whole, *items = (
        {m.name: m.value for m in report.measures if m.group == group}
        for group in dict.fromkeys(["", *(m.group for m in report.measures)])
    )
    return len(items) == 1 and whole == items[0]


def _row(item: Item, group: str, several: bool, grouped: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"step": item.step} if several else {}
    row.update(item.coords)
    if grouped:
        row["group"] = group or "all"
    notes = []
    for measure in (m for m in item.value.measures if m.group == group):
        row[measure.name] = measure.value
        notes += [f"{measure.name}: {measure.reason}"] if measure.reason else []
    return {**row, "note": "; ".join(notes)} if notes else row


def _units(items: Sequence[Item]) -> dict[str, str]:
    measures = [m for item in items for m in item.value.measures]
    return {m.name: f"{m.name} ({m.unit})" for m in measures if m.unit}
