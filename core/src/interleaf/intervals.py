"""Means of a few repetitions, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev

# 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def over_seeds(values: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """Mean over repetitions, and its 95 % interval by Student's t; None for fewer than two."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, None
    half = student(len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean, (mean - half, mean + half)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t (beyond the table, Abramowitz and Stegun 26.7.5)."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z, n = 1.959964, float(freedom)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
