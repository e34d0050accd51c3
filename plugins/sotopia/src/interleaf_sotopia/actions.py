"""What an agent may do in a turn, and how it is read from a model's reply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE, SPEAK, NON_VERBAL, ACT, LEAVE = "none", "speak", "non-verbal communication", "action", "leave"
KINDS = (NONE, SPEAK, NON_VERBAL, ACT, LEAVE)
SILENT = frozenset((NONE, LEAVE))
LONGEST = 4000  # characters of an argument


@dataclass(frozen=True, slots=True)
class Action:
    """One action; ``to`` names who alone perceives it, nobody named: everyone."""

    kind: str
    argument: str = ""
    to: tuple[str, ...] = ()


def schema(names: Sequence[str] = (), kinds: Sequence[str] = KINDS) -> dict[str, Any]:
    """JSON schema of an action of these ``kinds``; with ``names``, a private one may be told to these."""
    properties: dict[str, Any] = {
        "action_type": {"type": "string", "enum": list(kinds)},
        "argument": {"type": "string"},
    }
    if names:
        properties["to"] = {"type": "array", "items": {"type": "string", "enum": list(names)}}
    return {
        "type": "object", "properties": properties, "required": ["action_type", "argument"],
        "additionalProperties": False,
    }  # fmt: skip


def read_action(text: str, others: Sequence[str] = (), kinds: Sequence[str] = KINDS) -> Action:
    """The action in a reply; ValueError says what is wrong, in words that a model can act on.

    Code fences, prose around the object and trailing commas are tolerated; two different objects are
    not, for it would be a guess which was meant. The argument stays plain text on one line.
    """
    found = the_object(text)
    extra = set(found) - {"action_type", "argument", "to"}
    if extra:
        raise ValueError(f"unknown key {sorted(extra)[0]!r}: expected action_type and argument")
    kind = found.get("action_type")
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"action_type is {kind!r}: expected one of {', '.join(kinds)}")
    argument = found.get("argument", "")
    if not isinstance(argument, str):
        raise ValueError(f"argument is a {type(argument).__name__}: expected text")
    argument = one_line(argument)[:LONGEST]
    if kind in SILENT:
        return Action(kind)
    if not argument:
        raise ValueError(f"'{kind}' needs an argument: what is said or done")
    return Action(kind, argument, _to(found.get("to") or (), others))


def _to(named: Any, others: Sequence[str]) -> tuple[str, ...]:
    if isinstance(named, str) or not isinstance(named, Sequence):
        raise ValueError("'to' is a list of names")
    for name in named:
        if name not in others:
            raise ValueError(f"'to' names {name!r}: expected {' or '.join(others)}")
    return tuple(dict.fromkeys(named))


def one_line(text: str) -> str:
    """Without line breaks and control characters, so that nothing said can pose as another line."""
    return " ".join("".join(c if c.isprintable() or c == "‍" else " " for c in text).split())


def the_object(text: str) -> Mapping[str, Any]:
    """The one JSON object in a text; ValueError when there is none, or several different ones."""
    if not text.strip():
        raise ValueError("the reply is empty: expected one JSON object")
    found: list[Mapping[str, Any]] = []
    for candidate in objects(text):
        if candidate not in found:
            found.append(candidate)
    if not found:
        raise ValueError("the reply holds no JSON object")
    if len(found) > 1:
        raise ValueError(f"the reply holds {len(found)} JSON objects: expected one")
    return found[0]


def objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in a text, outermost only; NaN and infinities are no JSON."""
    decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_once)
    place = text.find("{")
    while place >= 0:
        for source in (text[place:], _without_trailing_commas(text[place:])):
            try:
                value, length = decoder.raw_decode(source)
            except (ValueError, RecursionError):
                continue
            yield value
            # lengths differ by the commas taken out: look on behind as many closing braces
            place += length if source == text[place:] else _behind(text[place:], source[:length])
            break
        else:
            place += 1
        place = text.find("{", place)


def _without_trailing_commas(text: str) -> str:
    """Commas before a closing bracket taken out, strings left alone."""
    return re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda m: m[1] or "", text)


def _behind(text: str, found: str) -> int:
    braces = found.count("}")
    place = 0
    for _ in range(braces):
        place = text.index("}", place) + 1
    return place


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found
