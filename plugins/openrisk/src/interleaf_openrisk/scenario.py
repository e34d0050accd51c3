"""What an uplift could mean: extra harm by Monte Carlo, and which number drives it.

``extra harm = attempts x (p_open - p_ref) x (1 - efficacy) x impact``, every number a distribution. A
number without one is an error, not zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf_openrisk.uplift import NORMAL, BadCounts, Counts, Floats, Posterior

FIELDS = ("attempts", "p_open", "p_ref", "efficacy", "impact")
RATES = ("p_open", "p_ref", "efficacy")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Quantile = Callable[[Floats], Floats]


def _point(value: float) -> Quantile:
    return lambda q: np.full_like(q, value)


def _uniform(low: float, high: float) -> Quantile:
    return lambda q: low + q * (high - low)


def _triangular(low: float, mode: float, high: float) -> Quantile:
    part = (mode - low) / (high - low)
    return lambda q: np.where(
        q < part,
        low + np.sqrt(q * (high - low) * (mode - low)),
        high - np.sqrt((1 - q) * (high - low) * (high - mode)),
    )


def _lognormal(low: float, high: float) -> Quantile:
    """``low`` and ``high`` are the 5 % and 95 % quantiles."""
    middle = (math.log(low) + math.log(high)) / 2
    spread = (math.log(high) - math.log(low)) / 2 / NORMAL.inv_cdf(0.95)
    return lambda q: np.exp(middle + spread * _normal(q))


def _beta(k: float, n: float) -> Quantile:
    posterior = Posterior(Counts(int(k), int(n)))
    return lambda q: np.sin(np.interp(q, posterior.cdf, posterior.angle)) ** 2


KINDS: Mapping[str, tuple[tuple[str, ...], Callable[..., Quantile]]] = {
    "point": (("value",), _point),
    "uniform": (("low", "high"), _uniform),
    "triangular": (("low", "mode", "high"), _triangular),
    "lognormal": (("low", "high"), _lognormal),
    "beta": (("k", "n"), _beta),
}


def _normal(q: Floats) -> Floats:
    return np.array([NORMAL.inv_cdf(x) for x in np.clip(q, 1e-12, 1 - 1e-12).tolist()])


def quantile_of(field: str, raw: Any) -> Quantile:
    """The distribution of a field, from ``{kind: {parameter: number}}`` or a plain number.

    Raises BadCounts for unknown kinds, parameters out of order, and rates outside 0 to 1.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = {"point": {"value": raw}}
    if not (isinstance(raw, Mapping) and len(raw) == 1 and next(iter(raw)) in KINDS):
        raise BadCounts(f"'{field}' has no distribution", f"one of {', '.join(KINDS)}, or a number")
    kind, given = next(iter(raw.items()))
    names, make = KINDS[kind]
    if not isinstance(given, Mapping) or set(given) != set(names):
        raise BadCounts(f"'{field}': {kind} takes {', '.join(names)}", f"got {given}")
    values = []
    for name in names:
        value = given[name]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise BadCounts(f"'{field}': {name} is {value!r}", "a finite number")
        values.append(float(value))
    _in_order(field, kind, values)
    return make(*values)


def _in_order(field: str, kind: str, values: list[float]) -> None:
    if kind == "beta":
        Counts(int(values[0]), int(values[1]))
        return
    if sorted(values) != values or (kind != "point" and values[0] == values[-1]):
        raise BadCounts(f"'{field}': {kind} {values} is not in order", "low < high")
    if kind == "lognormal" and values[0] <= 0:
        raise BadCounts(f"'{field}': a lognormal is above 0, got {values[0]:g}", "use uniform")
    if field in RATES and (values[0] < 0 or values[-1] > 1):
        raise BadCounts(f"'{field}' is a probability, got {values}", "0 to 1")
    if field not in RATES and values[0] < 0:
        raise BadCounts(f"'{field}' is never negative, got {values[0]:g}", "0 or more")


@dataclass(frozen=True)
class Harm:
    """Quantiles of the extra harm by level, its mean, P(> 0), and the tornado by field.

    The tornado gives the extra harm with one field at its 5 % and 95 % quantile and the others at
    their medians, widest first.
    """

    quantiles: Mapping[float, float]
    mean: float
    p_positive: float
    tornado: Mapping[str, tuple[float, float]]


def simulate(
    fields: Mapping[str, Any],
    correlations: Mapping[tuple[str, str], float] | None = None,
    count: int = 100_000,
    seed: int = 0,
) -> Harm:
    """Draw the extra harm; ``correlations`` of pairs of fields are of a Gaussian copula."""
    missing = [f for f in FIELDS if f not in fields]
    extra = [f for f in fields if f not in FIELDS]
    if missing or extra:
        told = f"no distribution for {missing[0]}" if missing else f"'{extra[0]}' is not used"
        raise BadCounts(told, f"give each of {', '.join(FIELDS)}, and nothing else")
    quantiles = {f: quantile_of(f, fields[f]) for f in FIELDS}
    chances = _chances(correlations or {}, count, seed)
    harm = _harm({f: quantiles[f](chances[f]) for f in FIELDS})
    middle = {f: quantiles[f](np.array([0.5])) for f in FIELDS}
    tornado = {}
    for field in FIELDS:
        ends = [_harm({**middle, field: quantiles[field](np.array([q]))})[0] for q in (0.05, 0.95)]
        tornado[field] = (float(ends[0]), float(ends[1]))
    order = sorted(tornado, key=lambda f: -abs(tornado[f][1] - tornado[f][0]))
    return Harm(
        dict(zip(QUANTILES, np.quantile(harm, QUANTILES).tolist(), strict=True)),
        float(harm.mean()), float(np.mean(harm > 0)), {f: tornado[f] for f in order},
    )  # fmt: skip


def _harm(at: Mapping[str, Floats]) -> Floats:
    return at["attempts"] * (at["p_open"] - at["p_ref"]) * (1 - at["efficacy"]) * at["impact"]


def _chances(
    correlations: Mapping[tuple[str, str], float], count: int, seed: int
) -> dict[str, Floats]:
    """Uniform numbers for every field, correlated as asked."""
    rng = np.random.default_rng(seed)
    if not correlations:
        return {f: rng.random(count) for f in FIELDS}
    matrix = np.eye(len(FIELDS))
    for (one, two), value in correlations.items():
        if one not in FIELDS or two not in FIELDS or one == two or not -1 < value < 1:
            raise BadCounts(f"no correlation {value} of {one} and {two}", "two fields, -1 < r < 1")
        i, j = FIELDS.index(one), FIELDS.index(two)
        matrix[i, j] = matrix[j, i] = value
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise BadCounts("these correlations contradict one another", "lower them") from None
    normal = rng.standard_normal((count, len(FIELDS))) @ factor.T
    ranks = normal.argsort(axis=0).argsort(axis=0)
    return {f: (ranks[:, i] + 0.5) / count for i, f in enumerate(FIELDS)}
