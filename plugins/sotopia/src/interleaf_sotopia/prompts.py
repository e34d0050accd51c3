"""What an agent is asked: the situation as it sees it, what happened, and how to answer.

One user message holds everything, so that any chat template takes it; the same text is what a policy
is trained on. ``full`` is for real models; ``brief`` for models with a few hundred tokens of context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interleaf_sotopia.actions import ACT, LEAVE, NON_VERBAL, NONE, SPEAK
from interleaf_sotopia.episode import Rules, Turn, perceived
from interleaf_sotopia.world import Task, goal, other_profile, own_profile, scene

STYLES = ("full", "brief")
MEANING = {
    SPEAK: "say TEXT", NON_VERBAL: "a gesture or expression", ACT: "do something physical",
    NONE: "do nothing, TEXT empty",
    LEAVE: "end the conversation, TEXT empty; when your goal is reached or out of reach",
}  # fmt: skip
PRIVATE = 'To be perceived by some alone, add "to": a list of their names.'


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text, and how many of the oldest turns were left out to fit the context."""

    text: str
    dropped: int = 0


def ask(
    task: Task, index: int, turns: Sequence[Turn], number: int, rules: Rules,
    style: str = "full", characters: int = 0,
) -> Prompt:  # fmt: skip
    """What agent ``index`` is asked in turn ``number``.

    ``characters``: the longest text (0: any). What is too long loses its oldest turns; the task always
    stays. ValueError when the task alone is longer.
    """
    begin, end = _parts(task, index, number, rules, style)
    lines = perceived(turns, index, task.names, number)
    dropped = 0
    while characters and lines and len(_joined(begin, lines, end, dropped)) > characters:
        lines, dropped = lines[1:], dropped + 1
    text = _joined(begin, lines, end, dropped)
    if characters and len(text) > characters:
        raise ValueError(
            f"the task alone takes {len(text):,} characters, {characters:,} fit the context: "
            "a larger context, or style=brief"
        )
    return Prompt(text, dropped)


def _joined(begin: str, lines: Sequence[str], end: str, dropped: int) -> str:
    left_out = [f"({dropped} earlier turns are left out)"] if dropped else []
    return "\n".join([begin, *left_out, *(lines or ["Nothing has happened yet."]), end])


def answer(kinds: Sequence[str]) -> str:
    """How to answer."""
    told = ". ".join(f'"{k}": {MEANING[k]}' for k in MEANING if k in kinds)
    return (
        "Choose your next action. Answer with one JSON object and nothing else:\n"
        f'{{"action_type": TYPE, "argument": TEXT}}\n{told}. Keep TEXT under 50 words.'
    )


def _parts(task: Task, index: int, number: int, rules: Rules, style: str) -> tuple[str, str]:
    others = [i for i in range(len(task.names)) if i != index]
    name = task.names[index]
    if style == "brief":
        return f"{scene(task, index)}\nYou are {name}. Goal: {goal(task, index)}", f"{name}:"
    known = [other_profile(task.characters[i], task.scenario.relationship) for i in others]
    about = "\n".join(f"You meet: {text}" if text else "You meet a stranger." for text in known)
    begin = (
        f"You are {name}. Stay in character.\n{own_profile(task.characters[index])}\n{about}\n"
        f"Situation: {scene(task, index)}\nYour goal, which nobody else knows: {goal(task, index)}\n"
        "What has happened so far:"
    )
    private = f"\n{PRIVATE}" if len(others) > 1 else ""
    return (
        begin,
        f"This is turn {number + 1} of at most {rules.max_turns}. {answer(rules.actions)}{private}",
    )
