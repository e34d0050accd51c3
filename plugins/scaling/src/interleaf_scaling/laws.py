"""Scaling laws: loss L of a model with N parameters trained on D tokens (arXiv 2403.08540, section 2).

A sum of power laws is written as ``ln L = logsumexp_k(phi_k(x) . theta)``: amplitudes enter theta as
logarithms, exponents as they are, and every derivative has a closed form. N counts the embeddings,
compute is C = 6 N D FLOPs, and M = D / N is the token multiplier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Params = Mapping[str, float]
LN6 = float(np.log(6.0))


@dataclass(frozen=True)
class Law:
    """A loss law. ``params`` are its own names, in order.

    Fits work in coordinates theta, in which ``amplitudes`` are the places that hold logarithms;
    ``exponents`` maps each other place to its bounds. ``irreducible`` names the constant term, and
    ``separate`` says that N and D have exponents of their own.
    """

    name: str
    formula: str
    params: tuple[str, ...]
    amplitudes: tuple[int, ...]
    exponents: Mapping[int, tuple[float, float]]
    irreducible: str = field(default="E", kw_only=True)
    separate: bool = field(default=True, kw_only=True)

    def theta(self, params: Params) -> Floats:
        """The coordinates of named parameters; an amplitude of 0 becomes -inf."""
        values = np.array([params[name] for name in self.params], dtype=np.float64)
        with np.errstate(divide="ignore"):
            values[list(self.amplitudes)] = np.log(values[list(self.amplitudes)])
        return values

    def named(self, theta: Floats) -> dict[str, float]:
        """The parameters by name."""
        values = np.array(theta, dtype=np.float64)
        values[list(self.amplitudes)] = np.exp(values[list(self.amplitudes)])
        return dict(zip(self.params, values.tolist(), strict=True))

    def loss(self, params: Params, n: Any, d: Any) -> Floats:
        """L at arrays of N and D that fit each other's shape; no overflow at any size."""
        log_n, log_d = np.broadcast_arrays(
            *(np.log(np.asarray(v, dtype=np.float64)) for v in (n, d))
        )
        return np.exp(self.log_loss(self.theta(params), log_n.ravel(), log_d.ravel())).reshape(
            log_n.shape
        )

    def log_loss(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """ln L [..., n] for coordinates [..., P]."""
        raise NotImplementedError

    def slopes(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """Derivatives [n, P] of ln L for coordinates [P]."""
        raise NotImplementedError


@dataclass(frozen=True)
class PowerSum(Law):
    """``L = sum_k amplitude_k * prod_j x_j^exponent``, the form most laws have.

    ``terms`` gives for log N and log D an array [K, n, P]: the features of each term, so that
    ``terms(...)[k] @ theta`` is the logarithm of term k at each point; ``amplitudes`` has one place
    for each term, in order. ``grid`` are the usual starts of every exponent.
    """

    terms: Callable[[Floats, Floats], Floats]
    grid: Sequence[float] = ()

    def log_loss(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """ln L [..., n] for coordinates [..., P]."""
        features = self.terms(log_n, log_d)
        finite = np.where(np.isneginf(theta), -1e300, theta)
        z = np.stack([finite @ term.T for term in features])
        top = z.max(axis=0)
        found: Floats = top + np.log(np.exp(z - top).sum(axis=0))
        return found

    def slopes(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """Derivatives [n, P] of ln L for coordinates [P]."""
        features = self.terms(log_n, log_d)
        z = np.stack([term @ theta for term in features])
        shares = np.exp(z - z.max(axis=0))
        return np.einsum("kn,knp->np", shares / shares.sum(axis=0), features)


@dataclass(frozen=True)
class Curved(Law):
    """A law that is no sum of powers: ``value`` gives ln L [n] and its derivatives [n, P] at theta.

    ``starts`` are coordinates. Fitted one start after the other, so slower than a `PowerSum`.
    """

    value: Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
    starts: Sequence[tuple[float, ...]]

    def log_loss(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """ln L [..., n] for coordinates [..., P]."""
        rows = [self.value(row, log_n, log_d)[0] for row in theta.reshape(-1, theta.shape[-1])]
        return np.array(rows).reshape(*theta.shape[:-1], len(log_n))

    def slopes(self, theta: Floats, log_n: Floats, log_d: Floats) -> Floats:
        """Derivatives [n, P] of ln L for coordinates [P]."""
        return self.value(theta, log_n, log_d)[1]


def _features(*terms: Sequence[Any]) -> Floats:
    """[K, n, P] of columns that are numbers or arrays."""
    length = max(np.size(c) for term in terms for c in term)
    return np.array([[np.broadcast_to(c, length) for c in term] for term in terms]).transpose(
        0, 2, 1
    )


def _overtrained(log_n: Floats, log_d: Floats) -> Floats:
    return _features((1, 0, log_n, 0), (0, 1, log_d + LN6 / 2, 0), (0, 0, 0 * log_n, 1))


def _chinchilla(log_n: Floats, log_d: Floats) -> Floats:
    return _features((1, 0, -log_n, 0, 0), (0, 1, 0, -log_d, 0), (0, 0, 0, 0 * log_n, 1))


def _power(log_n: Floats, log_d: Floats) -> Floats:
    return _features((1, LN6 + log_n + log_d))


def _power_irreducible(log_n: Floats, log_d: Floats) -> Floats:
    return _features((1, LN6 + log_n + log_d, 0), (0, 0 * log_n, 1))


def _kaplan(theta: Floats, log_n: Floats, log_d: Floats) -> tuple[Floats, Floats]:
    log_nc, log_dc, alpha_n, alpha_d = theta
    size, data = alpha_n / alpha_d * (log_nc - log_n), log_dc - log_d
    inner = np.logaddexp(size, data)
    share = np.exp(size - inner)
    slopes = [
        alpha_n * share, alpha_d * (1 - share), share * (log_nc - log_n), inner - share * size,
    ]  # fmt: skip
    return alpha_d * inner, np.stack(slopes, axis=-1)


OVERTRAINED = PowerSum(
    name="overtrained",
    formula="L = E + a N^eta + b 6^(eta/2) D^eta, eta < 0: the same exponent for both terms",
    params=("a", "b", "eta", "E"),
    amplitudes=(0, 1, 3),
    exponents={2: (-3.0, -1e-3)},
    terms=_overtrained,
    grid=(-0.05, -0.1, -0.2, -0.3, -0.5, -0.8, -1.2),
)
CHINCHILLA = PowerSum(
    name="chinchilla",
    formula="L = E + A / N^alpha + B / D^beta",
    params=("A", "B", "alpha", "beta", "E"),
    amplitudes=(0, 1, 4),
    exponents={2: (1e-3, 3.0), 3: (1e-3, 3.0)},
    terms=_chinchilla,
    grid=(0.0, 0.5, 1.0, 1.5, 2.0),
)
POWER = PowerSum(
    name="power",
    formula="L = a C^b, C = 6 N D, b < 0",
    params=("a", "b"),
    amplitudes=(0,),
    exponents={1: (-3.0, -1e-4)},
    terms=_power,
    irreducible="",
    grid=(-0.02, -0.05, -0.1, -0.3),
    separate=False,
)
POWER_IRREDUCIBLE = PowerSum(
    name="power_irreducible",
    formula="L = E + a C^b, C = 6 N D, b < 0",
    params=("a", "b", "E"),
    amplitudes=(0, 2),
    exponents={1: (-3.0, -1e-4)},
    terms=_power_irreducible,
    grid=(-0.02, -0.05, -0.1, -0.2, -0.3, -0.6),
    separate=False,
)


KAPLAN = Curved(
    name="kaplan",
    formula="L = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D: no irreducible loss (Kaplan 2020)",
    params=("Nc", "Dc", "alpha_N", "alpha_D"),
    amplitudes=(0, 1),
    exponents={2: (1e-3, 2.0), 3: (1e-3, 2.0)},
    value=_kaplan,
    irreducible="",
    starts=[(30.0, 30.0, 0.08, 0.1), (25.0, 25.0, 0.2, 0.2), (20.0, 22.0, 0.4, 0.4)],
)


def to_chinchilla(params: Params) -> dict[str, float]:
    """``overtrained`` as ``chinchilla``: alpha = beta = -eta, A = a, B = b 6^(eta/2)."""
    eta = params["eta"]
    b = params["b"] * 6.0 ** (eta / 2)
    return {"A": params["a"], "B": b, "alpha": -eta, "beta": -eta, "E": params["E"]}


def to_overtrained(params: Params) -> dict[str, float]:
    """``chinchilla`` with alpha = beta as ``overtrained``; ValueError when they differ."""
    if params["alpha"] != params["beta"]:
        raise ValueError(
            f"alpha {params['alpha']:g} and beta {params['beta']:g} differ: no single exponent"
        )
    eta = -params["alpha"]
    b = params["B"] / 6.0 ** (eta / 2)
    return {"a": params["A"], "b": b, "eta": eta, "E": params["E"]}


def optimal_multiplier(params: Params) -> float:
    """M* of ``overtrained``, the same at every compute: (b 6^(eta/2) / a)^(1/|eta|)."""
    eta = params["eta"]
    return float((params["b"] * 6.0 ** (eta / 2) / params["a"]) ** (1.0 / abs(eta)))
