"""Values frame by frame, and what a clip's value and its interval are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

BATCHES = 20


@dataclass(slots=True)
class Series:
    """One number, or None, for each frame. Merging two in any order gives the same mean."""

    values: list[float | None] = field(default_factory=list)

    def add(self, value: float | None) -> None:
        """One more frame."""
        self.values.append(value)

    def merge(self, later: Series) -> Series:
        """Both, one after the other."""
        return Series([*self.values, *later.values])

    @property
    def finite(self) -> list[float]:
        """The values that a mean is taken over."""
        return [v for v in self.values if v is not None and math.isfinite(v)]

    def mean(self) -> tuple[float | None, str]:
        """Mean over finite values, and why it is absent or what it leaves out."""
        finite, count = self.finite, len(self.values)
        if not finite:
            if count and all(v is not None for v in self.values):
                return math.inf, "all frames are equal"
            return None, "no frame has a value" if count else "there are no frames"
        infinite = sum(v is not None for v in self.values) - len(finite)
        absent = count - len(finite) - infinite
        left = [f"{infinite} equal frames"] * bool(infinite) + [f"{absent} without a value"] * bool(
            absent
        )
        return math.fsum(finite) / len(finite), f"without {' and '.join(left)}" if left else ""

    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean by batch means: neighbouring frames are alike, so that runs of
        them, not single frames, count as observations (Student's t over up to 20 runs)."""
        finite = np.asarray(self.finite)
        if len(finite) < 2:
            return None
        runs = [r.mean() for r in np.array_split(finite, min(BATCHES, len(finite)))]
        half = stats.t.ppf(0.975, len(runs) - 1) * np.std(runs, ddof=1) / math.sqrt(len(runs))
        mean = math.fsum(self.finite) / len(finite)
        return float(mean - half), float(mean + half)
