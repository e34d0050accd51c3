"""Fitting a law to runs: many starts, one optimum, and what is known of how good it is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from interleaf_scaling.descent import Problem, project
from interleaf_scaling.laws import Curved, Floats, Law, PowerSum
from interleaf_scaling.runs import BadRuns, Runs
from interleaf_scaling.solving import solve, values_of

Loss = Literal["huber_log", "mse_log", "huber", "mse", "asym"]
FORMAT = 1
LOW, HIGH = -80.0, 200.0  # logarithms of amplitudes
SAME = 1e-6  # optima whose objectives differ by less, and predictions agree, are one
NEAR = 0.01  # of the best objective: a start that ends so near has found it
OVER = 3.0  # ``asym``: how much more a prediction that is too high counts


@dataclass(frozen=True)
class Fit:
    """A fitted law. ``theta`` are its coordinates; ``residuals`` are of ln loss, data minus law.

    ``at_best`` is the part of the starts that end within 1 % of the best objective, ``optima`` the
    distinct optima, best first. ``flops``, ``n`` and ``multiplier`` are the ranges that were fitted.
    """

    law: str
    params: Mapping[str, float]
    theta: tuple[float, ...]
    objective: float
    loss: str
    delta: float
    starts: int
    at_best: float
    optima: tuple[Mapping[str, Any], ...]
    standard_errors: Mapping[str, float]
    condition: float
    rmse: float
    rows: int
    flops: tuple[float, float]
    n: tuple[float, float]
    multiplier: tuple[float, float]
    data: str
    warnings: tuple[str, ...] = ()
    residuals: tuple[float, ...] = field(default=(), repr=False)

    def to_json(self) -> str:
        """Everything, with the version of the form."""
        return json.dumps({"format": FORMAT, **asdict(self)}, allow_nan=True)

    @classmethod
    def from_json(cls, text: str) -> Fit:
        """What :meth:`to_json` wrote; BadRuns for anything else."""
        try:
            raw = json.loads(text)
            if raw.pop("format") != FORMAT:
                raise ValueError("another version of the form")
            lists = ("theta", "optima", "flops", "n", "multiplier", "warnings", "residuals")
            return cls(**{**raw, **{k: tuple(raw[k]) for k in lists}})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadRuns(f"this is no fit of format {FORMAT}: {error}", "fit again") from None


def problem_of(law: Law, runs: Runs, loss: Loss, delta: float) -> Problem:
    """The rows as the optimiser takes them; BadRuns when they cannot determine the law."""
    _enough(law, runs)
    low = np.full(len(law.params), LOW)
    high = np.full(len(law.params), HIGH)
    for place, (least, most) in law.exponents.items():
        low[place], high[place] = least, most
    return Problem(
        features=law.terms(np.log(runs.n), np.log(runs.d))
        if isinstance(law, PowerSum)
        else np.zeros((0, len(runs), len(law.params))),
        target=np.log(runs.loss),
        low=low,
        high=high,
        delta=np.inf if loss.startswith("mse") else delta,
        linear=loss in ("huber", "mse"),
        above=OVER if loss == "asym" else 1.0,
    )


def _enough(law: Law, runs: Runs) -> None:
    if np.ptp(runs.loss) == 0 and len(runs) > 1:
        raise BadRuns(
            f"all {len(runs)} losses are {runs.loss[0]:g}: nothing falls", "is it the right column?"
        )
    for what, values in (("parameters N", runs.n), ("tokens D", runs.d)):
        if law.separate and np.ptp(values) == 0:
            raise BadRuns(
                f"all {len(runs)} rows have the same {what} ({values[0]:g}): its exponent cannot be "
                "identified",
                f"add runs that differ in {what}, or fit --law power_irreducible",
            )
    needed = len(law.params)
    if len(runs) < needed:
        raise BadRuns(
            f"{len(runs)} rows cannot determine the {needed} parameters of '{law.name}'",
            f"give at least {needed + 1} runs, or a law with fewer parameters",
        )


def starting_points(law: Law, starts: int | Literal["grid"], seed: int) -> Floats:
    """[S, P] coordinates: the law's own grid of exponents, or that many drawn inside their bounds."""
    places = list(law.exponents)
    if isinstance(law, Curved) and starts == "grid":
        return np.array(law.starts, dtype=np.float64)
    if starts == "grid":
        grid = getattr(law, "grid", ())
        columns = [grid if p in places else (0.0,) for p in range(len(law.params))]
        return np.array(list(itertools.product(*columns)), dtype=np.float64)
    found = np.zeros((starts, len(law.params)))
    rng = np.random.default_rng(seed)
    for place in places:
        least, most = law.exponents[place]
        sizes = np.exp(rng.uniform(np.log(0.02), np.log(min(2.0, max(-least, most))), starts))
        found[:, place] = sizes * (1 if most > 0 else -1)
    return found


def fit(
    runs: Runs,
    law: Law,
    loss: Loss = "huber_log",
    delta: float = 1e-3,
    starts: int | Literal["grid"] | Floats = "grid",
    seed: int = 0,
) -> Fit:
    """The best of many starts; the same for the same seed on any number of threads.

    ``huber_log`` sums Huber losses of residuals of ln L (threshold ``delta``), ``mse_log`` half their
    squares; ``huber`` and ``mse`` take residuals of L itself; ``asym`` is ``huber_log`` in which
    predictions that are too high count three times. ``starts`` may be coordinates [S, P].
    """
    problem = problem_of(law, runs, loss, delta)
    points = starts if isinstance(starts, np.ndarray) else starting_points(law, starts, seed)
    weights = (runs.weight / runs.weight.mean())[None]
    begun = np.clip(points, problem.low, problem.high)
    if isinstance(law, PowerSum):
        begun = project(problem, begun, law.amplitudes)
    ended = solve(law, problem, runs, begun, weights)
    values = values_of(law, problem, runs, ended, weights)
    return _result(runs, law, loss, problem, ended, values)


def _result(
    runs: Runs, law: Law, loss: str, problem: Problem, ended: Floats, values: Floats
) -> Fit:
    order = np.argsort(values, kind="stable")
    best = ended[order[0]]
    # the noise of rounding, so that exact data do not make every start differ from the best
    floor = 1e-18 * len(runs)
    at_best = float(np.mean(values <= values[order[0]] * (1 + NEAR) + floor))
    residuals = problem.target - law.log_loss(best, np.log(runs.n), np.log(runs.d))
    errors, condition = _spread(law, runs, best, residuals)
    flops = runs.flops
    found = Fit(
        law=law.name,
        params=law.named(best),
        theta=tuple(best.tolist()),
        objective=float(values[order[0]]),
        loss=loss,
        delta=float(problem.delta),
        starts=len(values),
        at_best=at_best,
        optima=_distinct(law, ended[order], values[order], floor),
        standard_errors=errors,
        condition=condition,
        rmse=float(np.sqrt(np.mean(residuals**2))),
        rows=len(runs),
        flops=(float(flops.min()), float(flops.max())),
        n=(float(runs.n.min()), float(runs.n.max())),
        multiplier=(float(runs.multiplier.min()), float(runs.multiplier.max())),
        data=runs.digest,
        residuals=tuple(residuals.tolist()),
    )
    return _warned(found, law, problem)


def _distinct(
    law: Law, ended: Floats, values: Floats, floor: float, most: int = 5
) -> tuple[Mapping[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for theta, value in zip(ended, values, strict=True):
        known = (abs(value - f["objective"]) <= SAME * value + floor for f in found)
        if np.isfinite(value) and not any(known):
            found.append({"objective": float(value), "params": law.named(theta)})
        if len(found) == most:
            break
    return tuple(found)


def _spread(
    law: Law, runs: Runs, theta: Floats, residuals: Floats
) -> tuple[dict[str, float], float]:
    """Standard errors of the named parameters (Gauss-Newton), and the design's condition number."""
    slopes = law.slopes(theta, np.log(runs.n), np.log(runs.d))
    norms = np.linalg.norm(slopes, axis=0)
    singular = np.linalg.svd(slopes / np.where(norms > 0, norms, 1), compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")
    free = len(residuals) - len(theta)
    if free <= 0 or condition > 1e12:
        return dict.fromkeys(law.params, float("nan")), condition
    variance = float(residuals @ residuals) / free
    sd = np.sqrt(np.maximum(np.diag(np.linalg.inv(slopes.T @ slopes)) * variance, 0))
    named = law.named(theta)
    return {
        name: float(sd[i] * (named[name] if i in law.amplitudes else 1))
        for i, name in enumerate(law.params)
    }, condition


def _warned(found: Fit, law: Law, problem: Problem) -> Fit:
    told = []
    if found.rows <= len(law.params) + 1:
        told.append(
            f"underdetermined: {found.rows} rows for {len(law.params)} parameters; residuals say "
            "nothing about how well it extrapolates"
        )
    for place, (least, most) in law.exponents.items():
        if not least * (1 + 1e-9) < found.theta[place] < most * (1 - 1e-9) and not (
            least < found.theta[place] < most
        ):
            told.append(f"exponent_at_bound: {law.params[place]} = {found.theta[place]:g}")
    if law.irreducible and found.params[law.irreducible] < 1e-3 * np.exp(problem.target.min()):
        told.append(f"E_at_bound: the irreducible loss is {found.params[law.irreducible]:.3g}")
    rivals = [o for o in found.optima[1:] if o["objective"] < 1.05 * found.objective]
    if rivals and not all(_alike(found.params, o["params"]) for o in rivals):
        told.append(f"multimodal: {len(rivals)} other optima are within 5 % of the best objective")
    return Fit(**{**found.__dict__, "warnings": tuple(told)})


def _alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(abs(one[k] - other[k]) <= 0.02 * abs(one[k]) for k in one)
