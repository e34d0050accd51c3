"""Is a judge to be trusted? Paired scores of a judge and of a reference (people, or what can be verified).

Intervals are bootstrapped over clusters (scenarios), paired between systems. What cannot be known is
None with its reason. Knows nothing of the framework.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Statistic:
    """A value with its 95 % interval, or None and the reason; ``n`` pairs of scores."""

    value: float | None
    interval: tuple[float, float] | None = None
    reason: str = ""
    n: int = 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Scores of one judge and of the reference for the same items, and the cluster each belongs to."""

    judged: Array
    true: Array
    cluster: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.judged)

    def rows(self, chosen: Any) -> Pairs:
        """Some of them."""
        where = np.asarray(chosen)
        return Pairs(self.judged[where], self.true[where], tuple(self.cluster[i] for i in where))


def pairs(judged: Sequence[Any], true: Sequence[Any], cluster: Sequence[Any]) -> Pairs:
    """Those where both scores are known."""
    both = [
        i for i, (j, t) in enumerate(zip(judged, true, strict=True)) if _number(j) and _number(t)
    ]
    return Pairs(
        np.array([float(judged[i]) for i in both]), np.array([float(true[i]) for i in both]),
        tuple(cluster[i] for i in both),
    )  # fmt: skip


def _number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
    )


def gap(p: Pairs, seed: int = 0) -> Statistic:
    """Mean of judge − reference."""
    return _bootstrapped(p.judged, p.true, p, lambda m: m.a - m.b, seed, least=1)


def pearson(p: Pairs, seed: int = 0) -> Statistic:
    """Linear correlation."""
    return _constant(p) or _bootstrapped(p.judged, p.true, p, _correlation, seed)


def spearman(p: Pairs, seed: int = 0) -> Statistic:
    """Correlation of the ranks, ties at their mean rank; the interval keeps the ranks of the whole sample."""
    return _constant(p) or _bootstrapped(_ranks(p.judged), _ranks(p.true), p, _correlation, seed)


def slope(p: Pairs, seed: int = 0) -> Statistic:
    """How much the reference rises with one point of the judge: 1 for a calibrated judge."""
    return _constant(p) or _bootstrapped(p.judged, p.true, p, lambda m: _over(m.cov, m.var_a), seed)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Means of two scores, their variances and covariance; of one sample or of many."""

    a: Array
    b: Array
    var_a: Array
    var_b: Array
    cov: Array

    @staticmethod
    def of(sums: Array) -> _Moments:
        """From sums of 1, a, b, a², b², ab in the last dimension."""
        n, a, b, aa, bb, ab = np.moveaxis(sums, -1, 0)
        a, b = a / n, b / n
        return _Moments(a, b, aa / n - a * a, bb / n - b * b, ab / n - a * b)


def _over(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 1e-12, above / below, np.nan)


def _correlation(m: _Moments) -> Array:
    return _over(m.cov, np.sqrt(np.maximum(m.var_a * m.var_b, 0)))


def gap_growth(before: Pairs, after: Pairs, seed: int = 0, level: float = 0.95) -> Statistic:
    """By how much the gap grew from one system to another; clusters that both have are drawn together."""
    names = list(dict.fromkeys((*before.cluster, *after.cluster)))
    n = len(before) + len(after)
    if min(len(before), len(after)) < 3 or len(names) < 2:
        return Statistic(None, None, "fewer than 3 pairs of a system, or one cluster alone", n)
    value = float((after.judged - after.true).mean() - (before.judged - before.true).mean())
    sums, sizes = np.zeros((2, len(names))), np.zeros((2, len(names)))
    place = {c: i for i, c in enumerate(names)}
    for side, p in enumerate((before, after)):
        index = np.array([place[c] for c in p.cluster])
        sums[side] = np.bincount(index, p.judged - p.true, len(names))
        sizes[side] = np.bincount(index, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[:, drawn].sum(2) / sizes[:, drawn].sum(2)
    return Statistic(value, _quantiles(means[1] - means[0], level), "", n)


def randolph(first: Sequence[Any], second: Sequence[Any], categories: int) -> Statistic:
    """Randolph's free-marginal kappa of two raters: (Po − 1/k) / (1 − 1/k)."""
    if categories < 2:
        return Statistic(None, None, "fewer than two categories")
    both = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not both:
        return Statistic(None, None, "no item was rated by both")
    agreed = sum(a == b for a, b in both) / len(both)
    return Statistic((agreed - 1 / categories) / (1 - 1 / categories), None, "", len(both))


def reversals(means: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """Of how many pairs of systems the judge says the opposite of the reference, and of how many in all."""
    found = list(itertools.combinations(means, 2))
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in found), len(found)


def optimised_against_judge(
    systems: Sequence[Pairs], seed: int = 0
) -> tuple[bool | None, list[Statistic]]:
    """Whether the gap grew from the first checkpoint to any later one: the mark of a policy that learned
    to please its judge. Growths have simultaneous intervals (Bonferroni). None: it cannot be told.

    A constant bias of the judge cancels in every growth, and raises nothing.
    """
    level = 1 - 0.05 / max(1, len(systems) - 1)
    growths = [gap_growth(systems[0], later, seed, level) for later in systems[1:]]
    known = [g for g in growths if g.interval is not None]
    if not known:
        return None, growths
    return any(g.interval is not None and g.interval[0] > 0 for g in known), growths


def _constant(p: Pairs) -> Statistic | None:
    if len(p) < 3:
        return Statistic(None, None, f"{len(p)} pairs of scores, at least 3 are needed", len(p))
    if np.ptp(p.judged) == 0 or np.ptp(p.true) == 0:
        who = "judge" if np.ptp(p.judged) == 0 else "reference"
        return Statistic(None, None, f"the {who} gives one and the same score to all", len(p))
    return None


def _bootstrapped(
    a: Array, b: Array, p: Pairs, of: Callable[[_Moments], Array], seed: int, least: int = 3
) -> Statistic:
    """A function of the moments of two scores, clusters resampled whole."""
    n = len(p)
    if n < least:
        return Statistic(None, None, f"{n} pairs of scores, at least {least} are needed", n)
    a, b = (
        a - a.mean() * (least > 1),
        b - b.mean() * (least > 1),
    )  # moments about the means lose no digits
    columns = np.stack([np.ones(n), a, b, a * a, b * b, a * b], 1)
    names = {c: i for i, c in enumerate(dict.fromkeys(p.cluster))}
    sums = np.zeros((len(names), 6))
    np.add.at(sums, [names[c] for c in p.cluster], columns)
    value = float(of(_Moments.of(sums.sum(0))))
    if len(names) < 2:
        return Statistic(value, None, "one cluster: no interval", n)
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    return Statistic(value, _quantiles(of(_Moments.of(sums[drawn].sum(1)))), "", n)


def _quantiles(draws: Array, level: float = 0.95) -> tuple[float, float] | None:
    known = draws[np.isfinite(draws)]
    if len(known) < 0.9 * len(draws):
        return None
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[inverse]
