"""One door to both optimisers: all starts at once for sums of powers, one by one for other laws."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from interleaf_scaling.descent import Problem, descend, objective
from interleaf_scaling.laws import Floats, Law, PowerSum
from interleaf_scaling.runs import Runs


def solve(
    law: Law,
    problem: Problem,
    runs: Runs,
    points: Floats,
    weights: Floats,
    targets: Floats | None = None,
) -> Floats:
    """The optimum each of ``points`` [S, P] leads to; weights and targets are [1, n] or [S, n]."""
    if isinstance(law, PowerSum):
        return descend(problem, points, weights, targets)
    log_n, log_d = np.log(runs.n), np.log(runs.d)
    ys = problem.target[None] if targets is None else targets
    found = []
    for i, point in enumerate(points):
        row, y = weights[i % len(weights)], ys[i % len(ys)]
        found.append(_one(law, problem, log_n, log_d, point, row, y))
    return np.array(found).reshape(points.shape)


def _one(
    law: Law,
    problem: Problem,
    log_n: Floats,
    log_d: Floats,
    start: Floats,
    weight: Floats,
    y: Floats,
) -> Floats:
    """Trust-region least squares; parameters whose bounds are equal are held.

    A prediction that is too high counts ``above`` times: once as any other row, and ``above`` - 1
    times in a second set of rows that are 0 elsewhere.
    """
    free = problem.low < problem.high
    whole = np.where(free, start, problem.low)
    twice = problem.above != 1
    weights = np.concatenate([weight, (problem.above - 1) * weight]) if twice else weight

    def theta(part: Floats) -> Floats:
        found = whole.copy()
        found[free] = part
        return found

    def residual(part: Floats) -> Floats:
        found = _residual(problem, law.log_loss(theta(part), log_n, log_d), y)
        return np.concatenate([found, np.maximum(found, 0)]) if twice else found

    def slopes(part: Floats) -> Floats:
        logs = law.log_loss(theta(part), log_n, log_d)
        found = law.slopes(theta(part), log_n, log_d)[:, free]
        if problem.linear:
            found = found * np.exp(logs)[:, None]
        high = (_residual(problem, logs, y) > 0)[:, None]
        return np.concatenate([found, found * high]) if twice else found

    margin = 1e-9 * (problem.high - problem.low)[free]
    low, high = problem.low[free], problem.high[free]
    ended = least_squares(
        residual, np.clip(whole[free], low + margin, high - margin), slopes, (low, high),
        x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=500,
        loss=lambda z: weights * _huber(z, np.isfinite(problem.delta)),
        f_scale=problem.delta if np.isfinite(problem.delta) else 1.0,
    )  # fmt: skip
    return theta(ended.x)


def _huber(z: Floats, robust: bool) -> Floats:
    """rho(z) and two derivatives [3, n] of squared residuals in units of the threshold."""
    if not robust:
        return np.stack([z, np.ones_like(z), np.zeros_like(z)])
    root = np.sqrt(np.maximum(z, 1.0))
    inside = z <= 1
    return np.stack(
        [np.where(inside, z, 2 * root - 1), 1 / root, np.where(inside, 0.0, -0.5 / root**3)]
    )


def _residual(problem: Problem, log_loss: Floats, y: Floats) -> Floats:
    return np.exp(log_loss) - np.exp(y) if problem.linear else log_loss - y


def values_of(law: Law, problem: Problem, runs: Runs, theta: Floats, weights: Floats) -> Floats:
    """The objective [S] at each of theta [S, P]."""
    if isinstance(law, PowerSum):
        return objective(problem, theta, weights)
    logs = law.log_loss(theta, np.log(runs.n), np.log(runs.d))
    residual = _residual(problem, logs, problem.target)
    size, delta = np.abs(residual), problem.delta
    far = 0.0 if np.isinf(delta) else delta * (size - delta / 2)
    pull = np.where(residual > 0, problem.above, 1.0) * weights
    return np.asarray((pull * np.where(size <= delta, residual**2 / 2, far)).sum(axis=1))
