"""What optical flow says about a clip, frame after frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interleaf.interfaces import Measure
from interleaf.values import Table
from interleaf_media.fidelity import Samples
from interleaf_media.flow import Estimator, Flow, estimator, warp_error
from interleaf_media.series import Series
from interleaf_media.streams import Mask

SECTORS = 8
COMPASS = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")
STATISTICS = ("flow_mean", "flow_median", "flow_p95")


@dataclass(slots=True)
class MotionStream:
    """``temporal_warp`` or ``flow_stats`` of a clip, and flow_stats of its reference too."""

    name: Literal["temporal_warp", "flow_stats"]
    by: Estimator = field(default_factory=estimator)
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    turns: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    first: dict[str, tuple[Samples, Mask | None]] = field(default_factory=dict)
    last: dict[str, tuple[Samples, Mask | None]] = field(default_factory=dict)

    def update(self, subject: Samples, reference: Samples | None, mask: Mask | None) -> None:
        """One frame of each."""
        self._one("", subject, mask)
        if reference is not None and self.name == "flow_stats":
            self._one("reference", reference, mask)

    def _one(self, group: str, frame: Samples, mask: Mask | None) -> None:
        if group in self.last:
            self._pair(group, self.last[group], frame)
        else:
            self.first[group] = (frame, mask)
        self.last[group] = (frame, mask)

    def _pair(self, group: str, before: tuple[Samples, Mask | None], frame: Samples) -> None:
        earlier, mask = before
        if self.name == "temporal_warp":
            self._add("temporal_warp", group, warp_error(earlier, frame, self.by.flow))
            return
        flow = self.by.flow(earlier, frame)
        speed = np.hypot(flow[..., 0], flow[..., 1])
        self._speeds(group, "", speed.ravel())
        if mask is not None:
            self._speeds(group, "@in", speed[mask])
            self._speeds(group, "@out", speed[~mask])
        self.turns[group] = self.turns.get(group, np.zeros(SECTORS)) + directions(flow, speed)

    def _speeds(self, group: str, where: str, speed: NDArray[Any]) -> None:
        found = (
            (speed.mean(), np.median(speed), np.percentile(speed, 95)) if speed.size else [None] * 3
        )
        for name, value in zip(STATISTICS, found, strict=True):
            self._add(name + where, group, None if value is None else float(value))

    def _add(self, name: str, group: str, value: float | None) -> None:
        self.series.setdefault((name, group), Series()).add(value)

    def merge(self, later: MotionStream) -> MotionStream:
        """Both parts, and the pair of frames between them."""
        whole = MotionStream(self.name, self.by)
        whole.series = {k: Series(list(s.values)) for k, s in self.series.items()}
        whole.turns, whole.first = dict(self.turns), {**later.first, **self.first}
        whole.last = {**self.last, **later.last}
        for group in self.last.keys() & later.first.keys():
            whole._pair(group, self.last[group], later.first[group][0])
        for key, series in later.series.items():
            whole.series[key] = whole.series.get(key, Series()).merge(series)
        for group, turns in later.turns.items():
            whole.turns[group] = whole.turns.get(group, np.zeros(SECTORS)) + turns
        return whole

    def measures(self) -> list[Measure]:
        """Means over pairs of frames; of an untrained flow they are called ``…@random``."""
        names = ("temporal_warp",) if self.name == "temporal_warp" else STATISTICS
        series = self.series or {(n, ""): Series() for n in names}
        return [self._measure(name, group, values) for (name, group), values in series.items()]

    def _measure(self, name: str, group: str, values: Series) -> Measure:
        value, reason = values.mean()
        warped = self.name == "temporal_warp"
        settings = {
            "backend": self.by.backend, "weights": self.by.weights, "flow": self.by.name,
            "resize": "none", "version": "1",
        }  # fmt: skip
        return Measure(
            name=name + ("@random" if self.by.untrained else ""), group=group, value=value,
            reason=reason if values.values else "motion needs two frames",
            unit="" if warped else "px/frame", direction="down" if warped else "none",
            n=max(len(values.finite), 1), interval=values.interval(), settings=settings,
        )  # fmt: skip

    def tables(self) -> list[Table]:
        """The share of motion in each of eight directions."""
        if not self.turns:
            return []
        rows = []
        for group, turns in self.turns.items():
            total = turns.sum()
            shares = turns / total if total > 0 else np.zeros(SECTORS)
            rows += [
                {"of": group or "subject", "direction": name, "share": float(share)}
                for name, share in zip(COMPASS, shares, strict=True)
            ]
        return [Table.from_rows(rows, "where motion goes, weighted by its length")]


def directions(flow: Flow, speed: NDArray[Any]) -> NDArray[np.float64]:
    """Length of motion in each of eight sectors, the first centred on +x, clockwise as seen."""
    turn = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * math.pi / SECTORS)
    sector = np.round(turn).astype(int) % SECTORS
    counts = np.bincount(sector.ravel(), speed.ravel().astype(np.float64), SECTORS)
    return np.asarray(counts, np.float64)
