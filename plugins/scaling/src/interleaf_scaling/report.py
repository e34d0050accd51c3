"""Results as plain data, for JSON and for tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf_scaling.intervals import Interval
from interleaf_scaling.planner import Alternative, Plan
from interleaf_scaling.procedures import Chain, Prediction
from interleaf_scaling.runs import Runs


def interval(found: Interval | None) -> dict[str, float | None] | None:
    """``value``, ``low`` and ``high``; None for a number that is not known."""
    if found is None:
        return None
    return {name: _known(getattr(found, name)) for name in ("value", "low", "high")}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def targets(chain: Chain, runs: Runs, level: float = 0.9) -> list[dict[str, Any]]:
    """Prediction and measurement of every run that the loss law has not seen, largest compute last.

    ``relative_error_percent`` is |predicted - measured| / measured; ``signed_error_percent`` keeps
    the sign. ``extrapolated`` marks models with more parameters than any that was fitted.
    """
    found = []
    for place in np.argsort(runs.flops, kind="stable"):
        if runs.name[place] in chain.used:
            continue
        n, d = float(runs.n[place]), float(runs.d[place])
        predicted = chain.predict(n, d, level)
        row: dict[str, Any] = {
            "run": runs.name[place],
            "n_params": n,
            "tokens": d,
            "multiplier": d / n,
            "flops": 6 * n * d,
            "extrapolated": n > chain.fit.n[1] * 1.001,
            "loss": _against(predicted.loss, float(runs.loss[place])),
        }
        if predicted.error and np.isfinite(runs.error[place]):
            row["error"] = {
                **_against(predicted.error, float(runs.error[place])),
                "in_fit": runs.name[place] in chain.used_error,
            }
        found.append(row)
    return found


def _against(found: Interval, actual: float) -> dict[str, Any]:
    signed = 100 * (found.value / actual - 1)
    inside = found.low <= actual <= found.high if math.isfinite(found.low) else None
    return {
        "actual": actual,
        "predicted": found.value,
        "low": _known(found.low),
        "high": _known(found.high),
        "inside": inside,
        "relative_error_percent": abs(signed),
        "signed_error_percent": signed,
    }


def fitted(chain: Chain) -> dict[str, Any]:
    """The laws, how they were fitted, and what is doubtful."""
    found = chain.fit
    return {
        "procedure": chain.procedure,
        "law": found.law,
        "params": chain.params,
        "standard_errors": {k: _known(v) for k, v in found.standard_errors.items()},
        "rows": found.rows,
        "used": list(chain.used),
        "objective": found.objective,
        "measure": found.loss,
        "delta": _known(found.delta),
        "rmse_log_loss": found.rmse,
        "starts": found.starts,
        "starts_at_best": found.at_best,
        "condition": _known(found.condition),
        "error_law": chain.error_fit.law if chain.error_fit else None,
        "error_rows": list(chain.used_error),
        "error_rmse": chain.error_fit.rmse if chain.error_fit else None,
        "selection": [dict(s) for s in chain.selection],
        "reliable": chain.reliable,
        "warnings": list(chain.warnings),
        "notes": list(chain.notes),
        "data": found.data,
    }


def predicted(found: Prediction) -> dict[str, Any]:
    """One prediction."""
    return {
        "n_params": found.n,
        "tokens": found.d,
        "multiplier": found.d / found.n,
        "flops": 6 * found.n * found.d,
        "loss": interval(found.loss),
        "law": interval(found.law),
        "error": interval(found.error),
        "warnings": list(found.warnings),
    }


def planned(best: Plan, chain: Chain, others: list[Alternative]) -> dict[str, Any]:
    """A plan with its prediction, cost split and models of other sizes with the same loss."""
    found = chain.predict(best.n, best.d)
    return {
        **predicted(found),
        "cost": {"training": best.training, "inference": best.inference, "total": best.total},
        "alternatives": [_alternative(a) for a in others],
    }


def _alternative(found: Alternative) -> Mapping[str, Any]:
    return {
        "n_params": found.plan.n,
        "tokens": found.plan.d,
        "size_factor": found.size,
        "tokens_factor": found.tokens,
        "extra_training_percent": 100 * (found.training - 1),
        "extra_total_percent": 100 * (found.total - 1),
    }
