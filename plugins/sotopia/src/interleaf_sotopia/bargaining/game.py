"""The game: two agents divide items of three kinds that each values privately.

4 to 7 items; an agent's values sum to 10 over all items; at most 8 moves, agent 0 first. A move is an
offer (what the mover keeps) or accepts the other's last one. An agreement gives each the value of its
share, anything else 0; an illegal move ends the game without one. Many games are played at once, as
arrays. Knows nothing of the framework and nothing of torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

KINDS, MOVES, TOTAL = 3, 8, 10
ITEMS = ("books", "hats", "balls")
ACCEPT, OFFER, ILLEGAL = 1, 0, -1
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Deals:
    """n tasks: ``counts`` n×3, ``values`` n×2×3 (agent, kind)."""

    counts: Array
    values: Array

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, rows: Any) -> Deals:
        return Deals(self.counts[rows], self.values[rows])

    def swapped(self) -> Deals:
        """The same tasks with the roles exchanged."""
        return Deals(self.counts, self.values[:, ::-1])

    def repeated(self, times: int) -> Deals:
        """Each task ``times`` times, in a row."""
        return self[np.repeat(np.arange(len(self)), times)]

    def best_joint(self) -> Array:
        """The largest sum of points that any division gives."""
        return (self.counts * self.values.max(1)).sum(1)


def canonical(counts: Any, values: Any) -> tuple[Any, ...]:
    """What all tasks share that differ by the names of the kinds or by who is who."""
    forms = []
    for p in itertools.permutations(range(KINDS)):
        c, a, b = (tuple(int(x[i]) for i in p) for x in (counts, values[0], values[1]))
        forms += [(c, a, b), (c, b, a)]
    return min(forms)


@lru_cache(maxsize=1)
def _classes() -> list[list[tuple[Any, Any]]]:
    """All tasks, grouped by what ``canonical`` says they share."""
    found: dict[Any, list[tuple[Any, Any]]] = {}
    for c in itertools.product(range(1, 6), repeat=KINDS):
        if not 4 <= sum(c) <= 7:
            continue
        fair = [
            v for v in itertools.product(range(TOTAL + 1), repeat=KINDS) if np.dot(c, v) == TOTAL
        ]
        for a, b in itertools.product(fair, repeat=2):
            if a != b:
                found.setdefault(canonical(c, (a, b)), []).append((c, (a, b)))
    return [found[k] for k in sorted(found)]


PARTS = {"held_out": (0, 300), "tuning": (300, 600), "training": (600, None)}


def deals(part: str, n: int, rng: np.random.Generator) -> Deals:
    """``n`` different tasks of a part. The parts share no task, also not under other names of the kinds
    or with the roles exchanged; held_out and tuning have 300 classes and give one task of each at most."""
    classes = _classes()
    order = np.random.default_rng(20240313).permutation(len(classes))
    first, last = PARTS[part]
    mine = [classes[i] for i in order[first:last]]
    if part == "training":
        every = [task for group in mine for task in group]
        chosen = [every[i] for i in rng.permutation(len(every))[:n]]
    else:
        fixed = np.random.default_rng(7)
        chosen = [group[fixed.integers(len(group))] for group in mine][:n]
    if len(chosen) < n:
        raise ValueError(f"the part {part} has {len(chosen)} tasks, {n} were asked for")
    return Deals(np.array([c for c, _ in chosen]), np.array([v for _, v in chosen]))


@dataclass(eq=False)
class Games:
    """Games under way. ``offers`` n×8×3: what agent 0 gets by each offer; ``moved`` n×8: OFFER, ACCEPT,
    ILLEGAL, or 9 for a move not made; ``over`` and ``agreed`` n."""

    deals: Deals
    turn: int = 0
    offers: Array = field(init=False)
    moved: Array = field(init=False)
    over: Array = field(init=False)
    agreed: Array = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.deals)
        self.offers = np.zeros((n, MOVES, KINDS), int)
        self.moved = np.full((n, MOVES), 9)
        self.over, self.agreed = np.zeros(n, bool), np.zeros(n, bool)

    def share(self, offers: Array, agent: int, rows: Any = slice(None)) -> Array:
        """What ``agent`` gets by offers that say what agent 0 gets (and the other way round)."""
        return offers if agent == 0 else self.deals.counts[rows] - offers

    def standing(self, rows: Any = slice(None)) -> Array:
        """What agent 0 gets by the last offer; only of use after the first move."""
        return self.offers[rows, self.turn - 1]

    def legal(self, kind: Array, keeps: Array, rows: Array) -> Array:
        """Which moves are allowed: shares within the counts; nothing can be accepted in the first."""
        within = ((keeps >= 0) & (keeps <= self.deals.counts[rows])).all(1)
        return np.where(kind == ACCEPT, self.turn > 0, (kind == OFFER) & within)

    def move(self, rows: Array, kind: Array, keeps: Array) -> None:
        """One move of the agent whose turn it is, in the games ``rows``; the turn then ends."""
        ok = self.legal(kind, keeps, rows)
        agent = self.turn % 2
        self.moved[rows, self.turn] = np.where(ok, kind, ILLEGAL)
        accepts, offering = rows[ok & (kind == ACCEPT)], ok & (kind == OFFER)
        if self.turn:
            self.offers[accepts, self.turn] = self.offers[accepts, self.turn - 1]
        self.agreed[accepts] = True
        self.offers[rows[offering], self.turn] = self.share(keeps[offering], agent, rows[offering])
        self.over[accepts] = True
        self.over[rows[~ok]] = True
        self.turn += 1
        if self.turn == MOVES:
            self.over[:] = True

    def points(self) -> Array:
        """Points n×2 of the games; 0 without an agreement."""
        last = np.maximum((self.moved != 9).sum(1) - 1, 0)
        got = self.offers[np.arange(len(last)), last]
        both = np.stack([(self.share(got, a) * self.deals.values[:, a]).sum(1) for a in (0, 1)], 1)
        return np.where(self.agreed[:, None], both, 0)

    def illegal(self) -> Array:
        """Which agent made an illegal move: 0, 1, or −1 for none."""
        bad = self.moved == ILLEGAL
        return np.where(bad.any(1), bad.argmax(1) % 2, -1)


# A player answers for many games at once: (games, rows, agent) → kind, keeps
Player = Callable[[Games, Array, int], tuple[Array, Array]]


def play(deals_: Deals, first: Player, second: Player) -> Games:
    """Play all games to their end."""
    games = Games(deals_)
    while not games.over.all():
        rows, agent = np.flatnonzero(~games.over), games.turn % 2
        kind, keeps = (first, second)[agent](games, rows, agent)
        games.move(rows, kind, keeps)
    return games
