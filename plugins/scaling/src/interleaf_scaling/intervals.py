"""How sure: bootstrap, jackknife and profile intervals of a fitted law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit

from interleaf_scaling.fitting import Fit, Loss, problem_of
from interleaf_scaling.laws import Floats, Law
from interleaf_scaling.runs import BadRuns, Runs
from interleaf_scaling.solving import solve, values_of

Kind = Literal["residual", "pairs", "cluster", "jackknife"]


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the width, as a part of the value."""
        return (self.high - self.low) / 2 / abs(self.value)


@dataclass(frozen=True)
class Draws:
    """Coordinates [B, P] of a law fitted again, and how they were made.

    ``stretch`` is the number by which deviations from the fit are multiplied to be those of an
    estimate (a jackknife's deviations are much smaller), ``free`` the residuals' degrees of freedom.
    """

    theta: Floats
    kind: Kind
    stretch: float
    free: int


def draw(
    runs: Runs, law: Law, fit: Fit, kind: Kind = "residual", count: int = 1000, seed: int = 0
) -> Draws:
    """The law fitted again to ``count`` resampled tables, all at once, each from the fitted optimum.

    ``residual`` adds resampled residuals, widened by sqrt(n / (n - P)), to the law; ``pairs``
    resamples rows; ``cluster`` resamples all rows of one N together; ``jackknife`` leaves out each row
    once, which is what a table with hardly more rows than parameters allows.
    """
    loss: Loss = fit.loss  # type: ignore[assignment]
    problem = problem_of(law, runs, loss, fit.delta)
    theta, rows, free = np.array(fit.theta), len(runs), len(runs) - len(law.params)
    rng = np.random.default_rng(seed)
    weight = runs.weight / runs.weight.mean()
    if kind == "jackknife":
        weights = weight * (1 - np.eye(rows))
        found = solve(law, problem, runs, np.tile(theta, (rows, 1)), weights)
        return Draws(found, kind, float(np.sqrt(rows - 1)), max(free, 1))
    if kind == "residual":
        if free < 1:
            raise BadRuns("as many rows as parameters leave no residuals", "use the jackknife")
        residuals = np.array(fit.residuals)
        wide = np.sqrt(rows / free) * (residuals - residuals.mean())
        targets = problem.target - residuals + rng.choice(wide, (count, rows))
        begun = np.tile(theta, (count, 1))
        found = solve(law, problem, runs, begun, weight[None], targets)
        return Draws(found, kind, 1.0, free)
    if kind == "pairs":
        weights = rng.multinomial(rows, np.full(rows, 1 / rows), count) * weight
    else:
        sizes, which = np.unique(runs.n, return_inverse=True)
        chosen = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), count)
        weights = chosen[:, which] * weight
    found = solve(law, problem, runs, np.tile(theta, (count, 1)), weights)
    return Draws(found, kind, 1.0, max(free, 1))


def usual_kind(runs: Runs, law: Law) -> Kind:
    """Residual bootstrap, or the jackknife where there are hardly more rows than parameters."""
    return "residual" if len(runs) > len(law.params) + 1 else "jackknife"


def law_interval(
    law: Law, fit: Fit, draws: Draws, n: float, d: float, level: float = 0.9
) -> Interval:
    """The law's loss at N and D: what it would be without noise, if the law holds."""
    at = (np.array([np.log(n)]), np.array([np.log(d)]))
    middle = float(law.log_loss(np.array(fit.theta), *at)[0])
    moved = law.log_loss(draws.theta, *at)[:, 0] - middle
    low, high = spread(moved, draws, level)
    return Interval(
        float(np.exp(middle)), float(np.exp(middle + low)), float(np.exp(middle + high))
    )


def run_interval(law: Interval, fit: Fit, draws: Draws, level: float = 0.9) -> Interval:
    """The loss that one run would measure: the law's interval and the runs' own scatter about it."""
    free = max(fit.rows - len(fit.params), 1)
    scatter = float(np.sqrt(np.sum(np.square(fit.residuals)) / free))
    tail = (1 + level) / 2
    own = scatter * float(ndtri(tail) if draws.kind == "jackknife" else stdtrit(free, tail))
    down, up = np.log(law.value / law.low), np.log(law.high / law.value)
    return Interval(
        law.value,
        float(law.value * np.exp(-np.hypot(down, own))),
        float(law.value * np.exp(np.hypot(up, own))),
    )


def spread(moved: Floats, draws: Draws, level: float) -> tuple[float, float]:
    """Ends of the interval of deviations; wider by Student's t where residuals are few."""
    tail = (1 - level) / 2
    if draws.kind == "jackknife":
        centred = moved - moved.mean()
        half = float(ndtri(1 - tail) * draws.stretch * np.sqrt(np.mean(centred**2)))
        return -half, half
    wide = float(stdtrit(draws.free, 1 - tail) / ndtri(1 - tail))
    low, high = np.quantile(moved, [tail, 1 - tail])
    return float(low * wide), float(high * wide)


def parameter_intervals(
    law: Law, fit: Fit, draws: Draws, level: float = 0.9, method: str = "percentile"
) -> dict[str, Interval]:
    """Of every parameter by name; ``bca`` corrects percentiles for bias (Efron 1987, without skew)."""
    found: dict[str, Interval] = {}
    named = [law.named(theta) for theta in draws.theta]
    for name in law.params:
        values = np.array([row[name] for row in named])
        value = fit.params[name]
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        if draws.kind == "jackknife":
            low, high = (value + end for end in spread(values - value, draws, level))
        else:
            if method == "bca":
                below = np.clip(np.mean(values < value), 1 / len(values), 1 - 1 / len(values))
                tails = ndtr(2 * ndtri(below) + ndtri(tails))
            low, high = np.quantile(values, tails)
        found[name] = Interval(value, float(low), float(high))
    return found


def profile(
    runs: Runs, law: Law, fit: Fit, name: str, level: float = 0.9, points: Sequence[float] = ()
) -> Interval:
    """Likelihood interval of one parameter: where the profiled objective rises by a t quantile.

    The other parameters are fitted again at each value. Raises BadRuns without spare rows.
    """
    place = law.params.index(name)
    free = len(runs) - len(law.params)
    if free < 1:
        raise BadRuns("as many rows as parameters leave nothing to profile", "give more runs")
    problem = problem_of(law, runs, fit.loss, fit.delta)  # type: ignore[arg-type]
    best = np.array(fit.theta)
    weights = (runs.weight / runs.weight.mean())[None]
    floor = max(float(values_of(law, problem, runs, best[None], weights)[0]), 1e-300)
    allowed = floor * float(stdtrit(free, (1 + level) / 2) ** 2) / free

    def above(value: float) -> float:
        low, high = problem.low.copy(), problem.high.copy()
        low[place] = high[place] = value
        held = type(problem)(
            problem.features,
            problem.target,
            low,
            high,
            problem.delta,
            problem.linear,
            problem.above,
        )
        found = solve(law, held, runs, best[None], weights)
        return float(values_of(law, problem, runs, found, weights)[0]) - floor - allowed

    ends = [_crossing(above, best[place], way) for way in (-1, 1)]
    logged = place in law.amplitudes
    low, high = (float(np.exp(e)) if logged else e for e in ends)
    return Interval(fit.params[name], low, high)


def _crossing(above: Any, start: float, way: int) -> float:
    step = 0.01 * max(abs(start), 0.1)
    for _ in range(40):
        if above(start + way * step) > 0:
            return float(brentq(above, start, start + way * step, xtol=1e-9))
        step *= 1.6
    return way * float("inf")
