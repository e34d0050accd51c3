"""Scripted players: they concede with time, each in its own way. Knows nothing of the framework."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interleaf_sotopia.bargaining.game import ACCEPT, KINDS, MOVES, OFFER, Array, Games, Player

MOST = 36  # divisions of any task: (1+c0)(1+c1)(1+c2) for 7 items at most


def divisions(counts: Array) -> tuple[Array, Array]:
    """Every share of n tasks, n×36×3, and which of the 36 exist, n×36."""
    sizes = counts + 1
    number = np.broadcast_to(np.arange(MOST), (len(counts), MOST))
    digits, rest = [], number
    for kind in range(KINDS):
        digits.append(rest % sizes[:, kind : kind + 1])
        rest = rest // sizes[:, kind : kind + 1]
    return np.stack(digits, 2), number < sizes.prod(1)[:, None]


@dataclass
class Scripted:
    """Accepts what is worth its threshold, else offers a share that is. ``noise``: how often it makes a
    random legal offer instead."""

    rng: np.random.Generator
    noise: float = 0.0

    def __call__(self, games: Games, rows: Array, agent: int) -> tuple[Array, Array]:
        """Kind and share of the move in each game."""
        values, counts = games.deals.values[rows, agent], games.deals.counts[rows]
        wanted = self.threshold(games, rows, agent)
        shares, exist = divisions(counts)
        worth = (shares * values[:, None]).sum(2)
        keeps = self._pick(
            games, rows, agent, shares, worth, exist & (worth >= wanted[:, None]), exist
        )
        kind = np.full(len(rows), OFFER)
        if games.turn:
            offered = (games.share(games.standing(rows), agent, rows) * values).sum(1)
            last = games.turn == MOVES - 1
            kind[offered >= (self.floor if last else wanted)] = ACCEPT
        if self.noise:
            odd = self.rng.random(len(rows)) < self.noise
            keeps[odd] = self._random(shares, exist)[odd]
            kind[odd] = OFFER
        return kind, keeps

    floor: float = 1.0

    def threshold(self, games: Games, rows: Array, agent: int) -> Array:
        """The least it takes now."""
        raise NotImplementedError

    def _pick(
        self,
        games: Games,
        rows: Array,
        agent: int,
        shares: Array,
        worth: Array,
        fine: Array,
        exist: Array,
    ) -> Array:
        """The cheapest of the acceptable shares; equal ones by lot."""
        cost = np.where(fine, worth + self.rng.random(worth.shape) * 0.5, 99.0)
        return shares[np.arange(len(rows)), cost.argmin(1)].copy()

    def _random(self, shares: Array, exist: Array) -> Array:
        draw = np.where(exist, self.rng.random(exist.shape), -1.0)
        return shares[np.arange(len(shares)), draw.argmax(1)]


@dataclass
class Conceder(Scripted):
    """From ``high`` points down to ``low``, by (time) ** ``power``; ``spread``: any acceptable share."""

    high: float = 8.0
    low: float = 4.0
    power: float = 1.0
    spread: bool = False

    def __post_init__(self) -> None:
        self.floor = self.low

    def threshold(self, games: Games, rows: Array, agent: int) -> Array:
        """The same in all games."""
        now = self.high - (self.high - self.low) * (games.turn / (MOVES - 1)) ** self.power
        return np.full(len(rows), now)

    def _pick(
        self,
        games: Games,
        rows: Array,
        agent: int,
        shares: Array,
        worth: Array,
        fine: Array,
        exist: Array,
    ) -> Array:
        if not self.spread:
            return Scripted._pick(self, games, rows, agent, shares, worth, fine, exist)
        return self._random(shares, fine)


@dataclass
class Mirror(Scripted):
    """Tit for tat: gives up as many points as the other's offers gave it since the first."""

    start: float = 9.0
    floor: float = 3.0

    def threshold(self, games: Games, rows: Array, agent: int) -> Array:
        """By the other's best offer against its first one."""
        theirs = range(1 - agent, games.turn, 2)
        if len(theirs) < 2:
            return np.full(len(rows), self.start)
        values = games.deals.values[rows, agent]
        worth = np.stack(
            [(games.share(games.offers[rows, t], agent, rows) * values).sum(1) for t in theirs], 1
        )
        return np.maximum(self.floor, self.start - (worth.max(1) - worth[:, 0]))


@dataclass
class Expert(Conceder):
    """A conceder that learns from the other's offers what the other wants, and gives that."""

    high: float = 9.0
    low: float = 4.0

    def _pick(
        self,
        games: Games,
        rows: Array,
        agent: int,
        shares: Array,
        worth: Array,
        fine: Array,
        exist: Array,
    ) -> Array:
        counts = games.deals.counts[rows]
        theirs = range(1 - agent, games.turn, 2)
        want = np.ones((len(rows), KINDS))
        for t in theirs:
            want += 2.0 * games.share(games.offers[rows, t], 1 - agent, rows) / counts
        given = ((counts[:, None] - shares) * want[:, None]).sum(2)
        score = np.where(fine, given + 0.3 * worth + self.rng.random(worth.shape) * 0.1, -99.0)
        return shares[np.arange(len(rows)), score.argmax(1)].copy()


@dataclass
class RandomLegal(Scripted):
    """Any share; accepts one offer in four."""

    accepts: float = 0.25
    extra: dict[str, float] = field(default_factory=dict)

    def __call__(self, games: Games, rows: Array, agent: int) -> tuple[Array, Array]:
        """A random legal move."""
        shares, exist = divisions(games.deals.counts[rows])
        kind = np.where(self.rng.random(len(rows)) < self.accepts * (games.turn > 0), ACCEPT, OFFER)
        return kind, self._random(shares, exist)


LINEAR = ((8, 4), (9, 5), (10, 4), (7, 3), (9, 3), (6, 4))
TRAINING = tuple(f"lin{h}-{low}" for h, low in LINEAR)
TUNING = ("noisy", "early")
UNSEEN = ("boulware", "mirror")


def partner(name: str, rng: np.random.Generator) -> Player:
    """A scripted player by name: ``lin8-4`` and its kin, noisy, early, boulware, mirror, expert, random."""
    if name.startswith("lin"):
        high, _, low = name.removeprefix("lin").partition("-")
        return Conceder(rng, high=float(high), low=float(low))
    match name:
        case "noisy":
            return Conceder(rng, noise=0.2)
        case "early":
            return Conceder(rng, power=0.5)
        case "boulware":
            return Conceder(rng, high=9.0, low=4.0, power=3.0, spread=True)
        case "mirror":
            return Mirror(rng)
        case "expert":
            return Expert(rng, noise=0.15)
        case "random":
            return RandomLegal(rng)
    raise ValueError(f"no partner '{name}'")
