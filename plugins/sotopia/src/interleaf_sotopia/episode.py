"""An episode as a state machine: who acts next, what each has perceived, when it ends.

Termination as in SOTOPIA: ``max_turns`` turns, fewer than two agents left, or more than
``max_stale`` turns in a row in which nobody did anything. Knows nothing of the framework.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from interleaf_sotopia.actions import ACT, KINDS, LEAVE, NON_VERBAL, NONE, SPEAK, Action

ORDERS = ("round-robin", "simultaneous", "random")


@dataclass(frozen=True, slots=True)
class Turn:
    """What agent ``agent`` did in turn ``number`` (from 0)."""

    number: int
    agent: int
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How an episode runs; ``actions``: what agents may do."""

    max_turns: int = 20
    max_stale: int = 2
    order: str = "round-robin"
    seed: int = 0
    actions: tuple[str, ...] = KINDS


def turn_number(turns: Sequence[Turn]) -> int:
    """The number of the last turn begun, −1 before the first."""
    return turns[-1].number if turns else -1


def present(turns: Sequence[Turn], agents: int) -> list[int]:
    """Who has not left."""
    gone = {t.agent for t in turns if t.action.kind == LEAVE}
    return [a for a in range(agents) if a not in gone]


def ended(turns: Sequence[Turn], agents: int, rules: Rules) -> str:
    """Why the episode is over: ``max_turns``, ``left``, ``stale``; empty while it goes on."""
    if _open(turns, agents, rules):
        return ""
    if len(present(turns, agents)) < 2:
        return "left"
    if turn_number(turns) + 1 >= rules.max_turns:
        return "max_turns"
    stale = 0
    for turn in reversed(turns):
        if turn.action.kind != NONE:
            break
        stale += 1
    return "stale" if stale > rules.max_stale else ""


def actors(turns: Sequence[Turn], agents: int, rules: Rules) -> tuple[int, list[int]]:
    """The turn to be played, and which agents still have to act in it; only these are asked."""
    waiting = _open(turns, agents, rules)
    if waiting:
        return turn_number(turns), waiting
    number, here = turn_number(turns) + 1, present(turns, agents)
    if rules.order == "simultaneous":
        return number, here
    if rules.order == "random":
        return number, [random.Random(f"{rules.seed}.{number}").choice(here)]
    last = turns[-1].agent if turns else agents - 1
    return number, [
        next(a % agents for a in range(last + 1, last + 1 + agents) if a % agents in here)
    ]


def _open(turns: Sequence[Turn], agents: int, rules: Rules) -> list[int]:
    """Who still has to act in a simultaneous turn that was begun."""
    if rules.order != "simultaneous" or not turns:
        return []
    number = turn_number(turns)
    before = [t for t in turns if t.number < number]
    acted = {t.agent for t in turns if t.number == number}
    return [a for a in present(before, agents) if a not in acted]


def perceived(turns: Sequence[Turn], viewer: int, names: Sequence[str], below: int) -> list[str]:
    """The turns before ``below`` as agent ``viewer`` (−1: the judge) perceives them, a line each.

    Every line begins with the engine's own words, and what was said is one line: an agent cannot
    speak as another, or as the environment.
    """
    return [
        f"Turn {t.number + 1}: {told(t, names)}"
        for t in turns
        if t.number < below and _perceives(t, viewer, names)
    ]


def _perceives(turn: Turn, viewer: int, names: Sequence[str]) -> bool:
    to = turn.action.to
    return not to or viewer < 0 or viewer == turn.agent or names[viewer] in to


def told(turn: Turn, names: Sequence[str]) -> str:
    """One turn in words."""
    name, action = names[turn.agent], turn.action
    private = f" (to {', '.join(action.to)} alone)" if action.to else ""
    match action.kind:
        case str(kind) if kind == SPEAK:
            return f'{name} said{private}: "{action.argument}"'
        case str(kind) if kind == NON_VERBAL:
            return f"{name} [non-verbal communication]{private} {action.argument}"
        case str(kind) if kind == ACT:
            return f"{name} [action]{private} {action.argument}"
        case str(kind) if kind == LEAVE:
            return f"{name} left the conversation"
    return f"{name} did nothing"
