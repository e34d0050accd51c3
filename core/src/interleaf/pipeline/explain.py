"""Why a step runs again: which field of its key changed since the last run of this pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import StoreError
from interleaf.pipeline.components import digest_of
from interleaf.pipeline.files import write_atomic
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.keys import Keys, Payload


class History:
    """The last two different keys of every step, by pipeline name, in the store."""

    def __init__(self, root: Path, pipeline: str) -> None:
        self.root, self.pipeline = root / "history", pipeline

    def _file(self, label: str) -> Path:
        return self.root / f"{digest_of([self.pipeline, label])}.json"

    def read(self, label: str) -> list[dict[str, Any]]:
        """``[{"key", "payload"}, …]``, the latest first; empty when unknown or unreadable."""
        try:
            found = json.loads(self._file(label).read_bytes())
        except (OSError, ValueError):
            return []
        return found if isinstance(found, list) else []

    def write(self, label: str, key: str, payload: Payload) -> None:
        """Note the key a step has now; the one before it stays known."""
        known = self.read(label)
        if not known or known[0]["key"] != key:
            entries = [{"key": key, "payload": payload}, *known[:1]]
            text = json.dumps(entries, separators=(",", ":"), allow_nan=False)
            # lost in a power cut, it costs an explanation and nothing else
            write_atomic(self._file(label), text.encode(), durable=False)


class NoHistory(History):
    """For stores that end with the process."""

    def read(self, label: str) -> list[dict[str, Any]]:
        """Nothing is known."""
        return []

    def write(self, label: str, key: str, payload: Payload) -> None:
        """Nothing is kept."""


def last_key(history: History, label: str) -> str:
    """The key a step had when it last ran; StoreError when it never did."""
    known = history.read(label)
    if not known:
        raise StoreError(
            f"E503 --keep {label}: this step has no earlier result", hint="run once without --keep"
        )
    return str(known[0]["key"])


def changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Triples of path, old and new value wherever two payloads differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            yield from changes(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from changes(a, b, f"{path}[{index}]")
    elif old != new:
        yield path, old, new


def why(history: History, instance: Instance, keys: Keys) -> list[str]:
    """Sentences that name what changed; an input that changed is followed to its own cause."""
    known = history.read(instance.label)
    key = keys.key(instance)
    if not known:
        return [f"{instance.label}: first run"]
    previous = next((k for k in known if k["key"] != key), None)
    if previous is None:
        return [f"{instance.label}: unchanged"]
    when = "" if known[0]["key"] != key else " (before the last run)"
    return list(dict.fromkeys(_sentences(history, instance, keys, previous["payload"], when)))


def _sentences(
    history: History, instance: Instance, keys: Keys, old: Payload, when: str
) -> Iterator[str]:
    upstream = {keys.key(s.instance): s.instance for s in instance.upstream}
    for path, before, after in changes(old, keys.payloads[instance.label]):
        source = upstream.get(after) if isinstance(after, str) else None
        if source is None:
            yield f"{instance.label}: {path} changed from {_shown(before)} to {_shown(after)}{when}"
        else:
            yield f"{instance.label}: its input {source.label} changed{when}"
            yield from (f"  {sentence}" for sentence in why(history, source, keys))


def cause(history: History, instance: Instance, keys: Keys) -> str:
    """The same in a few words, for the manifest."""
    known = history.read(instance.label)
    if not known:
        return "first run"
    paths = [path for path, _, _ in changes(known[0]["payload"], keys.payloads[instance.label])]
    if not paths:
        return "its result is no longer in the store"
    return ", ".join(paths[:3]) + (" and more" if len(paths) > 3 else "") + " changed"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"content"}:
        return f"content {value['content'][:8]}…"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
