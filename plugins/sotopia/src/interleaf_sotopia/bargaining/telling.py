"""Games as episodes in words, for pages and for models that read."""

from __future__ import annotations

from typing import Any

from interleaf_sotopia.actions import ACT, SPEAK, Action
from interleaf_sotopia.bargaining.game import ACCEPT, ILLEGAL, ITEMS, KINDS, MOVES, Array, Games
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.records import DONE, Episode
from interleaf_sotopia.world import Character, Scenario, Task

NAMES = ("Ada", "Ben")


def share(counts: Any) -> str:
    """``2 books, 1 hat``, or nothing."""
    parts = [
        f"{n} {item if n != 1 else item[:-1]}" for n, item in zip(counts, ITEMS, strict=True) if n
    ]
    return ", ".join(parts) or "nothing"


def task(counts: Array, values: Array, name: str) -> Task:
    """A deal as a scenario with two private goals."""
    goals = tuple(
        "Get as many points as you can (<extra_info>"
        + ", ".join(f"a {item[:-1]} gives you {v}" for item, v in zip(ITEMS, row, strict=True))
        + "</extra_info>)"
        for row in values
    )
    scene = Scenario(id=name, codename="divide_items", source="negotiation", goals=goals,
                     scenario=f"{NAMES[0]} and {NAMES[1]} divide {share(counts)}.")  # fmt: skip
    people = tuple(Character(id=n.lower(), first_name=n) for n in NAMES)
    return Task(id=name, scenario=scene, characters=people)


def episode(games: Games, row: int, name: str, models: tuple[str, str]) -> Episode:
    """One game in words."""
    counts = games.deals.counts[row]
    turns = []
    for t in range(MOVES):
        kind, who = games.moved[row, t], t % 2
        if kind == 9:
            break
        mine = games.share(games.offers[row : row + 1, t], who, slice(row, row + 1))[0]
        if kind == ACCEPT:
            action = Action(ACT, "accepts")
        elif kind == ILLEGAL:
            action = Action(ACT, "makes a move that is not allowed")
        else:
            action = Action(SPEAK, f"I take {share(mine)}; you get {share(counts - mine)}.")
        turns.append(Turn(t, who, action))
    points = games.points()[row]
    return Episode(
        id=name, task=task(counts, games.deals.values[row], name), models=models, turns=tuple(turns),
        status=DONE, reason="agreed" if games.agreed[row] else "no agreement",
        points=tuple(float(p) for p in points),
    )  # fmt: skip


assert len(ITEMS) == KINDS
