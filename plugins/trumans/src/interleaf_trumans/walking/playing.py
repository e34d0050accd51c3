"""A timeline played in a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import Array, BadScene
from interleaf_trumans.walking.reach import Hand
from interleaf_trumans.walking.session import Session
from interleaf_trumans.walking.timeline import Entry, Timeline


@dataclass(frozen=True, slots=True)
class Visit:
    """One entry as it went: ``goal`` asked, metres ``off`` it at the nearest and at the end, ``hand`` metres
    off its target at the end; None where nothing was asked."""

    entry: Entry
    goal: tuple[float, float] | None = None
    off: float | None = None
    hand: float | None = None


@dataclass
class Played:
    """How a timeline went."""

    visits: list[Visit] = field(default_factory=list)


def check_actions(timeline: Timeline, actions: tuple[str, ...]) -> None:
    """BadScene where an action of the timeline is not known."""
    from interleaf.errors import did_you_mean

    for i, e in enumerate(timeline.entries):
        if e.action not in actions:
            raise BadScene(f"actions[{i}]: no action '{e.action}'", did_you_mean(e.action, actions))


def play(
    session: Session,
    timeline: Timeline,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Played:
    """Walk through a timeline; the motion is the session's."""
    check_actions(timeline, session.walker.actions)
    for number, e in enumerate(timeline.entries):  # what cannot be is said before anything is made
        if isinstance(e.goal, tuple) and not session.nearest:
            session.ground.checked(
                np.array(e.goal),
                f"actions[{number}]: the goal",
                area=int(session.ground.areas[session.ground.cell(session.place)]),
            )
    played = Played()
    for e in timeline.entries:
        if e.first > session.frame:
            session.set(action="stand", goal=None, hand=None)
            _steps(session, e.first - session.frame, progress, timeline.frames)
        session.set(action=e.action, goal=e.goal, hand=_hand(session, e), speed=e.speed)
        goal = session.wish.goal
        last = _steps(session, e.last - session.frame, progress, timeline.frames)
        played.visits.append(Visit(
            e, None if goal is None else (float(goal[0]), float(goal[1])),
            None if goal is None else float(np.linalg.norm(session.place - goal)), _hand_off(session, last),
        ))  # fmt: skip
    return played


def _steps(session: Session, count: int, progress: Callable[[int, int], None], total: int) -> Any:
    last = None
    while count > 0:
        last = session.step(min(count, 30))
        count -= len(last.root)
        progress(session.frame, total)
    return last


def _hand(session: Session, e: Entry) -> Hand | None:
    if e.hand is None:
        return None
    joint, at = e.hand
    if not e.relative:
        return Hand(joint, at)
    left, up, forward = at
    s, c = np.sin(session.state.yaw), np.cos(session.state.yaw)
    x, z = session.place + forward * np.array([s, c]) + left * np.array([c, -s])
    return Hand(joint, (float(x), up, float(z)))


def _hand_off(session: Session, last: Any) -> float | None:
    told = session.reach.told[-1][1] if session.reach.told else None
    if told is None or last is None:
        return None
    from interleaf_body.skeleton import world

    heads: Array = world(last)[1]
    return float(np.linalg.norm(heads[-1, last.joints.index(told.joint)] - told.at))
