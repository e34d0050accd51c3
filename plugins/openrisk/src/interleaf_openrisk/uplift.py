"""How much more often an attempt succeeds with an open model than without: estimates and intervals.

Binary outcomes of two arms, k successes of n. Intervals of the difference are Newcombe's hybrid score
(1998, method 10), posteriors are Jeffreys Beta(k + 1/2, n - k + 1/2). Only numpy is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
NORMAL = NormalDist()
GRID = 20_001  # points of the posterior, evenly over arcsin(sqrt(p))

Finding = Literal["uplift", "no meaningful uplift", "no evidence"]


class BadCounts(ValueError):
    """Counts or records that cannot be: what, and what was expected (``hint``)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Counts:
    """k successes of n attempts."""

    k: int
    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise BadCounts(f"{self.k}/{self.n}: no attempts", "n is at least 1")
        if not 0 <= self.k <= self.n:
            raise BadCounts(f"{self.k}/{self.n}: successes are 0 to n", "write k/n, such as 30/100")

    @property
    def rate(self) -> float:
        """k / n."""
        return self.k / self.n


def z_of(level: float) -> float:
    """The two-sided normal quantile of a level such as 0.95."""
    return NORMAL.inv_cdf((1 + level) / 2)


def wilson(counts: Counts, level: float = 0.95) -> tuple[float, float]:
    """Score interval of one rate (Wilson 1927)."""
    z, n, p = z_of(level), counts.n, counts.rate
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(a: Counts, b: Counts, level: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two independent rates, a - b."""
    (la, ua), (lb, ub) = wilson(a, level), wilson(b, level)
    d = a.rate - b.rate
    low, high = math.hypot(a.rate - la, ub - b.rate), math.hypot(ua - a.rate, b.rate - lb)
    return max(-1.0, d - low), min(1.0, d + high)


def risk_ratio(a: Counts, b: Counts, level: float = 0.95) -> tuple[float, float, float]:
    """Ratio of rates and its log interval; half a success is added everywhere when a cell is 0."""
    add = 0.5 if 0 in (a.k, b.k, a.n - a.k, b.n - b.k) else 0.0
    ka, kb, na, nb = a.k + add, b.k + add, a.n + 2 * add, b.n + 2 * add
    ratio = (ka / na) / (kb / nb)
    half = z_of(level) * math.sqrt(max(1 / ka - 1 / na + 1 / kb - 1 / nb, 0.0))
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)


class Posterior:
    """Jeffreys posterior of a rate, on a grid of angles where its density is smooth."""

    def __init__(self, counts: Counts) -> None:
        self.angle = np.linspace(0, np.pi / 2, GRID)
        with np.errstate(divide="ignore"):
            logs = [
                2 * m * np.log(f(self.angle)) if m else np.zeros(GRID)
                for m, f in ((counts.k, np.sin), (counts.n - counts.k, np.cos))
            ]
        log_density = logs[0] + logs[1]
        self.density = np.exp(log_density - log_density.max())
        steps = (self.density[1:] + self.density[:-1]) / 2
        self.cdf = np.concatenate([[0.0], np.cumsum(steps)])
        self.density /= self.cdf[-1]
        self.cdf /= self.cdf[-1]

    def below(self, p: Floats) -> Floats:
        """P(rate <= p)."""
        angle = np.arcsin(np.sqrt(np.clip(p, 0, 1)))
        return np.interp(angle, self.angle, self.cdf)

    def quantile(self, q: float) -> float:
        """The rate below which a part q lies."""
        return float(np.sin(np.interp(q, self.cdf, self.angle)) ** 2)

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        """Random rates."""
        return np.sin(np.interp(rng.random(count), self.cdf, self.angle)) ** 2


def p_greater(a: Counts, b: Counts, delta: float = 0.0) -> float:
    """Posterior probability that rate a exceeds rate b by more than ``delta``."""
    one, two = Posterior(a), Posterior(b)
    inner = two.below(np.sin(one.angle) ** 2 - delta)
    values = one.density * inner
    return float(((values[1:] + values[:-1]) / 2).sum())


def mcnemar(pairs: Sequence[tuple[bool, bool]]) -> tuple[int, int, float]:
    """Pairs of outcomes of the same task: only-a, only-b, and the exact two-sided p value."""
    if not pairs:
        raise BadCounts("no pairs", "give tasks that both arms attempted")
    only_a = sum(a and not b for a, b in pairs)
    only_b = sum(b and not a for a, b in pairs)
    n, least = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, i) for i in range(least + 1)) / 2**n
    return only_a, only_b, min(1.0, 2 * tail)


def bootstrap(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    level: float = 0.95,
    count: int = 10_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Difference of means a - b and its percentile interval, resampling whole groups.

    A group is a task (paired) or a participant (clustered), with the outcomes of both arms in it.
    """
    names = sorted(groups)
    rows = [(sum(a), len(a), sum(b), len(b)) for a, b in (groups[n] for n in names)]
    sums = np.array(rows, dtype=np.float64).reshape(-1, 4)
    if not len(names) or not sums[:, 1].sum() or not sums[:, 3].sum():
        raise BadCounts("an arm has no outcomes", "both arms are needed")
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), count) @ sums
    drawn = drawn[(drawn[:, 1] > 0) & (drawn[:, 3] > 0)]
    differences = drawn[:, 0] / drawn[:, 1] - drawn[:, 2] / drawn[:, 3]
    whole = sums.sum(axis=0)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return float(whole[0] / whole[1] - whole[2] / whole[3]), float(low), float(high)


def finding(low: float, high: float, delta: float) -> Finding:
    """What an interval says: uplift, evidence of none that matters, or nothing yet."""
    if low > 0:
        return "uplift"
    return "no meaningful uplift" if high < delta else "no evidence"


def two_sided_p(a: Counts, b: Counts) -> float:
    """Exact two-sided p value of equal rates (Fisher, summing tables at most as likely)."""
    total, k = a.n + b.n, a.k + b.k
    base = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)

    def log_probability(i: int) -> float:
        def choose(n: int, m: int) -> float:
            return math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1)

        return choose(a.n, i) + choose(b.n, k - i) - base

    here = log_probability(a.k)
    tables = range(max(0, k - b.n), min(a.n, k) + 1)
    likely = [math.exp(v) for v in map(log_probability, tables) if v <= here + 1e-9]
    return min(1.0, sum(likely))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p values that hold the family-wise error (Holm 1979)."""
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    adjusted, largest = {}, 0.0
    for place, (name, p) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * p))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def power(p_ref: float, uplift: float, n_open: int, n_ref: int, level: float = 0.95) -> float:
    """Chance that an uplift of that size is told from 0 (normal approximation)."""
    p = min(p_ref + uplift, 1.0)
    spread = math.sqrt(p * (1 - p) / n_open + p_ref * (1 - p_ref) / n_ref)
    if spread == 0:
        return 1.0 if uplift > 0 else 0.0
    return NORMAL.cdf(uplift / spread - z_of(level))


def minimum_detectable(
    p_ref: float, n_open: int, n_ref: int, chance: float = 0.8, level: float = 0.95
) -> float | None:
    """The smallest uplift found with that chance; None where even 100 % would be missed."""
    # a rate of 0 or 1 is measured on few attempts: it is taken as half a success away from the end
    p_ref = min(max(p_ref, 0.5 / n_ref), 1 - 0.5 / n_ref)
    low, high = 0.0, 1 - p_ref
    if power(p_ref, high, n_open, n_ref, level) < chance:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (low, middle)
            if power(p_ref, middle, n_open, n_ref, level) >= chance
            else (middle, high)
        )
    return high


def sample_size(p_ref: float, uplift: float, chance: float = 0.8, level: float = 0.95) -> int:
    """Attempts in each arm that find an uplift of that size with that chance."""
    if not (0 < uplift <= 1 - p_ref and 0 <= p_ref < 1):
        raise BadCounts(
            f"an uplift of {uplift:g} over {p_ref:g} is not possible", "0 < uplift <= 1 - p"
        )
    p = p_ref + uplift
    reach = z_of(level) + NORMAL.inv_cdf(chance)
    return max(2, math.ceil(reach**2 * (p * (1 - p) + p_ref * (1 - p_ref)) / uplift**2))


@dataclass(frozen=True)
class Grader:
    """A grader checked against the truth: right positives of all positives, right negatives of all."""

    sensitivity: Counts
    specificity: Counts


def corrected(
    a: Counts, b: Counts, grader: Grader, level: float = 0.95, count: int = 100_000, seed: int = 0
) -> tuple[float, float, float]:
    """Median and interval of the difference of true rates (Rogan and Gladen 1978, Bayesian).

    The grader's own uncertainty is carried along, the same for both arms. Raises BadCounts for a
    grader that may be no better than chance.
    """
    rng = np.random.default_rng(seed)
    right, clear = (
        Posterior(c).draws(rng, count) for c in (grader.sensitivity, grader.specificity)
    )
    worth = right + clear - 1
    if np.mean(worth <= 0.05) > 0.01:
        raise BadCounts("the grader may be no better than chance", "check it on more known cases")
    keep = worth > 0.05
    rates = [
        np.clip((Posterior(c).draws(rng, count)[keep] + clear[keep] - 1) / worth[keep], 0, 1)
        for c in (a, b)
    ]
    low, middle, high = np.quantile(rates[0] - rates[1], [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(middle), float(low), float(high)


@dataclass(frozen=True)
class Margin:
    """An open arm against one reference."""

    open: Counts
    reference: Counts
    delta: float
    difference: float
    newcombe95: tuple[float, float]
    risk_ratio: tuple[float, float, float]
    p_gt_0: float
    p_gt_delta: float
    fisher: float
    finding: Finding
    detectable: float | None


def margin(a: Counts, b: Counts, delta: float = 0.05) -> Margin:
    """Everything about one comparison; ``delta`` is the uplift that would matter."""
    if not 0 < delta < 1:
        raise BadCounts(f"a meaningful uplift of {delta:g} is no part of 1", "such as 0.05")
    ends = newcombe(a, b)
    return Margin(
        a, b, delta, a.rate - b.rate, ends, risk_ratio(a, b), p_greater(a, b),
        p_greater(a, b, delta), two_sided_p(a, b), finding(*ends, delta),
        minimum_detectable(b.rate, a.n, b.n),
    )  # fmt: skip
