"""Measures of a clip, one frame after the other: nothing but the last frame stays in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from interleaf.interfaces import Measure
from interleaf_media import fidelity
from interleaf_media.fidelity import Samples
from interleaf_media.measures import Metric
from interleaf_media.series import Series

Mask = NDArray[np.bool_]
MASKED = ("mse", "psnr", "ssim")
EMPTY = "the mask is empty in every frame"


class Stream(Protocol):
    """Takes frames in order; two streams over neighbouring parts merge into one over both."""

    def update(self, subject: Samples, reference: Samples | None, mask: Mask | None) -> None: ...

    def merge(self, later: Any) -> Any: ...

    def measures(self) -> list[Measure]: ...


@dataclass(slots=True)
class FrameStream:
    """A `Metric` on every frame; with a mask also inside and outside of it, where it can be."""

    metric: Metric
    series: dict[str, Series] = field(default_factory=dict)
    top: float = 255.0
    absent: str = ""

    def update(self, subject: Samples, reference: Samples | None, mask: Mask | None) -> None:
        """One pair."""
        name = self.metric.name
        if reference is None:
            self.absent = "there is no reference"
            return
        self.top = fidelity.peak(subject)
        side = min(subject.shape[:2])
        if side < self.metric.smallest:
            self.absent = (
                f"a side of {side} px is less than the {self.metric.smallest} px that {name} needs"
            )
            return
        self._add(name, self.metric.compute(subject, reference))
        if mask is not None and name in MASKED:
            for where, inside in (("in", mask), ("out", ~mask)):
                self._add(f"{name}@{where}", masked(name, subject, reference, inside))

    def _add(self, name: str, value: float | None) -> None:
        self.series.setdefault(name, Series()).add(value)

    def merge(self, later: FrameStream) -> FrameStream:
        """Both parts."""
        names = dict.fromkeys([*self.series, *later.series])
        both = {n: self.series.get(n, Series()).merge(later.series.get(n, Series())) for n in names}
        return FrameStream(self.metric, both, max(self.top, later.top), self.absent or later.absent)

    def measures(self) -> list[Measure]:
        """Means over frames with their intervals."""
        names = self.series or {self.metric.name: Series()}
        return [self._measure(name, series) for name, series in names.items()]

    def _measure(self, name: str, series: Series) -> Measure:
        value, reason = series.mean()
        if value is None:
            reason = self.absent or (EMPTY if "@" in name and series.values else reason)
        return Measure(
            name=name, value=value, reason=reason, unit=self.metric.unit,
            direction=self.metric.direction, n=max(len(series.finite), 1),
            interval=series.interval(), settings=self.metric.settings(self.top),
        )  # fmt: skip


def masked(name: str, a: Samples, b: Samples, mask: Mask) -> float | None:
    """``mse``, ``psnr`` or ``ssim`` where the mask is set; None where it is set nowhere.

    SSIM is averaged over the windows whose centre lies inside.
    """
    if name == "ssim":
        edge = fidelity.WINDOW // 2
        inner = mask[edge:-edge, edge:-edge]
        return float(fidelity.ssim_map(a, b)[inner].mean(dtype=np.float64)) if inner.any() else None
    if not mask.any():
        return None
    error = fidelity.mse(a[mask], b[mask])
    if name == "mse":
        return error
    return math.inf if error == 0 else float(10 * np.log10(fidelity.peak(a) ** 2 / error))
