"""CaSiNo: people negotiate over three packages each of food, water and firewood (Chawla et al., 2021).

Points: 5, 4, 3 for an item of high, medium, low priority; 5 for walking away. Satisfaction and liking
are the participants' own ratings. Knows nothing of the framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ISSUES = ("Food", "Water", "Firewood")
PRIORITY = {"High": 5, "Medium": 4, "Low": 3}
WALK_AWAY = 5
SATISFACTION = (
    "Extremely dissatisfied",
    "Slightly dissatisfied",
    "Undecided",
    "Slightly satisfied",
    "Extremely satisfied",
)
LIKENESS = ("Extremely dislike", "Slightly dislike", "Undecided", "Slightly like", "Extremely like")
SUBMIT, ACCEPT, REJECT, LEAVE = "Submit-Deal", "Accept-Deal", "Reject-Deal", "Walk-Away"
ACTIONS = (SUBMIT, ACCEPT, REJECT, LEAVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a participant said or did: ``kind`` is "say" or one of ``ACTIONS``; ``gets`` what the speaker
    would get of each issue by a submitted deal."""

    who: int
    kind: str
    text: str = ""
    gets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A negotiation: its moves, and for each of the two values, reasons, points, satisfaction and liking
    (1 to 5)."""

    id: str
    moves: tuple[Move, ...]
    values: tuple[Mapping[str, int], ...]
    reasons: tuple[Mapping[str, str], ...]
    points: tuple[int, ...]
    satisfaction: tuple[int | None, ...]
    liked: tuple[int | None, ...]


def dialogue(row: Mapping[str, Any]) -> Dialogue:
    """One record of CaSiNo's file; ValueError or KeyError for what is none."""
    people = row["participant_info"]
    names = sorted(people)
    if len(names) != 2:
        raise ValueError(f"{len(names)} participants, expected 2")
    info = [people[n] for n in names]
    return Dialogue(
        id=str(row["dialogue_id"]),
        moves=tuple(_move(m, names) for m in row["chat_logs"]),
        values=tuple({issue: PRIORITY[p] for p, issue in i["value2issue"].items()} for i in info),
        reasons=tuple(
            {i["value2issue"][p]: str(r) for p, r in i["value2reason"].items()} for i in info
        ),
        points=tuple(int(i["outcomes"]["points_scored"]) for i in info),
        satisfaction=tuple(_rank(SATISFACTION, i["outcomes"]["satisfaction"]) for i in info),
        liked=tuple(_rank(LIKENESS, i["outcomes"]["opponent_likeness"]) for i in info),
    )


def _move(m: Mapping[str, Any], names: Sequence[str]) -> Move:
    who, text = names.index(m["id"]), str(m["text"])
    if text not in ACTIONS:
        return Move(who=who, kind="say", text=text)
    data = m.get("task_data") or {}
    gets = tuple(int(data["issue2youget"][i]) for i in ISSUES) if text == SUBMIT else ()
    return Move(who=who, kind=text, gets=gets)


def _rank(scale: Sequence[str], told: str) -> int | None:
    return scale.index(told) + 1 if told in scale else None


def points(d: Dialogue) -> tuple[int, ...]:
    """Both participants' points, computed from the moves."""
    if not d.moves or d.moves[-1].kind != ACCEPT:
        return (WALK_AWAY,) * 2
    deal = next(m for m in reversed(d.moves) if m.kind == SUBMIT)
    shares = {deal.who: deal.gets, 1 - deal.who: tuple(3 - g for g in deal.gets)}
    return tuple(
        sum(d.values[a][i] * g for i, g in zip(ISSUES, shares[a], strict=True)) for a in (0, 1)
    )


def dialogue_act(m: Move) -> str:
    """What kind of move comes: talk, or one of the four buttons."""
    return "Talk" if m.kind == "say" else m.kind


def brief(d: Dialogue, who: int, before: int, longest: int = 0) -> str:
    """What a small model reads before move ``before``: its priorities, the last moves that fit
    ``longest`` characters, and whose turn it is."""
    order = sorted(ISSUES, key=lambda i: -d.values[who][i])
    begin = "I want " + ", then ".join(i.lower() for i in order) + "."
    lines = [told(m, who) for m in d.moves[:before]]
    while longest and lines and len("\n".join([begin, *lines])) > longest:
        lines = lines[1:]
    return "\n".join([begin, *lines])


def told(m: Move, viewer: int) -> str:
    """A move in words, as ``viewer`` perceives it."""
    me = "Me" if m.who == viewer else "You"
    if m.kind == "say":
        return f"{me}: {m.text}"
    if m.kind != SUBMIT:
        return f"{me}: [{m.kind}]"
    mine = m.gets if m.who == viewer else tuple(3 - g for g in m.gets)
    share = ", ".join(f"{i.lower()} {g}" for i, g in zip(ISSUES, mine, strict=True))
    return f"{me}: [{SUBMIT}] I get {share}"
