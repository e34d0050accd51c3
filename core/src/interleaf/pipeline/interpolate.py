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


class _Unset(Exception):
    """A reference leads to a var that has no value yet."""


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
        """``text`` with its references replaced; OmegaConf reads the syntax and calls back."""
        from omegaconf.errors import GrammarParseError, InterpolationResolutionError
        from omegaconf.grammar_parser import parse
        from omegaconf.grammar_visitor import GrammarVisitor

        try:
            tree: Any = parse(text)
            alone = tree.getChild(0).getChildCount() == 1
            visitor = GrammarVisitor(
                node_interpolation_callback=lambda key, _: self._followed(key, path, alone),
                resolver_interpolation_callback=_refuse_resolver,
                memo=None,
            )
            return visitor.visit(tree)
        except _Unset:
            return UNSET
        except (GrammarParseError, InterpolationResolutionError) as error:
            hint = "a reference looks like ${vars.name}; write \\${ for the text itself"
            raise _Refused("E107", f"'{text}' is not a reference: {error}", hint) from error

    def _followed(self, key: Any, path: str, alone: bool) -> Any:
        """The value that a reference standing at ``path`` leads to."""
        place, data = "", self.data
        for part, inner in _steps(key, path):
            if isinstance(data, str) and "${" in data:
                data = self._text(data, place)
            if data is UNSET:
                raise _Unset
            data, place = self._into(data, part, key), inner
        value = self.value(data, place)
        self._reach(place, path)
        self.nodes += _size(value)
        if self.nodes > MAX_NODES:
            raise _Refused("E107", f"the references expand to more than {MAX_NODES} values")
        if value is UNSET:
            raise _Unset
        if isinstance(value, dict | list) and not alone:
            kind = "mapping" if isinstance(value, dict) else "list"
            raise _Refused("E107", f"'${{{key.raw}}}' is a {kind} and cannot stand inside a text")
        return value

    def _reach(self, place: str, path: str) -> None:
        """Remember that ``path`` holds what the command line set at, inside or around ``place``."""
        known = self.document.given | self.document.reached
        inner = {path + p[len(place) :] for p in known if within(p, (place,))}
        self.document.reached |= inner | ({path} if within(place, known) else set())

    def _into(self, data: Any, part: str, key: Any) -> Any:
        if isinstance(data, dict) and part in data:
            return data[part]
        if isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            return data[int(part)]
        known = self.data.get("vars")
        names = [f"vars.{v}" for v in known] if isinstance(known, dict) else []
        raise _Refused("E107", f"'${{{key.raw}}}' refers to nothing", did_you_mean(key.raw, names))


def _refuse_resolver(name: str, **_: Any) -> Any:
    raise _Refused("E107", f"'${{{name}:…}}' calls a resolver: only references are read")


def _size(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + sum(map(_size, value.values() if isinstance(value, dict) else value))
    return 1 + len(value) // 100 if isinstance(value, str) else 1


def _steps(key: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each part of a reference, and the place it leads to; ``.x`` is a neighbour of ``path``."""
    place = ""
    if key.relative_dots:
        place = path
        for _ in range(key.relative_dots):
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
    parts = (*(m[1] or m[2] for m in _KEY.finditer(place)), *key.parts)
    place = ""
    for part in parts:
        place = f"{place}[{part}]" if part.isdecimal() else f"{place}.{part}" if place else part
        yield part, place
