"""The three stages of SOTOPIA-π on the game: clone an expert, then learn from what one did oneself.

``base``: random legal play, cloned. ``clone``: an expert's games, the paper's filter. ``reinforce``:
rounds of games against oneself and scripted partners, filtered, some cloned games replayed among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from interleaf.interfaces import Context
from interleaf_sotopia import filtering
from interleaf_sotopia.bargaining.config import Fitting, ReinforceConfig
from interleaf_sotopia.bargaining.game import Array, Deals, Games, deals, play
from interleaf_sotopia.bargaining.partners import partner
from interleaf_sotopia.bargaining.policy import Negotiator, Net, OwnMoves, owners, view
from interleaf_sotopia.filtering import Rated
from interleaf_training import ArraySource, Recipe, train

SELF = "self"


@dataclass(frozen=True, eq=False)
class Seen:
    """Games as single agents saw them: ``tokens``, ``owner`` and ``said`` n×L."""

    tokens: Array
    owner: Array
    said: Array

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, rows: Any) -> Seen:
        return Seen(self.tokens[rows], self.owner[rows], self.said[rows])

    @staticmethod
    def of(parts: Sequence[Seen]) -> Seen:
        """Several, one after the other."""
        return Seen(
            *(np.concatenate([getattr(p, n) for p in parts]) for n in ("tokens", "owner", "said"))
        )


def seen(games: Games, role: int) -> Seen:
    """All games as one role saw them."""
    tokens, said = view(games, role)
    return Seen(tokens, np.broadcast_to(owners(role), tokens.shape), said)


def rated(games: Games, roles: Sequence[int], tasks: Array, name: str, order: str) -> list[Rated]:
    """A row for each game and role, games within roles."""
    points = games.points()
    return [
        Rated(task=str(tasks[i]), episode=f"{name}.{order}.{i}", role=r, score=float(points[i, r]),
              other=float(points[i, 1 - r]), overall=float(points[i].sum()), partner=name,
              agreed=bool(games.agreed[i]))
        for r in roles
        for i in range(len(tasks))
    ]  # fmt: skip


def expert_games(
    tasks: Deals, times: int, rng: np.random.Generator, who: str = "expert"
) -> tuple[Seen, list[Rated]]:
    """Games of an expert with itself, as both roles saw them."""
    repeated = tasks.repeated(times)
    games = play(repeated, partner(who, rng), partner(who, rng))
    names = np.repeat(np.arange(len(tasks)), times)
    return Seen.of([seen(games, 0), seen(games, 1)]), rated(games, (0, 1), names, who, "0")


def own_games(
    net: Net, tasks: Deals, c: ReinforceConfig, seed: int, part: int = 100
) -> tuple[Seen, list[Rated]]:
    """A policy's games with itself and with the partners, in both orders, ``part`` tasks at a time."""
    views: list[Seen] = []
    rows: list[Rated] = []
    for first in range(0, len(tasks), part):
        chosen = np.arange(first, min(first + part, len(tasks)))
        rng = np.random.default_rng([seed, first])
        for name, times, order in _pairings(c):
            repeated, names = tasks[np.repeat(chosen, times)], np.repeat(chosen, times)
            own = Negotiator(net, int(rng.integers(2**62)), c.temperature)
            other = (
                Negotiator(net, int(rng.integers(2**62)), c.temperature)
                if name == SELF
                else partner(name, rng)
            )
            games = play(repeated, other, own) if order else play(repeated, own, other)
            roles = (0, 1) if name == SELF else (order,)
            views += [seen(games, r) for r in roles]
            rows += [
                replace(r, episode=f"{first}.{r.episode}")
                for r in rated(games, roles, names, name, str(order))
            ]
    return Seen.of(views), rows


def _pairings(c: ReinforceConfig) -> list[tuple[str, int, int]]:
    found = [(SELF, c.self_games, 0)] if c.self_games else []
    return found + [
        (p, c.partner_games, order) for p in c.partners for order in (0, 1) if c.partner_games
    ]


def chosen(rows: Sequence[Rated], c: ReinforceConfig) -> Array:
    """The numbers of the rows that the configured filter keeps."""
    place = {id(r): i for i, r in enumerate(rows)}
    if c.filter == "paper":
        kept = filtering.self_play(rows, c.top_frac)
    else:
        kept = filtering.advantage(rows, c.top_frac, c.least, c.joint, c.filter)
    return np.array([place[id(r)] for r in kept], int)


def recipe(f: Fitting) -> Recipe:
    """How the instrument trains: AdamW, constant rate."""
    return Recipe(
        steps=f.steps, batch=f.batch, lr=f.lr, weight_decay=0.01, log_every=max(1, f.steps // 10)
    )


def fitted(net: Net, data: Seen, how: Fitting, seed: int, ctx: Context, folder: str) -> Any:
    """Cross-entropy on the agent's own moves; trains ``net`` in place and gives the log."""
    source = ArraySource(data.tokens, data.owner, data.said, seed=seed)
    where = ctx.resume / folder if ctx.resume else None
    inner = Context(
        seed=seed, device=ctx.device, dtype=ctx.dtype, threads=ctx.threads, monitor=ctx.monitor
    )
    return train(OwnMoves(net), source, recipe(how), folder=where, ctx=inner).log


Judge = Callable[[Seen, Sequence[Rated]], Array]


def reinforced(
    net: Net, replay: Seen, c: ReinforceConfig, seed: int, ctx: Context, judge: Judge | None = None,
    after: Callable[[int], None] = lambda number: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rounds of play, filter and training on ``net`` itself; gives what each round kept.

    ``judge`` gives the scores that are filtered by, in place of the points; ``after`` hears of each round.
    """
    told = []
    for number in range(c.rounds):
        rng = np.random.default_rng([seed, number])
        tasks = deals("training", c.tasks, rng)
        views, rows = own_games(net, tasks, c, int(rng.integers(2**31)))
        if judge is not None:
            rows = [
                replace(r, score=float(s)) for r, s in zip(rows, judge(views, rows), strict=True)
            ]
        keep = chosen(rows, c)
        kept = views[keep]
        mixed = kept = kept[kept.said.any(1)]  # an illegal first move is nothing to learn from
        if c.replay and len(replay):
            more = round(len(kept) * c.replay / (1 - c.replay))
            mixed = Seen.of([kept, replay[rng.integers(0, len(replay), more)]])
        if len(mixed):
            fitted(net, mixed, c.fitting, int(rng.integers(2**31)), ctx, f"round-{number}")
        else:
            ctx.monitor.notice(
                f"round {number + 1} keeps none of {len(rows)} games, and changes nothing"
            )
        scores = [r.score for r in rows]
        told.append({
            "round": number, "games": len(rows), "kept": len(keep), "mean_score": float(np.mean(scores)),
            "kept_score": float(np.mean([rows[i].score for i in keep])) if len(keep) else None,
            "agreed": float(np.mean([r.agreed for r in rows])),
        })  # fmt: skip
        ctx.monitor.progress(number + 1, c.rounds)
        after(number)
    return told


@dataclass(frozen=True, eq=False)
class Played:
    """What an arm got against one partner: means over both orders and repetitions for each task."""

    own: Array
    joint: Array
    agreed: Array
    illegal: Array


def measured(
    net: Net, name: str, tasks: Deals, seed: int, times: int = 5, temperature: float = 0.5, resample: int = 0
) -> Played:  # fmt: skip
    """A policy against a scripted partner on tasks, in both orders."""
    columns: list[Array] = []
    for order in (0, 1):
        rng = np.random.default_rng([seed, order])
        repeated = tasks.repeated(times)
        own, other = (
            Negotiator(net, int(rng.integers(2**62)), temperature, resample),
            partner(name, rng),
        )
        games = play(repeated, other, own) if order else play(repeated, own, other)
        points = games.points()
        columns.append(
            np.stack([points[:, order], points.sum(1), games.agreed, games.illegal() == order], 1)
        )
    table = np.mean([c.reshape(len(tasks), times, 4).mean(1) for c in columns], 0)
    return Played(*table.T)
