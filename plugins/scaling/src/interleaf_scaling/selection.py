"""Comparing laws by what they are for: predicting runs larger than those they were fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interleaf_scaling.fitting import Fit, Loss, fit
from interleaf_scaling.lawbook import loss_law
from interleaf_scaling.laws import Floats
from interleaf_scaling.runs import BadRuns, Runs

UNDER_TRAINED = 20.0  # tokens per parameter below which models are worse than the laws say
APART = 3.0  # a run is predicted from runs with at most this part less compute
PART = 0.3  # of the rows, those of largest compute, are predicted
LEAST = 4  # predictions that both laws must have made, before the one with more parameters can win
MARGIN = 0.9  # a law with more parameters must have at most this part of the error


def rollouts(
    runs: Runs, law: str, loss: Loss = "huber_log", delta: float = 1e-2
) -> tuple[list[int], Floats]:
    """Places of the largest runs, and the signed relative error of predicting each from smaller ones.

    A run of compute C is predicted from those below C / 3; runs with fewer than P + 1 of these are
    not predicted.
    """
    chosen = loss_law(law)
    whole = fit(runs, chosen, loss, delta)
    order = np.argsort(runs.flops, kind="stable")
    last = order[len(order) - max(1, round(PART * len(order))) :]
    places, errors = [], []
    for place in last:
        smaller = runs.flops < runs.flops[place] / APART
        if smaller.sum() <= len(chosen.params):
            continue
        try:
            found = _again(runs.where(smaller), whole, loss, delta)
        except BadRuns:
            continue  # one N or D only
        n, d = runs.n[place], runs.d[place]
        errors.append(chosen.loss(found.params, n, d).item() / runs.loss[place] - 1)
        places.append(int(place))
    return places, np.array(errors)


def _again(runs: Runs, whole: Fit, loss: Loss, delta: float) -> Fit:
    """Fitted from the optimum of all rows and one near it: fast, and the same every time."""
    law = loss_law(whole.law)
    near = np.array(whole.theta)
    other = near.copy()
    for place in law.exponents:
        other[place] *= 1.3
    return fit(runs, law, loss, delta, np.stack([near, other]))


def compare(
    runs: Runs, laws: Sequence[str], loss: Loss = "huber_log", delta: float = 1e-2
) -> list[dict[str, Any]]:
    """A row for each law: AICc, leave-one-out and rollout errors (mean absolute, parts of 1).

    Laws that the rows cannot determine are listed with the reason.
    """
    rows: list[dict[str, Any]] = []
    for name in laws:
        try:
            found = fit(runs, loss_law(name), loss, delta)
            places, errors = rollouts(runs, name, loss, delta)
        except BadRuns as error:
            rows.append({"law": name, "reason": error.message})
            continue
        rows.append(
            {
                "law": name,
                "parameters": len(found.params),
                "rmse": found.rmse,
                "aicc": aicc(found),
                "leave_one_out": float(np.mean(np.abs(leave_one_out(runs, found, loss, delta)))),
                "error": float(np.mean(np.abs(errors))) if len(errors) else None,
                "predicted": [
                    {"run": runs.name[p], "relative_error_percent": 100 * float(e)}
                    for p, e in zip(places, errors, strict=True)
                ],
            }
        )
    return rows


def aicc(found: Fit) -> float:
    """Corrected Akaike criterion of Gaussian residuals of ln L; inf where rows are too few."""
    n, k = found.rows, len(found.params) + 1
    if n <= k + 1:
        return float("inf")
    return float(n * np.log(max(found.rmse, 1e-300) ** 2) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def leave_one_out(runs: Runs, whole: Fit, loss: Loss, delta: float) -> Floats:
    """Signed relative error of every row predicted from all others; empty where they are too few."""
    law = loss_law(whole.law)
    if len(runs) <= len(law.params) + 1:
        return np.array([np.nan])
    errors = []
    for place in range(len(runs)):
        found = _again(runs.where(np.arange(len(runs)) != place), whole, loss, delta)
        predicted = law.loss(found.params, runs.n[place], runs.d[place]).item()
        errors.append(predicted / runs.loss[place] - 1)
    return np.array(errors)


def better_law(runs: Runs, delta: float) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """``overtrained``, unless ``chinchilla`` predicts the largest runs clearly better."""
    scores = []
    for name in ("overtrained", "chinchilla"):
        if len(runs) < len(loss_law(name).params) + 3:
            return "overtrained", ()
        places, errors = rollouts(runs, name, "huber_log", delta)
        scores.append((name, set(places), dict(zip(places, np.abs(errors), strict=True))))
    common = sorted(scores[0][1] & scores[1][1])
    if len(common) < LEAST:
        return "overtrained", ()
    means = [float(np.mean([s[2][p] for p in common])) for s in scores]
    told = tuple({"law": s[0], "error": m} for s, m in zip(scores, means, strict=True))
    return ("chinchilla" if means[1] < MARGIN * means[0] else "overtrained"), told
