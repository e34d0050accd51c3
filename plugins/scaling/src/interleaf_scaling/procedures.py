"""From runs to a prediction: which rows, which laws, and what to say about how far to trust them.

``paper`` is the procedure of arXiv 2403.08540 (section 4): the loss law on five runs, the error law on
those and the 1.4B run at M = 20. ``default`` was chosen on the 88 development runs of the paper's testbed
by predicting the largest runs from smaller ones and mid-grid runs from all others: Huber residuals of
ln L with a threshold of 0.01, rows with M >= 20, and the law with one exponent, or with two where the
given rows predict their own largest runs better with two. ``plugins/scaling/bench/choose.py`` prints
the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from interleaf_scaling.errorfit import ErrorFit, error_interval, fit_error
from interleaf_scaling.fitting import Fit, Loss, fit
from interleaf_scaling.intervals import (
    Draws,
    Interval,
    draw,
    law_interval,
    run_interval,
    usual_kind,
)
from interleaf_scaling.lawbook import error_law, loss_law
from interleaf_scaling.laws import Floats
from interleaf_scaling.runs import BadRuns, Runs
from interleaf_scaling.selection import UNDER_TRAINED, better_law

Procedure = Literal["default", "paper"]
DELTA = 1e-2
DRAWS = 400
FAR = 1.5  # decades of compute beyond the fitted runs that are worth a warning
OFF = 0.02  # mean relative error on rows that were not fitted, above which a fit is unreliable


@dataclass(frozen=True)
class Chain:
    """A loss law, an error law where errors are known, and everything a prediction needs.

    ``used`` and ``used_error`` name the rows that were fitted; ``reliable`` is False when rows that
    were not fitted, or the jackknife, contradict the fit, and ``warnings`` say why.
    """

    procedure: str
    fit: Fit
    draws: Draws
    error_fit: ErrorFit | None
    used: tuple[str, ...]
    used_error: tuple[str, ...]
    reliable: bool
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    selection: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def params(self) -> dict[str, float]:
        """The parameters of both laws by name."""
        return {**self.fit.params, **(self.error_fit.params if self.error_fit else {})}

    def loss(self, n: Any, d: Any) -> Floats:
        """The law's loss at arrays of N and D."""
        return loss_law(self.fit.law).loss(self.fit.params, n, d)

    def predict(self, n: float, d: float, level: float = 0.9) -> Prediction:
        """Loss and error of one model, with intervals and what makes them doubtful."""
        for what, value in (("parameters", n), ("tokens", d)):
            if not (np.isfinite(value) and value > 0):
                raise BadRuns(f"{value:g} {what} is no model", "give positive numbers")
        law = law_interval(loss_law(self.fit.law), self.fit, self.draws, n, d, level)
        loss = run_interval(law, self.fit, self.draws, level)
        error = None
        if self.error_fit:
            error = error_interval(error_law(self.error_fit.law), self.error_fit, loss, level)
        return Prediction(n, d, loss, law, error, (*self.warnings, *self._outside(n, d)))

    def _outside(self, n: float, d: float) -> list[str]:
        told = []
        decades = np.log10(6 * n * d / self.fit.flops[1])
        if decades > FAR:
            told.append(f"extrapolating: {decades:.1f} decades of compute beyond the fitted runs")
        low, high = self.fit.multiplier
        m = d / n
        if not low * 0.9 <= m <= high * 1.1:
            side = "under-trained models are worse than the law says" if m < low else "over-trained"
            told.append(
                f"outside: M = {m:.3g} tokens per parameter, fitted {low:.3g} to {high:.3g}; {side}"
            )
        return told


@dataclass(frozen=True)
class Prediction:
    """What :meth:`Chain.predict` gives: what one run would measure.

    ``law`` is the interval of the law itself, without the scatter of single runs.
    """

    n: float
    d: float
    loss: Interval
    law: Interval
    error: Interval | None
    warnings: tuple[str, ...]


def calibrate(
    runs: Runs,
    procedure: Procedure = "default",
    law: str = "",
    error: str = "exp_decay",
    loss: Loss | Literal[""] = "",
    delta: float = DELTA,
    seed: int = 0,
    draws: int = DRAWS,
) -> Chain:
    """Fit both laws to the runs of one training set.

    ``law`` and ``loss`` replace the procedure's own choice. Raises BadRuns where the rows do not
    allow it.
    """
    notes: list[str] = list(runs.notes)
    selection: tuple[Mapping[str, Any], ...] = ()
    if procedure == "paper":
        rows, error_rows = _paper_rows(runs)
        chosen, measure = law or "overtrained", loss or "mse"
    else:
        rows = error_rows = _trained_enough(runs, notes)
        measure = loss or "huber_log"
        chosen = law
        if not chosen:
            chosen, selection = better_law(rows, delta)
            notes.append(_why(chosen, selection))
    found = fit(rows, loss_law(chosen), measure, delta)
    kind = usual_kind(rows, loss_law(chosen))
    if kind == "jackknife":
        notes.append("intervals are from the jackknife: too few rows for a bootstrap")
    drawn = draw(rows, loss_law(chosen), found, kind, draws, seed)
    error_fit = None
    measured = np.isfinite(error_rows.error)
    if measured.any():
        error_fit = fit_error(error_rows, error_law(error))
    doubts = _doubts(runs, rows, found)
    return Chain(
        procedure=procedure,
        fit=found,
        draws=drawn,
        error_fit=error_fit,
        used=rows.name,
        used_error=tuple(n for n, m in zip(error_rows.name, measured, strict=True) if m),
        reliable=not doubts,
        warnings=(*(f"unreliable: {d}" for d in doubts), *found.warnings),
        notes=tuple(notes),
        selection=selection,
    )


def _paper_rows(runs: Runs) -> tuple[Runs, Runs]:
    """Models below 1B at M = 20, the smallest also at M = 320; the smallest above 1B for the error."""
    at = np.round(runs.multiplier, 3)
    small = runs.n < 1e9
    least = runs.n == runs.n.min()
    loss_rows = (small & (at == 20)) | (least & (at == 320))
    if loss_rows.sum() < 5 or not (least & (at == 320)).any():
        raise BadRuns(
            "the paper's procedure needs four models below 1B parameters at M = 20 and the smallest of "
            f"them also at M = 320; {int(loss_rows.sum())} such rows are there",
            "use --procedure default",
        )
    large = (runs.n >= 1e9) & (at == 20)
    first = large & (runs.n == np.where(large, runs.n, np.inf).min())
    return runs.where(loss_rows), runs.where(loss_rows | first)


def _trained_enough(runs: Runs, notes: list[str]) -> Runs:
    """Rows with M >= 20, unless too few are left."""
    kept = runs.multiplier >= UNDER_TRAINED * 0.99
    left = int((~kept).sum())
    if left and kept.sum() >= 8:
        notes.append(f"{left} rows with M < {UNDER_TRAINED:g} are not fitted: under-trained")
        return runs.where(kept)
    return runs


def _why(chosen: str, selection: tuple[Mapping[str, Any], ...]) -> str:
    if not selection:
        return f"law '{chosen}': too few rows to compare laws on their largest runs"
    told = ", ".join(f"{s['law']} {100 * s['error']:.2f} %" for s in selection)
    return f"law '{chosen}' predicts the largest runs from smaller ones best or as well ({told})"


def _doubts(runs: Runs, rows: Runs, found: Fit) -> list[str]:
    """What contradicts the fit: well-trained runs it has not seen."""
    doubts = []
    seen = set(rows.name)
    fresh = np.array([name not in seen for name in runs.name]) & (runs.multiplier >= 19.8)
    law = loss_law(found.law)
    if fresh.sum() >= 3:
        there = runs.where(fresh)
        off = np.abs(law.loss(found.params, there.n, there.d) / there.loss - 1)
        if off.mean() > OFF:
            doubts.append(
                f"{int(fresh.sum())} runs that were not fitted are missed by {100 * off.mean():.1f} % "
                f"on average, at worst {100 * off.max():.1f} %"
            )
    return doubts
