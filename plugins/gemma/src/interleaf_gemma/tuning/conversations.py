"""Conversations and preferences as people keep them: JSON, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Dataset
from interleaf_gemma.chat import RoleOrder, checked
from interleaf_gemma.tuning.config import ConversationsConfig, PreferencesConfig

EXAMPLES = Path(__file__).with_name("examples")
Turns = list[dict[str, str]]


class Lines(Dataset):
    """A file of JSON objects, one a line, each made into an item."""

    @cached_property
    def rows(self) -> list[Any]:
        """All items; InvalidInput names the line that is none."""
        file = Path(self.config.path)
        if not file.is_file():
            raise InvalidInput(f"there is no {file}", hint="expected JSON objects, one a line")
        lines = [(n, line) for n, line in enumerate(_text(file).splitlines(), 1) if line.strip()]
        if not lines:
            raise InvalidInput(f"{file} is empty", hint="expected JSON objects, one a line")
        return [self._item(_object(line, f"{file}:{n}"), f"{file}:{n}") for n, line in lines]

    def _item(self, row: Mapping[str, Any], place: str) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def fingerprint(self) -> str:
        """Of the items, in order."""
        text = json.dumps(self.rows, ensure_ascii=True, sort_keys=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()


class Conversations(Lines):
    """``{"messages": [{"role", "content"}, …]}`` or ``{"prompt", "response"}`` a line, as lists of turns.

    One to learn from ends with the model's turn; one to be answered (``prompts``) with the user's.
    """

    Config = ConversationsConfig

    def _item(self, row: Mapping[str, Any], place: str) -> Turns:
        turns = row.get("messages", row.get("prompt"))
        if isinstance(turns, str):
            turns = [{"role": "user", "content": turns}]
            if not self.config.prompts:
                turns.append({"role": "model", "content": row.get("response")})
        return _turns(turns, place, last="user" if self.config.prompts else "model")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        learn, ask = str(EXAMPLES / "conversations.jsonl"), str(EXAMPLES / "preferences.jsonl")
        configs = [ConversationsConfig(path=learn), ConversationsConfig(path=ask, prompts=True)]
        return {"configs": configs}


class Preferences(Lines):
    """``{"prompt", "chosen", "rejected"}`` a line; the prompt is a text or a list of turns."""

    Config = PreferencesConfig

    def _item(self, row: Mapping[str, Any], place: str) -> dict[str, Any]:
        turns = row.get("prompt")
        if isinstance(turns, str):
            turns = [{"role": "user", "content": turns}]
        found: dict[str, Any] = {"prompt": _turns(turns, place, last="user")}
        for name in ("chosen", "rejected"):
            if not isinstance(row.get(name), str) or not row[name].strip():
                raise InvalidInput(f"{place} has no text '{name}'")
            found[name] = row[name].strip()
        return found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [PreferencesConfig(path=str(EXAMPLES / "preferences.jsonl"))]}


def _turns(turns: Any, place: str, last: str) -> Turns:
    if isinstance(turns, list) and any(
        isinstance(t, Mapping) and t.get("content") is None for t in turns
    ):
        raise InvalidInput(f"{place} has a turn without content")
    try:
        found = checked(turns, "prepend", reply=last == "user")
    except RoleOrder as error:
        raise InvalidInput(f"{place}: {error.message}", hint=error.hint) from error
    if found[-1][0] != last:
        raise InvalidInput(f"{place} ends with the {found[-1][0]}'s turn, expected the {last}'s")
    return [{"role": role, "content": text} for role, text in found]


def _object(line: str, place: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorruptData(f"{place} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise CorruptData(f"{place} is no JSON object")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptData(f"{file} is no UTF-8 text: byte {error.start}") from error
