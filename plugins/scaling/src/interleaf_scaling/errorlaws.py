"""Downstream error from loss (arXiv 2403.08540, section 2): Err(L) = eps - k exp(-gamma L)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class ErrorLaw:
    """Err as a function of loss that only rises: value and Jacobian [n, P], and where to start."""

    name: str
    formula: str
    params: tuple[str, ...]
    value: Callable[[Floats, Floats], Floats]
    jacobian: Callable[[Floats, Floats], Floats]
    starts: Sequence[tuple[float, ...]]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def error(self, params: Mapping[str, float], loss: Any) -> Floats:
        """Err at an array of losses."""
        theta = np.array([params[name] for name in self.params])
        return self.value(theta, np.asarray(loss, dtype=np.float64))


def _exp_decay(theta: Floats, loss: Floats) -> Floats:
    k, gamma, eps = theta
    return eps - k * np.exp(-gamma * loss)


def _exp_decay_slopes(theta: Floats, loss: Floats) -> Floats:
    k, gamma, _ = theta
    part = np.exp(-gamma * loss)
    return np.stack([-part, k * loss * part, np.ones_like(loss)], axis=-1)


def _sigmoid(theta: Floats, loss: Floats) -> Floats:
    low, high, middle, slope = theta
    return low + (high - low) / (1 + np.exp(-slope * (loss - middle)))


def _sigmoid_slopes(theta: Floats, loss: Floats) -> Floats:
    low, high, middle, slope = theta
    part = 1 / (1 + np.exp(-slope * (loss - middle)))
    bend = (high - low) * part * (1 - part)
    return np.stack([1 - part, part, -slope * bend, (loss - middle) * bend], axis=-1)


def _linear(theta: Floats, loss: Floats) -> Floats:
    return theta[0] + theta[1] * loss


def _linear_slopes(theta: Floats, loss: Floats) -> Floats:
    return np.stack([np.ones_like(loss), loss], axis=-1)


FREE = np.inf
EXP_DECAY = ErrorLaw(
    "exp_decay", "Err = eps - k exp(-gamma L)", ("k", "gamma", "eps"), _exp_decay, _exp_decay_slopes,
    [(1.0, 1.0, 1.0), (3.0, 0.5, 0.9), (10.0, 1.5, 0.8), (1.0, 0.1, 1.5)],
    (0.0, 1e-3, 0.0), (FREE, 20.0, FREE),
)  # fmt: skip
SIGMOID = ErrorLaw(
    "sigmoid", "Err = low + (high - low) / (1 + exp(-slope (L - middle)))",
    ("low", "high", "middle", "slope"), _sigmoid, _sigmoid_slopes,
    [(0.1, 0.9, 2.5, 1.0), (0.3, 0.8, 3.0, 2.0), (0.0, 1.0, 2.0, 0.5)],
    (-1.0, 0.0, -20.0, 1e-3), (1.0, 2.0, 20.0, 50.0),
)  # fmt: skip
LINEAR = ErrorLaw(
    "linear", "Err = c + s L", ("c", "s"), _linear, _linear_slopes, [(0.0, 0.2)],
    (-FREE, 0.0), (FREE, FREE),
)  # fmt: skip
