"""Many fits at once: robust regression of a law from many starts, each with weights of its own.

All starts go through the same few matrix products. Two things make nearly every start end at the
same optimum. Amplitudes are linear once the exponents are given, so the first point of a start is
the non-negative least-squares solution for its exponents (variable projection, Golub and Pereyra
1973). And the Huber threshold falls from a wide one to the one asked for, each optimum starting the
next (graduated non-convexity, Blake and Zisserman 1987). Starts that meet are carried on as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

Floats = np.ndarray[Any, np.dtype[np.float64]]
Slopes = tuple[Floats, Floats, Floats, Floats]  # value, gradient, Hessian, positive diagonal
WIDE = (0.3, 0.1, 0.03, 0.01, 0.003)  # thresholds on the way to the one asked for
FAINT = 1e-5  # an amplitude that least squares sets to 0 starts at this part of the loss
STEPS, ROUNDS = 20, 15  # Newton steps between two looks for starts that have met
FLAT = 1e-13  # relative decrease below which a fit has ended, three times in a row


@dataclass(frozen=True)
class Problem:
    """What is fitted: features [K, n, P] of the terms, ln loss [n], bounds [P], and the measure.

    ``linear`` takes residuals of the loss itself, otherwise of its logarithm; ``delta`` is the Huber
    threshold (inf: squares); ``above`` multiplies residuals of predictions that are too high.
    """

    features: Floats
    target: Floats
    low: Floats
    high: Floats
    delta: float
    linear: bool = False
    above: float = 1.0


def objective(problem: Problem, theta: Floats, weights: Floats, delta: float = 0.0) -> Floats:
    """Sum of Huber losses [S] for theta [S, P] and row weights [S, n] or [n]."""
    rows, ys = np.atleast_2d(weights), problem.target[None]
    return _evaluate(problem, theta, rows, ys, delta or problem.delta, derivatives=False)[0]


def project(problem: Problem, theta: Floats, amplitudes: tuple[int, ...]) -> Floats:
    """theta [S, P] with the amplitudes that fit its exponents best in relative squares."""
    found = theta.copy()
    known: dict[bytes, Floats] = {}
    places = list(amplitudes)
    for row in found:
        row[places] = 0.0
        if (key := row.tobytes()) not in known:
            known[key] = _amplitudes(problem, row)
        row[places] = known[key]
    return found


def _amplitudes(problem: Problem, theta: Floats) -> Floats:
    logs = np.stack([term @ theta for term in problem.features])  # without amplitudes
    tops = logs.max(axis=1)
    design = np.exp(logs - tops[:, None] - problem.target).T
    scale = np.linalg.norm(design, axis=0)
    amounts = nnls(design / scale, np.ones(len(design)))[0] / scale
    least = FAINT / np.exp(logs - tops[:, None] - problem.target).mean(axis=1)
    return np.log(np.maximum(amounts, least)) - tops


def descend(
    problem: Problem,
    theta: Floats,
    weights: Floats | None = None,
    targets: Floats | None = None,
) -> Floats:
    """The optimum each row of theta [S, P] leads to.

    ``weights`` and ``targets`` have one row [1, n] for all starts, or one for each [S, n].
    """
    count = len(problem.target)
    rows = np.ones((1, count)) if weights is None else np.atleast_2d(weights)
    ys = problem.target[None] if targets is None else np.atleast_2d(targets)
    shared = len(rows) == len(ys) == 1
    if not shared:
        rows, ys = np.broadcast_arrays(rows, ys)
    owner = np.arange(len(theta))
    size = float(np.exp(problem.target).mean()) if problem.linear else 1.0
    deltas = [np.inf, *(d * size for d in WIDE if d * size > problem.delta), problem.delta]
    for delta in deltas if np.isfinite(problem.delta) else [np.inf]:
        theta, now = _settle(problem, theta, rows, ys, delta)
        owner = now[owner]
    return theta[owner]


def _settle(
    problem: Problem, theta: Floats, rows: Floats, ys: Floats, delta: float
) -> tuple[Floats, Any]:
    """Newton until nothing moves; the points, and which of them each start has come to."""
    owner = np.arange(len(theta))
    moving = np.ones(len(theta), dtype=bool)
    for _ in range(ROUNDS):
        if len(rows) == len(ys) == 1:
            theta, moving, owner = _merged(theta, moving, owner)
        theta, moving = _newton(problem, theta, moving, rows, ys, delta)
        if not moving.any():
            break
    return theta, owner


def _merged(theta: Floats, moving: Any, owner: Any) -> tuple[Floats, Any, Any]:
    """Rows that agree to 7 digits become one; ``owner`` is brought along."""
    scale = np.maximum(np.abs(theta), 1e-3)
    rounded = np.round(theta / 10.0 ** np.floor(np.log10(scale)), 7)
    _, first, which = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    return theta[first], moving[first], which.ravel()[owner]


def _newton(
    problem: Problem,
    start: Floats,
    moving: Any,
    weights: Floats,
    targets: Floats,
    delta: float,
) -> tuple[Floats, Any]:
    """Some damped Newton steps inside the bounds; the points, and which of them still move."""
    theta = np.clip(start, problem.low, problem.high)
    live = np.flatnonzero(moving)
    if not len(live):
        return theta, moving
    rows, ys = (w if len(w) == 1 else w[live] for w in (weights, targets))
    here = theta[live]
    known = _evaluate(problem, here, rows, ys, delta)
    damping, calm = np.full(len(live), 1e-3), np.zeros(len(live), dtype=int)
    for _ in range(STEPS):
        value, gradient, hessian, metric = known
        step = _step(problem, here, gradient, hessian, metric, damping)
        there = np.clip(here + step, problem.low, problem.high)
        new = _evaluate(problem, there, rows, ys, delta)
        better = new[0] < value
        flat = value - new[0] <= FLAT * np.abs(value)
        here = np.where(better[:, None], there, here)
        known = _chosen(better, new, known)
        damping = np.where(better, damping / 6, damping * 4)
        calm = np.where(better & ~flat, 0, calm + 1)
        theta[live] = here
        done = (calm >= 12) | (damping > 1e12) | (better & flat & (calm >= 3))
        go = ~done & np.isfinite(known[0])
        if not go.all():
            live, here, damping, calm = live[go], here[go], damping[go], calm[go]
            known = (known[0][go], known[1][go], known[2][go], known[3][go])
            rows, ys = (w if len(w) == 1 else w[go] for w in (rows, ys))
        if not len(live):
            break
    still = np.zeros(len(theta), dtype=bool)
    still[live] = True
    return theta, still


def _chosen(better: Any, new: Slopes, old: Slopes) -> Slopes:
    """The new values where they are better."""
    pick, wide = better[:, None], better[:, None, None]
    return (
        np.where(better, new[0], old[0]),
        np.where(pick, new[1], old[1]),
        np.where(wide, new[2], old[2]),
        np.where(pick, new[3], old[3]),
    )


def _step(
    problem: Problem,
    theta: Floats,
    gradient: Floats,
    hessian: Floats,
    metric: Floats,
    damping: Floats,
) -> Floats:
    """Minus the damped inverse Hessian, made positive, times the gradient; bounds that hold are kept."""
    stuck = ((theta <= problem.low) & (gradient > 0)) | ((theta >= problem.high) & (gradient < 0))
    scale = 1 / np.sqrt(np.maximum(metric, 1e-300))
    scale = np.where(stuck, 0.0, scale)
    scaled = hessian * scale[:, :, None] * scale[:, None, :]
    values, vectors = np.linalg.eigh(np.nan_to_num(scaled, posinf=1e100, neginf=-1e100))
    curve = np.maximum(np.abs(values), 1e-10) + damping[:, None]
    along = np.einsum("spq,sp->sq", vectors, gradient * scale)
    step: Floats = -scale * np.einsum("spq,sq->sp", vectors, along / curve)
    return np.clip(step, -5.0, 5.0)


def _evaluate(
    problem: Problem,
    theta: Floats,
    weights: Floats,
    targets: Floats,
    delta: float,
    *,
    derivatives: bool = True,
) -> Slopes:
    """Objective [S], gradient [S, P], Hessian [S, P, P] and a positive diagonal [S, P]."""
    features = problem.features
    logs = [theta @ term.T for term in features]
    top = np.maximum.reduce(logs)
    parts = [np.exp(z - top) for z in logs]
    total = np.add.reduce(parts)
    log_loss = top + np.log(total)
    with np.errstate(over="ignore", invalid="ignore"):
        predicted = np.exp(log_loss) if problem.linear else np.ones(())
        residual = predicted - np.exp(targets) if problem.linear else log_loss - targets
        pull = np.where(residual > 0, problem.above, 1.0) * weights
        size = np.abs(residual)
        inside = size <= delta
        far = 0.0 if np.isinf(delta) else delta * (size - delta / 2)
        value = (pull * np.where(inside, residual * residual / 2, far)).sum(axis=1)
    value = np.where(np.isfinite(value), value, np.inf)
    if not derivatives:
        return value, value, value, value
    shares = [part / total for part in parts]
    slope = pull * (residual if np.isinf(delta) else np.clip(residual, -delta, delta)) * predicted
    bend = pull * inside * predicted * predicted
    if not problem.linear:
        bend = bend - slope
    count = features.shape[2]
    gradient = np.zeros(theta.shape)
    hessian = np.zeros((len(theta), count * count))
    metric = np.zeros(theta.shape)
    upper = np.abs(slope) + pull * inside * predicted * predicted
    for k, one in enumerate(features):
        gradient += (slope * shares[k]) @ one
        hessian += (slope * shares[k]) @ _products(one, one)
        metric += (upper * shares[k]) @ (one * one)
        for other, two in enumerate(features[: k + 1]):
            both = _products(one, two)
            if other < k:
                both = both + _products(two, one)
            hessian += (bend * shares[k] * shares[other]) @ both
    return value, gradient, hessian.reshape(-1, count, count), metric


def _products(one: Floats, two: Floats) -> Floats:
    """Outer products of rows, [n, P * P]."""
    return (one[:, :, None] * two[:, None, :]).reshape(len(one), -1)
