"""Episodes as values, and the plain records of everything that is stored or exported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any

from interleaf_sotopia.actions import Action
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.reading import character, scenario
from interleaf_sotopia.world import Character, Scenario, Task

PLANNED, DONE, FAILED, OVER_BUDGET = "planned", "done", "failed", "over_budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A conversation: who played, with which models, what happened, and how it ended.

    ``status``: planned (not finished yet), done, failed, over_budget; ``reason`` says why.
    ``points``: what a verifiable game gave each agent, if it was one. ``tokens``: prompt and
    completion tokens in all; ``notes`` counts what went wrong in single turns.
    """

    id: str
    task: Task
    models: tuple[str, ...]
    turns: tuple[Turn, ...] = ()
    status: str = DONE
    reason: str = ""
    seed: int = 0
    repetition: int = 0
    tokens: tuple[int, int] = (0, 0)
    notes: Mapping[str, int] = field(default_factory=dict)
    points: tuple[float, ...] = ()


def digest(value: Any) -> str:
    """128 bits of BLAKE2b over canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def transcript_digest(episodes: Sequence[Episode]) -> str:
    """A digest of what happened, in whatever order the episodes come."""
    return digest(
        sorted([e.id, e.status, e.reason, [_plain(t) for t in e.turns]] for e in episodes)
    )


def _plain(turn: Turn) -> list[Any]:
    a = turn.action
    return [turn.number, turn.agent, a.kind, a.argument, list(a.to)]


def scenario_row(s: Scenario) -> dict[str, Any]:
    """A scenario as SOTOPIA writes it."""
    return {
        "env_id": s.id, "codename": s.codename, "source": s.source, "scenario": s.scenario,
        "agent_goals": list(s.goals), "relationship": s.relationship, "hard": s.hard,
        "age_constraint": str([tuple(a) for a in s.ages]) if s.ages else "none",
    }  # fmt: skip


def character_row(c: Character) -> dict[str, Any]:
    """A character as SOTOPIA writes it."""
    row = asdict(c)
    row["agent_id"], row["gender_pronoun"] = row.pop("id"), row.pop("pronoun")
    return row


def task_row(t: Task) -> dict[str, Any]:
    """A task with all that belongs to it."""
    return {
        "combo_id": t.id, "scenario": scenario_row(t.scenario), "background": t.background,
        "characters": [character_row(c) for c in t.characters],
    }  # fmt: skip


def task_of(row: Mapping[str, Any]) -> Task:
    """The inverse of ``task_row``; ValueError or KeyError for what is none."""
    return Task(
        id=str(row["combo_id"]), scenario=scenario(row["scenario"]), background=row.get("background", ""),
        characters=tuple(character(c) for c in row["characters"]),
    )  # fmt: skip


def episode_row(e: Episode) -> dict[str, Any]:
    """An episode as one JSON object: ours, complete."""
    return {
        "episode_id": e.id, "task": task_row(e.task), "models": list(e.models), "status": e.status,
        "reason": e.reason, "seed": e.seed, "repetition": e.repetition, "tokens": list(e.tokens),
        "notes": dict(e.notes), "points": list(e.points),
        "turns": [
            {"number": t.number, "agent": t.agent, "action_type": t.action.kind,
             "argument": t.action.argument, "to": list(t.action.to)}
            for t in e.turns
        ],
    }  # fmt: skip


def episode_of(row: Mapping[str, Any]) -> Episode:
    """The inverse of ``episode_row``."""
    prompt, completion = row.get("tokens") or (0, 0)
    return Episode(
        id=str(row["episode_id"]), task=task_of(row["task"]), models=tuple(row["models"]),
        turns=tuple(_turn(t) for t in row["turns"]), status=row.get("status", DONE),
        reason=row.get("reason", ""), seed=int(row.get("seed", 0)),
        repetition=int(row.get("repetition", 0)), tokens=(int(prompt), int(completion)),
        notes=row.get("notes") or {}, points=tuple(float(p) for p in row.get("points") or ()),
    )  # fmt: skip


def _turn(row: Mapping[str, Any]) -> Turn:
    action = Action(str(row["action_type"]), str(row["argument"]), tuple(row.get("to") or ()))
    return Turn(int(row["number"]), int(row["agent"]), action)
