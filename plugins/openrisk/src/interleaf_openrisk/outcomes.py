"""Outcomes that are not true or false: scores, costs, and times that may have been cut off.

Higher scores, lower costs and shorter times favour whoever attempts the task. Needs SciPy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from interleaf_openrisk.results import OPEN, REFERENCES, Attempt, by_vector
from interleaf_openrisk.uplift import BadCounts, Floats

RESAMPLES = 2_000
Statistic = Callable[[list[Attempt], list[Attempt]], float]


@dataclass(frozen=True)
class Difference:
    """An open arm against a reference.

    ``difference`` is of means (score, cost) or of restricted mean times, the areas under the Kaplan-Meier
    curves up to ``horizon``. Its 95 % interval is Welch's where attempts are independent, and of a bootstrap
    over participants where they are not and for times. ``cliffs_delta`` is P(open > reference) - P(open <
    reference), None for times. ``p`` is Welch's or the log-rank test's, None where participants repeat.
    """

    measure: str
    attempts: tuple[int, int]
    centres: tuple[float | None, float | None]  # means; median times, None where never reached
    difference: float
    interval95: tuple[float, float]
    cliffs_delta: float | None
    p: float | None
    horizon: float | None
    finding: str
    notes: tuple[str, ...] = ()


def measured(attempts: Sequence[Attempt], seed: int = 0) -> dict[str, Any]:
    """By vector and measure: the open arm against each reference, or why it cannot be compared."""
    found: dict[str, Any] = {}
    for vector, mine in by_vector(attempts).items():
        for measure in dict.fromkeys(a.measure for a in mine):
            arms = {
                name: [a for a in mine if a.measure == measure and a.arm in group]
                for name, group in {"open": OPEN, **REFERENCES}.items()
            }
            found.setdefault(vector, {})[measure] = {
                name: asdict(_between(arms["open"], arms[name], seed))
                if min(len(arms["open"]), len(arms[name])) > 1
                else {"missing": f"fewer than two attempts in an arm (open, {name})"}
                for name in REFERENCES
            }
    return found


def _between(a: list[Attempt], b: list[Attempt], seed: int) -> Difference:
    measure = a[0].measure
    people = {x.who for x in (*a, *b)}
    clustered = len(people) < len(a) + len(b)
    notes = ["attempts of one participant are not independent"] if clustered else []
    if {x.task for x in a} != {x.task for x in b}:
        notes.append("the arms attempted different tasks: the difference may be the tasks'")
    compare = _times if measure == "time" else _means
    middle, interval, p, centres, horizon = compare(a, b, clustered, seed)
    better = 1 if measure == "score" else -1
    low, high = sorted(better * end for end in interval)
    told = "uplift" if low > 0 else "the open model does worse" if high < 0 else "no evidence"
    sizes, cliffs = (len(a), len(b)), None if measure == "time" else cliffs_delta(a, b)
    return Difference(
        measure, sizes, centres, middle, interval, cliffs, p, horizon, told, tuple(notes)
    )


Told = tuple[
    float, tuple[float, float], float | None, tuple[float | None, float | None], float | None
]


def _means(a: list[Attempt], b: list[Attempt], clustered: bool, seed: int) -> Told:
    """Welch's interval and test, or a bootstrap over participants."""
    stats = _scipy()
    one, two = (np.array([x.value for x in arm]) for arm in (a, b))
    means = (float(one.mean()), float(two.mean()))

    def difference(a: list[Attempt], b: list[Attempt]) -> float:
        return float(np.mean([x.value for x in a]) - np.mean([x.value for x in b]))

    if clustered:
        return means[0] - means[1], resampled(a, b, difference, seed), None, means, None
    if one.std() == two.std() == 0:  # Welch's variance is 0: nothing can be said about spread
        gap = means[0] - means[1]
        return gap, (gap, gap), None, means, None
    test = stats.ttest_ind(one, two, equal_var=False)
    ends = test.confidence_interval(0.95)
    interval = (float(ends.low), float(ends.high))
    return means[0] - means[1], interval, float(test.pvalue), means, None


def _times(a: list[Attempt], b: list[Attempt], clustered: bool, seed: int) -> Told:
    """Restricted mean times up to what both arms observed; the log-rank test."""
    stats = _scipy()
    horizon = min(max(x.value for x in arm) for arm in (a, b))

    def difference(a: list[Attempt], b: list[Attempt]) -> float:
        return restricted_mean(a, horizon) - restricted_mean(b, horizon)

    one, two = (_censored(stats, arm) for arm in (a, b))
    ended = any(not x.censored for x in (*a, *b))
    p = float(stats.logrank(one, two).pvalue) if ended and not clustered else None
    interval = resampled(a, b, difference, seed)
    return difference(a, b), interval, p, (median_time(a), median_time(b)), horizon


def _censored(stats: Any, arm: list[Attempt]) -> Any:
    return stats.CensoredData.right_censored(
        [x.value for x in arm], np.array([x.censored for x in arm])
    )


def survival(arm: list[Attempt]) -> tuple[Floats, Floats]:
    """The Kaplan-Meier curve: times, and the part that is not done after each (1958)."""
    curve = _scipy().ecdf(_censored(_scipy(), arm)).sf
    return np.asarray(curve.quantiles, np.float64), np.asarray(curve.probabilities, np.float64)


def median_time(arm: list[Attempt]) -> float | None:
    """When half of the attempts were done; None where they never were."""
    times, left = survival(arm)
    done = np.flatnonzero(left <= 0.5)
    return float(times[done[0]]) if len(done) else None


def restricted_mean(arm: list[Attempt], horizon: float) -> float:
    """The area under the Kaplan-Meier curve up to ``horizon``: the mean time, cut off there."""
    times, left = survival(arm)
    keep = times < horizon
    edges = np.concatenate([[0.0], times[keep], [horizon]])
    heights = np.concatenate([[1.0], left[keep]])
    return float(np.sum(np.diff(edges) * heights))


def cliffs_delta(a: list[Attempt], b: list[Attempt]) -> float:
    """P(a > b) - P(a < b) over all pairs (Cliff 1993)."""
    one, two = (np.sort([x.value for x in arm]) for arm in (a, b))
    above = (
        np.searchsorted(two, one, "left").sum()
        - (len(two) - np.searchsorted(two, one, "right")).sum()
    )
    return float(above / (len(one) * len(two)))


def resampled(
    a: list[Attempt], b: list[Attempt], statistic: Statistic, seed: int
) -> tuple[float, float]:
    """A 95 % percentile interval; whole participants are drawn, with their attempts in both arms."""
    groups: dict[str, tuple[list[Attempt], list[Attempt]]] = defaultdict(lambda: ([], []))
    for side, arm in enumerate((a, b)):
        for attempt in arm:
            groups[attempt.who][side].append(attempt)
    named = [groups[name] for name in sorted(groups)]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(RESAMPLES):
        drawn = [named[i] for i in rng.integers(len(named), size=len(named))]
        one, two = ([x for pair in drawn for x in pair[side]] for side in (0, 1))
        if one and two:
            values.append(statistic(one, two))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _scipy() -> Any:
    try:
        from scipy import stats
    except ImportError:
        told = "pip install 'interleaf-openrisk[scores]'"
        raise BadCounts(
            "scores, costs and times need SciPy, which is not installed", told
        ) from None
    return stats
