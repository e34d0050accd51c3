"""Files of scenarios, characters, pairs and dialogues, read with the line of each bad record."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from interleaf.errors import InvalidInput, PluginMissing
from interleaf_sotopia.world import Character, Scenario, Task

T = TypeVar("T")
EMPTY = frozenset(("", "nan", "none", "null", "[]"))
MOST_TOLD = 5


def rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Place (``file:line``) and record of a .jsonl, .json (a list), .csv or .parquet file."""
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}", hint="expected .jsonl, .csv or .parquet")
    if file.suffix == ".parquet":
        yield from _parquet(file)
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidInput(f"{file} is not UTF-8 text: {error}", hint="save it as UTF-8") from None
    if file.suffix == ".csv":
        yield from (
            (f"{file}:{n}", row) for n, row in enumerate(csv.DictReader(text.splitlines()), 2)
        )
    elif file.suffix == ".json":
        yield from _json(file, text)
    else:
        for n, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"{file}:{n}", _object(line, f"{file}:{n}")


def _object(text: str, place: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{place} is no JSON: {error}", hint="one JSON object a line") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{place} holds a {type(found).__name__}", hint="one JSON object a line")
    return found


def _json(file: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is no JSON: {error}") from None
    for n, row in enumerate(found if isinstance(found, list) else [found]):
        if not isinstance(row, dict):
            raise InvalidInput(f"{file}[{n}] holds a {type(row).__name__}, expected an object")
        yield f"{file}[{n}]", row


def _parquet(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise PluginMissing(
            f"{file} needs pyarrow", hint="pip install 'interleaf-sotopia[parquet]'"
        ) from None
    try:
        table = parquet.read_table(file)
    except (ArrowException, OSError) as error:
        raise InvalidInput(f"{file} is no Parquet file: {error}") from None
    for n, row in enumerate(table.to_pylist()):
        yield f"{file}, row {n}", row


def read_all(file: Path, make: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Every record made into a T; one InvalidInput tells all bad ones, each with its line."""
    found: list[T] = []
    wrong: list[str] = []
    for place, row in rows(file):
        try:
            found.append(make(row))
        except (ValueError, TypeError, KeyError) as error:
            said = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
            wrong.append(f"{place}: {said}")
    if wrong:
        more = f"\n… and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise InvalidInput(
            "\n".join(wrong[:MOST_TOLD]) + more, hint="correct or remove these records"
        )
    if not found:
        raise InvalidInput(f"{file} holds no records", hint="one JSON object a line")
    return found


def scenario(row: Mapping[str, Any]) -> Scenario:
    """One record of SOTOPIA's environments (``env_id`` or ``pk``)."""
    goals = _list(row["agent_goals"])
    relationship = row.get("relationship", 0)
    if isinstance(relationship, str) and relationship.strip().isdigit():
        relationship = int(relationship)
    if isinstance(relationship, bool) or not isinstance(relationship, int):
        raise ValueError(f"relationship is {relationship!r}: expected 0 to 5")
    return Scenario(
        id=_id(row, "env_id"), scenario=_text(row, "scenario"), goals=tuple(map(str, goals)),
        codename=_text(row, "codename", ""), source=_text(row, "source", ""), relationship=relationship,
        hard=str(row.get("hard", "")).lower() in ("true", "1"), ages=_ages(row.get("age_constraint")),
    )  # fmt: skip


def character(row: Mapping[str, Any]) -> Character:
    """One record of SOTOPIA's agents (``agent_id`` or ``pk``)."""
    names = ("last_name", "occupation", "gender", "public_info", "big_five", "personality_and_values",
             "decision_making_style", "secret", "mbti")  # fmt: skip
    return Character(
        id=_id(row, "agent_id"), first_name=_text(row, "first_name"),
        age=int(row.get("age") or 0), pronoun=_text(row, "gender_pronoun", ""),
        moral_values=tuple(str(v).strip() for v in _list(row.get("moral_values"))),
        schwartz_personal_values=tuple(str(v).strip() for v in _list(row.get("schwartz_personal_values"))),
        **{n: _text(row, n, "") for n in names},
    )  # fmt: skip


def _id(row: Mapping[str, Any], name: str) -> str:
    found = row.get(name) or row.get("pk")
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"'{name}' is missing")
    return found


def _text(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    found = row.get(name, default)
    if found is None and default is not None:
        return default
    if not isinstance(found, str) or (default is None and not found.strip()):
        raise ValueError(
            f"'{name}' is {'missing' if name not in row else repr(found)}: expected text"
        )
    return found


def _list(value: Any) -> list[Any]:
    """A list, also one written as text: ``[actor, actor]``, ``["a", "b"]``, ``nan``."""
    if value is None or (isinstance(value, str) and value.strip().lower() in EMPTY):
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [part.strip(" '\"") for part in value.strip("[] ").split(",")]
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is no list")
    return list(value)


def _ages(text: Any) -> tuple[tuple[int, int], ...]:
    if text is None or str(text).strip().lower() in EMPTY:
        return ()
    found = re.findall(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)", str(text))
    if not found:
        raise ValueError(f"age_constraint is {text!r}: expected [(18, 70), (18, 70)], nan or none")
    return tuple((int(a), int(b)) for a, b in found)


def beside(scenarios: Path, name: str) -> Path | None:
    """``name.jsonl`` beside the scenarios, if it is there."""
    file = scenarios.with_name(f"{name}.jsonl")
    return file if file.is_file() else None


def read_tasks(
    scenarios: Path, characters: Path, combos: Path | None = None, relationships: Path | None = None,
    notice: Callable[[str], None] = lambda text: None,
) -> list[Task]:  # fmt: skip
    """Tasks from SOTOPIA's files.

    A combo whose pair has a relationship profile of another type than the scenario is kept, counted
    and told. Without combos, each scenario is played by the first pair of characters whose
    relationship profile and ages fit it.
    """
    known = {s.id: s for s in read_all(scenarios, scenario)}
    people = {c.id: c for c in read_all(characters, character)}
    pairs = _relationships(relationships) if relationships else {}
    if combos is None:
        return _paired(known.values(), people, pairs)
    tasks: list[Task] = []

    def add(row: Mapping[str, Any]) -> None:
        ids = _list(row["agent_ids"])
        if row["env_id"] not in known:
            return  # a file of some of the scenarios beside the combos of all
        missing = [i for i in ids if i not in people]
        if missing:
            raise ValueError(f"no character has the id {missing[0]}")
        told = pairs.get(frozenset(ids), [])
        s = known[row["env_id"]]
        fitting = [story for kind, story in told if kind == s.relationship]
        tasks.append(Task(
            id=_id(row, "combo_id"), scenario=s, characters=tuple(people[i] for i in ids),
            background=fitting[0] if fitting else "",
        ))  # fmt: skip
        if told and not fitting:
            other.append(row["combo_id"])

    other: list[str] = []
    read_all(combos, add)
    if not tasks:
        raise InvalidInput(f"{combos} pairs none of the scenarios of {scenarios}")
    if other:
        notice(
            f"{len(other)} of {len(tasks)} pairs have a relationship profile of another type than "
            f"their scenario"
        )
    return tasks


def _relationships(file: Path) -> dict[frozenset[str], list[tuple[int, str]]]:
    found: dict[frozenset[str], list[tuple[int, str]]] = {}

    def add(row: Mapping[str, Any]) -> None:
        pair = frozenset((row["agent1_id"], row["agent2_id"]))
        found.setdefault(pair, []).append(
            (int(row["relationship"]), _text(row, "background_story", ""))
        )

    read_all(file, add)
    return found


def _paired(
    scenarios: Any, people: Mapping[str, Character],
    pairs: Mapping[frozenset[str], Sequence[tuple[int, str]]],
) -> list[Task]:  # fmt: skip
    tasks = []
    for s in scenarios:
        for pair, told in pairs.items():
            fitting = [story for kind, story in told if kind == s.relationship]
            chosen = [people[i] for i in sorted(pair) if i in people]
            if fitting and len(chosen) == 2 and _old_enough(s, chosen):
                tasks.append(Task(id=f"{s.id}-{chosen[0].id}-{chosen[1].id}", scenario=s,
                                  characters=tuple(chosen), background=fitting[0]))  # fmt: skip
                break
        else:
            raise InvalidInput(
                f"no pair of characters fits scenario {s.id}",
                hint="name a file of combos: {combo_id, env_id, agent_ids}",
            )
    return tasks


def _old_enough(s: Scenario, chosen: Sequence[Character]) -> bool:
    return all(low <= c.age <= high for (low, high), c in zip(s.ages, chosen, strict=False))
