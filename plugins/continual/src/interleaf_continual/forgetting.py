"""What a continued training forgot and what it learnt, and how sure that is.

All from the losses of documents that no stage was trained on, scored by the model before the update,
after it, and by a model trained on everything at once (arXiv 2403.08763, section 6):

    forgetting  F = L_old(after) − L_old(before)
    adaptation  A = L_new(before) − L_new(after)
    mean        M = (L_old(after) + L_new(after)) / 2
    union gap   M(after) − M(union)

A loss is a sum over documents divided by their size. Documents of one work resemble each other, so
intervals come from resampling runs of neighbouring documents (circular block bootstrap, Politis and
Romano 1992), the same runs for every model that is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """Documents of one domain under one model: log-probability in nats, and size (bytes or tokens)."""

    logprob: Floats
    size: Floats
    per_byte: bool

    def loss(self, rows: Any = slice(None)) -> Floats:
        """Bits per byte, or nats per token, over rows of document numbers (last axis)."""
        unit = log(2) if self.per_byte else 1.0
        total: Floats = -self.logprob[rows].sum(-1) / (self.size[rows].sum(-1) * unit)
        return total


Losses = Mapping[str, Scores]  # by domain: "old", "new"


def forgetting(before: Losses, after: Losses, rows: Mapping[str, Any]) -> Floats:
    """Loss gained on the old data; above 0 something was forgotten."""
    return after["old"].loss(rows["old"]) - before["old"].loss(rows["old"])


def adaptation(before: Losses, after: Losses, rows: Mapping[str, Any]) -> Floats:
    """Loss shed on the new data."""
    return before["new"].loss(rows["new"]) - after["new"].loss(rows["new"])


def mean_loss(model: Losses, rows: Mapping[str, Any]) -> Floats:
    """The unweighted mean over both domains."""
    return (model["old"].loss(rows["old"]) + model["new"].loss(rows["new"])) / 2


Statistic = Callable[[Mapping[str, Any]], Floats]
ALL = {"old": slice(None), "new": slice(None)}


def interval(
    statistic: Statistic,
    counts: Mapping[str, int],
    draws: int,
    block: int,
    rng: np.random.Generator,
) -> Interval | None:
    """95 % of the statistic over resampled documents; None where a domain has fewer than two."""
    if min(counts.values()) < 2:
        return None
    rows = {name: blocks(n, draws, block, rng) for name, n in counts.items()}
    low, high = np.quantile(statistic(rows), [0.025, 0.975])
    return float(low), float(high)


def blocks(count: int, draws: int, block: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """draws×count document numbers, in runs of ``block`` neighbours, the last neighbour of the first."""
    block = min(block, max(1, count // 2))
    runs = -(-count // block)
    begins = rng.integers(0, count, (draws, runs, 1))
    found: np.ndarray[Any, Any] = ((begins + np.arange(block)) % count).reshape(draws, -1)
    return found[:, :count]


def over_seeds(values: Sequence[float]) -> tuple[float, Interval | None]:
    """Mean over repetitions, and its 95 % interval by Student's t; None for fewer than two."""
    found = np.asarray(values, dtype=float)
    mean = float(found.mean())
    if len(found) < 2:
        return mean, None
    half = student(len(found) - 1) * float(found.std(ddof=1)) / sqrt(len(found))
    return mean, (mean - half, mean + half)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5 beyond the table)."""
    table = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
    if freedom <= len(table):
        return table[freedom - 1]
    z, n = 1.959964, float(freedom)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
