"""Fitting downstream error against loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import stdtrit

from interleaf_scaling.errorlaws import ErrorLaw, Floats
from interleaf_scaling.intervals import Interval
from interleaf_scaling.runs import BadRuns, Runs


@dataclass(frozen=True)
class ErrorFit:
    """A fitted error law; ``covariance`` is of its parameters in order, ``free`` what is left of n."""

    law: str
    params: Mapping[str, float]
    covariance: Floats
    rmse: float
    rows: int
    free: int
    losses: tuple[float, float]


def fit_error(runs: Runs, law: ErrorLaw) -> ErrorFit:
    """Least squares of measured error on measured loss, from every start of the law.

    Rows without an error are left out, which the caller tells. Raises BadRuns for too few rows.
    """
    known = np.isfinite(runs.error)
    loss, error = runs.loss[known], runs.error[known]
    count = len(law.params)
    if len(loss) < count:
        raise BadRuns(
            f"{len(loss)} rows with an error cannot determine the {count} parameters of '{law.name}'",
            f"give at least {count + 1}, or name the column: --column error=COLUMN",
        )
    found = [
        least_squares(
            lambda theta: law.value(theta, loss) - error,
            start,
            jac=lambda theta: law.jacobian(theta, loss),
            bounds=(law.low, law.high),
            xtol=1e-14, ftol=1e-14, gtol=1e-14, x_scale="jac", max_nfev=2000,
        )
        for start in law.starts
    ]  # fmt: skip
    best = min(found, key=lambda f: f.cost)
    free = len(loss) - count
    jacobian = law.jacobian(best.x, loss)
    variance = 2 * best.cost / free if free else float("nan")
    return ErrorFit(
        law=law.name,
        params=dict(zip(law.params, best.x.tolist(), strict=True)),
        covariance=np.linalg.pinv(jacobian.T @ jacobian) * variance,
        rmse=float(np.sqrt(2 * best.cost / len(loss))),
        rows=len(loss),
        free=free,
        losses=(float(loss.min()), float(loss.max())),
    )


def error_interval(law: ErrorLaw, fit: ErrorFit, loss: Interval, level: float = 0.9) -> Interval:
    """Err that one run would measure at a predicted loss, to first order.

    The uncertainty of the loss, that of the error law, and the scatter of errors about it.
    """
    theta = np.array([fit.params[name] for name in law.params])
    value, low, high = (
        float(v) for v in law.value(theta, np.array([loss.value, loss.low, loss.high]))
    )
    slopes = law.jacobian(theta, np.array([loss.value]))[0]
    if not fit.free:
        return Interval(value, float("nan"), float("nan"))
    scatter = fit.rmse**2 * fit.rows / fit.free
    own = float(np.sqrt(max(slopes @ fit.covariance @ slopes, 0.0) + scatter))
    own *= float(stdtrit(fit.free, (1 + level) / 2))
    return Interval(
        value, value - float(np.hypot(value - low, own)), value + float(np.hypot(high - value, own))
    )
