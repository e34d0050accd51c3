"""``${…}`` references between places of one document, resolved in place.

The syntax is OmegaConf's: ``${vars.name}``, ``${steps.a.with.sizes[0]}``, relative ``${.name}``,
nested ``${vars.${vars.which}}``, ``\\${`` for the text itself. Resolvers (``${name:…}``) would run
code and are refused. A reference to a var that is still ``???`` leaves
:data:`~interleaf.pipeline.params.UNSET`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from interleaf.errors import did_you_mean
from interleaf.pipeline.document import MAX_NODES, Document, within
from interleaf.pipeline.params import UNSET

# An innermost reference: nothing inside it refers any further.
_REFERENCE = re.compile(r"(?<!\\)\$\{([^${}]*)\}")
_KEY = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([^.\[\]]+)\]")


def resolve(document: Document) -> list[str]:
    """Replace every ``${…}`` in ``document.data``; E107 unknown reference, E108 cycle.

    Returns the paths of the vars that are still ``???``, which become UNSET.
    """
    unset: list[str] = []
    if isinstance(document.data, dict):
        if isinstance(document.data.get("vars"), dict):
            document.data["vars"] = _emptied(document.data["vars"], "vars", unset)
        if document.interpolated:
            document.data = _Resolver(document).value(document.data, "")
    return unset


def _emptied(data: Any, path: str, unset: list[str]) -> Any:
    """Vars with UNSET instead of ``???``, whose paths go to ``unset``."""
    if isinstance(data, dict):
        return {k: _emptied(v, f"{path}.{k}", unset) for k, v in data.items()}
    if isinstance(data, str) and data == "???":
        unset.append(path)
        return UNSET
    return data


class _Refused(Exception):
    """A reference that cannot be followed: code and message."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class _Resolver:
    """Resolves texts on demand; each is resolved once, and told about once when it is wrong."""

    def __init__(self, document: Document) -> None:
        self.document, self.data, self.marks = document, document.data, document.marks
        self.done: dict[str, Any] = {}
        self.nodes = 0
        self.open: list[str] = []  # the texts being resolved, outermost first

    def value(self, data: Any, path: str) -> Any:
        """``data``, which stands at ``path``, with every reference in it replaced."""
        if isinstance(data, dict):
            return {k: self.value(v, f"{path}.{k}" if path else k) for k, v in data.items()}
        if isinstance(data, list):
            return [self.value(v, f"{path}[{i}]") for i, v in enumerate(data)]
        return self._text(data, path) if isinstance(data, str) and "${" in data else data

    def _text(self, text: str, path: str) -> Any:
        if path in self.open:
            self._circle(path)
        elif path not in self.done:
            self.open.append(path)
            try:
                value = self._expanded(text, path)
            except _Refused as error:
                self.document.problem(error.code, path, error.message, error.hint)
                value = UNSET
            except RecursionError:
                self.document.problem("E107", path, "references follow each other too far")
                value = UNSET
            self.open.pop()
            self.done.setdefault(path, value)
        return self.done[path]

    def _circle(self, path: str) -> None:
        """E108 once, at the place of the circle that comes first in the document."""
        circle = self.open[self.open.index(path) :]
        if not any(p in self.done for p in circle):
            first = min(circle, key=self._position)
            shown = " → ".join([*circle, path])
            self.document.problem("E108", first, f"it refers to itself in a circle: {shown}")
        self.done.update(dict.fromkeys(circle, UNSET))

    def _position(self, path: str) -> tuple[int, int]:
        return self.marks[path].key if path in self.marks else (0, 0)

    def _expanded(self, text: str, path: str) -> Any:
        """``text`` with its references replaced from the inside out."""
        while match := _REFERENCE.search(text):
            value = self._followed(match[1].strip(), path)
            if value is UNSET or match[0] == text:
                return value
            if isinstance(value, dict | list):
                kind = "mapping" if isinstance(value, dict) else "list"
                raise _Refused("E107", f"'{match[0]}' is a {kind} and cannot stand inside a text")
            text = text[: match.start()] + str(value).replace("${", r"\${") + text[match.end() :]
        if re.search(r"(?<!\\)\$\{", text):
            raise _Refused("E107", f"'{text}' opens a reference and does not close it")
        return text.replace(r"\${", "${")

    def _followed(self, reference: str, path: str) -> Any:
        if ":" in reference:
            raise _Refused("E107", f"'${{{reference}}}' calls a resolver: only references are read")
        target = _absolute(reference, path)
        place, data = "", self.data
        for key, inner in _steps(target):
            if isinstance(data, str) and "${" in data:
                data = self._text(data, place)
            if data is UNSET:
                return UNSET
            data, place = self._into(data, key, reference), inner
        value = self.value(data, place)
        self._reach(place, path)
        self.nodes += _size(value)
        if self.nodes > MAX_NODES:
            raise _Refused("E107", f"the references expand to more than {MAX_NODES} values")
        return value

    def _reach(self, place: str, path: str) -> None:
        """Remember that ``path`` holds what the command line set at, inside or around ``place``."""
        known = self.document.given | self.document.reached
        inner = {path + p[len(place) :] for p in known if within(p, (place,))}
        self.document.reached |= inner | ({path} if within(place, known) else set())

    def _into(self, data: Any, key: str, reference: str) -> Any:
        if isinstance(data, dict) and key in data:
            return data[key]
        if isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            return data[int(key)]
        known = self.data.get("vars")
        names = [f"vars.{v}" for v in known] if isinstance(known, dict) else []
        hint = did_you_mean(reference, names)
        raise _Refused("E107", f"'${{{reference}}}' refers to nothing", hint)


def _size(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + sum(map(_size, value.values() if isinstance(value, dict) else value))
    return 1 + len(value) // 100 if isinstance(value, str) else 1


def _absolute(reference: str, path: str) -> str:
    """A reference from the root; ``.x`` is a neighbour of ``path``, ``..x`` stands one level up."""
    dots = len(reference) - len(reference.lstrip("."))
    if not dots:
        return reference
    for _ in range(dots):
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    rest = reference[dots:]
    return f"{path}.{rest}" if path else rest


def _steps(target: str) -> Iterator[tuple[str, str]]:
    """Each key of a reference, and the place it leads to; E107 for what is no reference."""
    place, end = "", 0
    for match in _KEY.finditer(target):
        if match.start() != end:
            break
        end, key = match.end(), match[1] or match[2]
        indexed = match[2] is not None and key.isdecimal()
        place = f"{place}[{key}]" if indexed else f"{place}.{key}" if place else key
        yield key, place
    if end != len(target) or not target:
        raise _Refused("E107", f"'${{{target}}}' is not a reference: expected ${{vars.name}}")
