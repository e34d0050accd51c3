"""Episodes in and out: JSONL and Parquet of ours, and upstream's ``EpisodeLog``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.pipeline.files import write_atomic
from interleaf_sotopia.actions import ACT, LEAVE, NON_VERBAL, NONE, SPEAK, Action, one_line
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.reading import read_all, rows
from interleaf_sotopia.records import DONE, Episode, digest, episode_of, episode_row
from interleaf_sotopia.scores import OVERALL, SOTOPIA
from interleaf_sotopia.world import Character, Scenario, Task

NESTED = ("task", "models", "turns", "tokens", "notes", "points")


def write_episodes(file: Path, episodes: Iterable[Episode]) -> int:
    """All episodes into ``.jsonl`` or ``.parquet``, whole or not at all; gives how many."""
    found = [episode_row(e) for e in episodes]
    if file.suffix == ".parquet":
        _write_parquet(file, found)
    else:
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in found)
        write_atomic(file, text.encode())
    return len(found)


def _write_parquet(file: Path, found: list[dict[str, Any]]) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise PluginMissing(
            "Parquet needs pyarrow", hint="pip install 'interleaf-sotopia[parquet]'"
        ) from None
    plain = [{k: json.dumps(v) if k in NESTED else v for k, v in r.items()} for r in found]
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(plain), sink)
    write_atomic(file, sink.getvalue().to_pybytes())


def read_episodes(file: Path) -> list[Episode]:
    """Episodes of a file of ours; InvalidInput tells the line of each bad one."""
    return read_all(file, lambda row: episode_of(_unnested(row)))


def _unnested(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: json.loads(v) if k in NESTED and isinstance(v, str) else v for k, v in row.items()}


def is_log(row: Mapping[str, Any]) -> bool:
    """Whether a record is one of upstream's ``EpisodeLog``."""
    return "messages" in row and "environment" in row and "agents" in row


def read_logs(
    file: Path, scenarios: Mapping[str, Scenario], people: Mapping[str, Character]
) -> tuple[list[Episode], list[dict[str, Any]]]:
    """Upstream's ``EpisodeLog`` records (JSON, or one a line): episodes and their ratings.

    ``rewards`` are ``(overall, {dimension: score})`` for each agent; upstream writes the number 0.0 where
    rating failed: such an episode has no rating here, and one with status judge_failed in the store.
    """
    episodes, ratings = [], []
    for place, row in rows(file):
        try:
            e = _episode(row, scenarios, people)
            ratings.append(_rating(e, row))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            said = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
            raise InvalidInput(
                f"{place}: {said}", hint="expected an EpisodeLog of sotopia"
            ) from None
        episodes.append(e)
    return episodes, ratings


def _episode(
    row: Mapping[str, Any], scenarios: Mapping[str, Scenario], people: Mapping[str, Character]
) -> Episode:
    for kind, name, known in [
        ("scenario", row["environment"], scenarios),
        *(("character", a, people) for a in row["agents"]),
    ]:
        if name not in known:
            raise ValueError(f"no {kind} has the id {name}")
    who = tuple(people[a] for a in row["agents"])
    scene = scenarios[row["environment"]]
    task = Task(id=digest([scene.id, list(row["agents"])]), scenario=scene, characters=who)
    models = [str(m) for m in row.get("models") or []]
    players = tuple(models[-len(who) :]) if len(models) >= len(who) else ("unknown",) * len(who)
    turns = [
        _turn(n, m, task.names)
        for n, step in enumerate(row["messages"])
        for m in step
        if m[0] in task.names
    ]
    return Episode(
        id=digest([dict(row)]), task=task, models=players, turns=tuple(turns), status=DONE, reason="imported",
    )  # fmt: skip


def _turn(number: int, message: Sequence[str], names: Sequence[str]) -> Turn:
    """One of upstream's messages; agents are named exactly, for one name may begin another."""
    sender, _, text = message
    return Turn(number, names.index(sender), _told(text))


def _told(text: str) -> Action:
    """Upstream's natural language back into an action."""
    said = re.fullmatch(r'said: "(.*)"', text.strip(), re.DOTALL)
    if said:
        return Action(SPEAK, one_line(said[1]))
    for prefix, kind in (("[non-verbal communication]", NON_VERBAL), ("[action]", ACT)):
        if text.startswith(prefix):
            return Action(kind, one_line(text[len(prefix) :]))
    if text.startswith("left the conversation"):
        return Action(LEAVE)
    return Action(NONE) if text.startswith("did nothing") else Action(SPEAK, one_line(text))


def _rating(e: Episode, row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "episode": e.id,
        "judge": "imported",
        "sample": 0,
        "swapped": 0,
        "status": "judge_failed",
        "scores": [],
        "reasons": [],
        "raw": "",
        "error": "upstream stored no rating",
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }
    names = [d.name for d in SOTOPIA]
    rewards = row.get("rewards") or []
    if len(rewards) != len(e.models) or not all(isinstance(r, list | tuple) for r in rewards):
        return found
    scores = []
    for _, dims in rewards:
        plain = {k: v for k, v in dims.items() if k not in (OVERALL, "overall_score")}
        plain = {
            "financial": plain.pop("financial_and_material_benefits", plain.pop("financial", None)),
            **plain,
        }
        if set(plain) != set(names) or not all(isinstance(v, int | float) for v in plain.values()):
            return {
                **found,
                "error": f"upstream's rating has the dimensions {', '.join(sorted(plain))}",
            }
        scores.append({n: float(plain[n]) for n in names})
    return {
        **found,
        "status": "done",
        "error": "",
        "scores": scores,
        "reasons": [{} for _ in scores],
    }
