"""What is done when: a file of actions with times, as a table over frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import BadScene
from interleaf_trumans.scenes.telling import numbers

FPS = 30.0
KEYS = {"from", "to", "do", "goal", "hand", "speed", "note"}
LONGEST = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """``action`` from frame ``first`` up to ``last`` (not included). ``goal``: (x, z), "anywhere" or None;
    ``hand``: joint and a place, in metres of the scene, or of the body (left, up, forward) as it is at
    ``first`` when ``relative``."""

    first: int
    last: int
    action: str
    goal: tuple[float, float] | str | None = None
    hand: tuple[str, tuple[float, float, float]] | None = None
    relative: bool = False
    speed: float = 1.25


@dataclass(frozen=True, slots=True)
class Timeline:
    """``entries`` in order, without overlap; between them a body stands. ``start``: (x, z) or None for
    anywhere; ``facing``: degrees or None."""

    entries: tuple[Entry, ...] = ()
    start: tuple[float, float] | None = None
    facing: float | None = None

    @property
    def frames(self) -> int:
        """How long it is."""
        return self.entries[-1].last if self.entries else 0

    @property
    def actions(self) -> tuple[str, ...]:
        """Every action that occurs, ``stand`` first."""
        return tuple(dict.fromkeys(("stand", *(e.action for e in self.entries))))

    def table(self, frames: Sequence[float] | np.ndarray[Any, Any]) -> dict[str, Any]:
        """For every frame 1 under the action that is done, ``progress`` in it from 0 to 1, and the number of
        its ``entry`` (−1: none)."""
        xs = np.asarray(frames, float)
        out = {name: np.zeros(len(xs)) for name in self.actions}
        out["progress"], out["entry"] = np.zeros(len(xs)), np.full(len(xs), -1.0)
        free = np.ones(len(xs), bool)
        for number, e in enumerate(self.entries):
            inside = (xs >= e.first) & (xs < e.last)
            out[e.action][inside] = 1.0
            out["progress"][inside] = (xs[inside] - e.first) / (e.last - e.first)
            out["entry"][inside] = number
            free &= ~inside
        out["stand"][free] = 1.0
        return out


def read_timeline(file: Path) -> Timeline:
    """The timeline in a YAML file; BadScene names the entry that is wrong."""
    import yaml

    try:
        told = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise BadScene(f"{file}: cannot be read ({error})", "a YAML file of actions") from None
    except yaml.YAMLError as error:
        raise BadScene(
            f"{file}: no YAML ({error})", "see examples/visit.yaml of the plugin"
        ) from None
    return timeline_of(told, str(file))


def timeline_of(told: Any, where: str = "timeline") -> Timeline:
    """A timeline from plain data."""
    if not isinstance(told, Mapping) or not isinstance(told.get("actions"), list):
        raise BadScene(
            f"{where}: no list of actions", "actions: [{from: 0, to: 5, do: walk, goal: anywhere}]"
        )
    if unknown := set(map(str, told)) - {"version", "start", "facing", "actions", "note"}:
        raise BadScene(f"{where}: unknown key '{min(unknown)}'", "version, start, facing, actions")
    if told.get("version", 1) != 1:
        raise BadScene(f"{where}: version {told['version']}", "this reads version 1")
    entries = [_entry(e, f"{where}: actions[{i}]") for i, e in enumerate(told["actions"])]
    for i, (a, b) in enumerate(pairwise(entries)):
        if b.first < a.last:
            raise BadScene(
                f"{where}: actions[{i}] ({a.action}, to {a.last / FPS:g} s) and actions[{i + 1}] "
                f"({b.action}, from {b.first / FPS:g} s) overlap",
                "a body does one thing at a time: let one end first",
            )
    start = told.get("start")
    place = None if start in (None, "anywhere") else numbers(start, 2, f"{where}: start")
    facing = told.get("facing")
    yaw = None if facing is None else numbers([facing], 1, f"{where}: facing")[0]
    return Timeline(tuple(entries), place, yaw)


def _entry(told: Any, where: str) -> Entry:
    if not isinstance(told, Mapping):
        raise BadScene(
            f"{where}: {told!r} is no action", "{from: 0, to: 5, do: walk, goal: [1.0, 2.0]}"
        )
    if unknown := set(map(str, told)) - KEYS:
        raise BadScene(f"{where}: unknown key '{min(unknown)}'", ", ".join(sorted(KEYS)))
    if missing := {"from", "to", "do"} - set(told):
        raise BadScene(f"{where}: no '{min(missing)}'", "from and to in seconds, and what to do")
    begin, end = (numbers([told[k]], 1, f"{where}: {k}")[0] for k in ("from", "to"))
    if not 0 <= begin < end <= LONGEST or round(end * FPS) == round(begin * FPS):
        raise BadScene(
            f"{where}: from {begin:g} s to {end:g} s", "0 ≤ from < to, in seconds, at most a day"
        )
    goal = told.get("goal")
    if goal not in (None, "anywhere"):
        goal = numbers(goal, 2, f"{where}: goal")
    hand, relative = _hand(told.get("hand"), where)
    speed = numbers([told.get("speed", 1.25)], 1, f"{where}: speed")[0]
    return Entry(round(begin * FPS), round(end * FPS), str(told["do"]), goal, hand, relative, speed)


def _hand(told: Any, where: str) -> tuple[Any, bool]:
    if told is None:
        return None, False
    keys = set(map(str, told)) if isinstance(told, Mapping) else set()
    if keys not in ({"joint", "at"}, {"joint", "reach"}) or told["joint"] not in (
        "left_wrist",
        "right_wrist",
    ):
        raise BadScene(f"{where}: hand {told!r}", "{joint: right_wrist, at: [x, y, z]} or, from the body, "
                       "{joint: right_wrist, reach: [left, up, forward]}")  # fmt: skip
    key = "at" if "at" in keys else "reach"
    return (told["joint"], numbers(told[key], 3, f"{where}: hand")), key == "reach"
