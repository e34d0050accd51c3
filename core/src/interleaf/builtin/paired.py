"""``core.paired``: what a change did, from repetitions that differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from interleaf.builtin.config import PairedConfig
from interleaf.interfaces.evaluator import Evaluator
from interleaf.interfaces.report import Measure, Report
from interleaf.intervals import over_seeds
from interleaf.values import Item, Table

Pair = tuple[Measure, Measure]


class Paired(Evaluator):
    """Every value of a coordinate against its baseline, over pairs with equal other coordinates (seeds).

    Repetitions of one step draw from the same seed, so that what is paired differs in nothing else.
    """

    Config = PairedConfig

    def evaluate(self, reports: Sequence[Item]) -> Report:
        """Each measure's mean difference, with its 95 % interval by Student's t over the pairs.

        A group for each other value of the axis (``rate=warm``) and for each group that the reports
        have below it. One pair gives a difference and no interval, none gives None and the reason. The
        table lists every pair of the measures over all.
        """
        found: dict[tuple[str, str], list[Pair]] = {}
        rows = []
        for treated, baseline in self._pairs(reports):
            group = f"{self.config.axis}={treated.coords[self.config.axis]}"
            for pair in self._common(treated.value, baseline.value):
                below = pair[0].group
                found.setdefault((pair[0].name, f"{group}/{below}" if below else group), []).append(
                    pair
                )
                rows += [] if below else [_row(treated, pair)]
        if not found:
            return Report((self._nothing(),))
        return Report(
            tuple(_difference(name, group, pairs) for (name, group), pairs in found.items()),
            tables=(Table.from_rows(rows, "every pair"),),
        )

    def _pairs(self, reports: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
        axis, baseline = self.config.axis, self.config.baseline
        known = [r for r in reports if isinstance(r, Item) and axis in r.coords]
        controls = {_others(r, axis): r for r in known if str(r.coords[axis]) == baseline}
        for item in known:
            if str(item.coords[axis]) != baseline and _others(item, axis) in controls:
                yield item, controls[_others(item, axis)]

    def _common(self, treated: Report, baseline: Report) -> Iterator[Pair]:
        others = {(m.name, m.group): m for m in baseline.measures}
        wanted = self.config.measures
        for measure in treated.measures:
            if (measure.name, measure.group) in others and (not wanted or measure.name in wanted):
                yield measure, others[measure.name, measure.group]

    def _nothing(self) -> Measure:
        c = self.config
        reason = f"no two reports with one measure differ in nothing but {c.axis}, one of them {c.baseline}"
        return Measure(name="difference", value=None, reason=reason)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""

        def repeated(rate: str, values: Sequence[float | None]) -> list[Item]:
            told = [
                Measure(name="psnr", value=v, reason="" if v else "none", unit="dB") for v in values
            ]
            return [
                Item(Report((m,)), "score", "", {"seed": seed, "rate": rate})
                for seed, m in enumerate(told)
            ]

        cosine, warm = repeated("cosine", [30.0, 30.1, 30.2]), repeated("warm", [30.1, 30.5, None])
        calls = [{"reports": cosine + warm}, {"reports": warm}, {"reports": []}]
        configs = [
            PairedConfig(axis="rate", baseline="cosine"),
            PairedConfig(axis="rate", baseline="cosine", measures=("ssim",)),
        ]
        return {"configs": configs, "calls": {"evaluate": calls}}


def _others(item: Item, axis: str) -> tuple[str, ...]:
    """Where a report stands, apart from the axis."""
    return (item.step, *(f"{k}={v}" for k, v in sorted(item.coords.items()) if k != axis))


def _row(treated: Item, pair: Pair) -> dict[str, Any]:
    return {
        **treated.coords,
        "measure": pair[0].name,
        "value": pair[0].value,
        "baseline": pair[1].value,
        "difference": _minus(pair),
    }


def _minus(pair: Pair) -> float | None:
    value, other = (m.value for m in pair)
    if value is None or other is None or not isfinite(value - other):
        return None
    return value - other


def _difference(name: str, group: str, pairs: Sequence[Pair]) -> Measure:
    known = [d for pair in pairs if (d := _minus(pair)) is not None]
    absent = len(pairs) - len(known)
    mean, ends = over_seeds(known) if known else (None, None)
    return replace(
        pairs[0][0],
        name=f"{name}_difference",
        value=mean,
        reason=f"{absent} of {len(pairs)} pairs without a finite value" if absent else "",
        n=max(len(known), 1),
        interval=ends,
        group=group,
    )
