"""What to train: the best N and D for a budget, or the cheapest for a loss, inference counted.

Training takes 6 N D FLOPs and answering T tokens 2 N T, at ``price`` of a training FLOP each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from interleaf_scaling.laws import Law, Params
from interleaf_scaling.runs import BadRuns

LEAST_N, MOST_N = 1e3, 1e18  # no model is smaller; none will be larger
LEAST_D, MOST_D = 1e-6, 1e30
DEAR = 1e300  # the cost of what cannot be had
ALTERNATIVES = (0.25, 0.5, 0.71, 1.41, 2.0, 4.0)


@dataclass(frozen=True)
class Plan:
    """One model: its size, tokens, loss, and FLOPs for training and for inference."""

    n: float
    d: float
    loss: float
    training: float
    inference: float

    @property
    def total(self) -> float:
        """All FLOPs, inference at its price."""
        return self.training + self.inference


@dataclass(frozen=True)
class Need:
    """What is asked of a plan: tokens to be answered, and limits on it."""

    inference_tokens: float = 0.0
    price: float = 1.0
    most_tokens: float = np.inf
    most_multiplier: float = np.inf
    least_multiplier: float = 0.0
    sizes: Sequence[float] = ()

    def __post_init__(self) -> None:
        for name, value in (("inference tokens", self.inference_tokens), ("price", self.price)):
            if not (np.isfinite(value) and value >= 0):
                raise BadRuns(f"{value:g} is no number of {name}", "give 0 or more")
        if self.most_tokens <= 0 or self.most_multiplier <= 0 or any(n <= 0 for n in self.sizes):
            raise BadRuns("limits and sizes are positive numbers", "correct them")


def closed_form(params: Params, flops: float) -> tuple[float, float]:
    """N* and D* of ``chinchilla`` without inference: N* = G (C/6)^(beta/(alpha+beta)) (Hoffmann 2022)."""
    a, b = params["alpha"], params["beta"]
    g = (a * params["A"] / (b * params["B"])) ** (1 / (a + b))
    n = g * (flops / 6) ** (b / (a + b))
    return float(n), float(flops / 6 / n)


def plan(law: Law, params: Params, flops: float, need: Need | None = None) -> Plan:
    """The least loss that ``flops`` buy, training and inference together.

    Raises BadRuns when the budget does not even pay for answering with the smallest model.
    """
    need = need or Need()
    if not (np.isfinite(flops) and flops > 0):
        raise BadRuns(f"{flops:g} is no budget of FLOPs", "give a positive number")
    best = _best(lambda n: _affordable(law, params, n, flops, need), need)
    if best is None:
        raise BadRuns(
            f"{flops:g} FLOPs cannot pay for {need.inference_tokens:g} tokens of inference with any model",
            "raise the budget, or lower --inference-tokens",
        )
    return best


def _affordable(law: Law, params: Params, n: float, flops: float, need: Need) -> Plan | None:
    """The longest training of N parameters within budget and limits."""
    answering = 2 * n * need.inference_tokens * need.price
    d = min((flops - answering) / (6 * n), need.most_tokens, need.most_multiplier * n)
    if d <= 0 or d < need.least_multiplier * n:
        return None
    return Plan(n, d, law.loss(params, n, d).item(), 6 * n * d, answering)


def cheapest(law: Law, params: Params, loss: float, need: Need | None = None) -> Plan:
    """The fewest FLOPs, training and inference together, that reach a loss.

    Raises BadRuns for a loss at or below the irreducible one.
    """
    need = need or Need()
    floor = params.get(law.irreducible, 0.0) if law.irreducible else 0.0
    if not loss > floor:
        raise BadRuns(
            f"a loss of {loss:g} is not above the irreducible loss {floor:.4g}: no model reaches it",
            "ask for a larger loss",
        )
    best = _best(lambda n: _reaching(law, params, n, loss, need), need, cost=lambda p: p.total)
    if best is None:
        raise BadRuns(f"no model within the limits reaches a loss of {loss:g}", "relax the limits")
    return best


def _reaching(law: Law, params: Params, n: float, loss: float, need: Need) -> Plan | None:
    """The shortest training of N parameters that reaches the loss within the limits."""
    most = min(need.most_tokens, need.most_multiplier * n, MOST_D)

    def above(log_d: float) -> float:
        return law.loss(params, n, np.exp(log_d)).item() - loss

    low = np.log(LEAST_D)
    if most <= LEAST_D or above(np.log(most)) > 0 or above(low) < 0:
        return None
    d = float(np.exp(brentq(above, low, np.log(most), xtol=1e-13)))
    if d < need.least_multiplier * n:
        return None
    return Plan(n, d, loss, 6 * n * d, 2 * n * need.inference_tokens * need.price)


def _best(
    at: Callable[[float], Plan | None],
    need: Need,
    cost: Callable[[Plan], float] = lambda p: p.loss,
) -> Plan | None:
    """The plan of least cost over N: a scan, then a search in the best interval."""
    if need.sizes:
        plans = [p for p in map(at, need.sizes) if p]
        return min(plans, key=cost, default=None)
    grid = np.linspace(np.log(LEAST_N), np.log(MOST_N), 600)

    def height(log_n: float) -> float:
        found = at(float(np.exp(log_n)))
        return cost(found) if found else DEAR

    heights = np.array([height(x) for x in grid])
    if heights.min() >= DEAR:
        return None
    k = int(np.argmin(heights))
    bounds = (grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)])
    # cost is flat at its minimum: a relative tolerance far below what it can resolve is harmless
    found = minimize_scalar(height, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return at(float(np.exp(found.x if found.fun <= heights[k] else grid[k])))


@dataclass(frozen=True)
class Alternative:
    """A model of another size with the same loss: tokens and FLOPs as multiples of the plan's."""

    plan: Plan
    size: float
    tokens: float
    training: float
    total: float


def alternatives(
    law: Law, params: Params, best: Plan, need: Need | None = None
) -> list[Alternative]:
    """Same loss with models a quarter to four times as large, where they reach it."""
    need = need or Need()
    free = Need(inference_tokens=need.inference_tokens, price=need.price)
    found = []
    for size in ALTERNATIVES:
        other = _reaching(law, params, best.n * size, best.loss, free)
        if other:
            found.append(
                Alternative(
                    other, size, other.d / best.d, other.training / best.training,
                    other.total / best.total,
                )
            )  # fmt: skip
    return found
