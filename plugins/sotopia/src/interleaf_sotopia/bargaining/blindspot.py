"""A judge that was learnt and does not see everything, and policies that are trained to please it.

The learnt judge reads an agent's own moves alone: it has seen that those who ask for much get much, and
not that the other may refuse. A ridge regression on what it sees, fitted to true points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf_sotopia.bargaining.game import KINDS, MOVES, Array
from interleaf_sotopia.bargaining.learning import Seen
from interleaf_sotopia.bargaining.policy import ACCEPTED, HEAD, NUMBERS
from interleaf_sotopia.filtering import Rated


def visible_features(views: Seen) -> Array:
    """What the judge reads of n games: the agent's first, last and mean demand in points, how much it gave
    way, how often it spoke, whether it ever accepted; and products of these."""
    n = len(views)
    values = views.tokens[:, HEAD - KINDS : HEAD]
    moves = views.tokens[:, HEAD:].reshape(n, MOVES, KINDS)
    own: Any = views.said[:, HEAD:].reshape(n, MOVES, KINDS).all(2)
    offers: Any = np.asarray(own & (moves < NUMBERS).all(2))
    demand = np.where(offers, (moves * values[:, None]).sum(2), 0)
    count = np.maximum(offers.sum(1), 1)
    first = demand[np.arange(n), offers.argmax(1)]
    last = demand[np.arange(n), MOVES - 1 - offers[:, ::-1].argmax(1)]
    accepts = (own & (moves[:, :, 0] == ACCEPTED)).any(1)
    plain = (
        np.stack([first, last, demand.sum(1) / count, first - last, count, accepts], 1).astype(
            float
        )
        / 10
    )
    squares = np.stack([plain[:, i] * plain[:, j] for i in range(6) for j in range(i, 6)], 1)
    return np.concatenate([np.ones((n, 1)), plain, squares], 1)


@dataclass(frozen=True, eq=False)
class BlindJudge:
    """Weights on what it sees."""

    weights: Array

    @staticmethod
    def learnt(views: Seen, points: Array, ridge: float = 1.0) -> BlindJudge:
        """From games with their true points."""
        x = visible_features(views)
        return BlindJudge(np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ points))

    def __call__(self, views: Seen, rows: Sequence[Rated] = ()) -> Array:
        """Points as it believes them to be."""
        return visible_features(views) @ self.weights


@dataclass(frozen=True, eq=False)
class BiasedJudge:
    """Sees the points, adds a constant and an error of its own."""

    bias: float
    noise: float
    rng: np.random.Generator

    def __call__(self, views: Seen, rows: Sequence[Rated]) -> Array:
        """Points, biased."""
        true = np.array([r.score for r in rows])
        return true + self.bias + self.noise * self.rng.standard_normal(len(true))
