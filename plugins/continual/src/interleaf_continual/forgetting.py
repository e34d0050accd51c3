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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
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
