"""A positioned document: plain data, where each piece of it stands, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from interleaf.errors import Problem, ProblemsFound

COMMAND_LINE = "<command line>"


class _Unset:
    """The one value that stands for "not known yet"."""

    def __repr__(self) -> str:
        return "???"

    def __deepcopy__(self, memo: Any) -> _Unset:
        return self


# Stands for a value that is not known: an unset ``???`` var, a failed interpolation, a refused tag.
UNSET: Any = _Unset()


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a key and its value stand; lines and columns count from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(slots=True)
class Document:
    """A parsed pipeline file; ``file`` is how messages name it, its paths start at ``folder``."""

    file: str
    folder: Path
    data: Any = None
    marks: dict[str, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    given: set[str] = field(default_factory=set)  # places set on the command line
    reached: set[str] = field(default_factory=set)  # places that refer to those
    torn: set[str] = field(default_factory=set)  # mappings with a key that was refused
    interpolated: bool = False

    def problem(
        self, code: str, path: str, message: str, hint: str = "", *, key: bool = False
    ) -> None:
        """Note what is wrong at ``path``: at its value, or at its key when ``key``."""
        self.problems.append(self.locate(Problem(code, message, path, hint=hint), key=key))

    def locate(self, problem: Problem, *, key: bool = False) -> Problem:
        """The same problem with its place; what is missing stands at the nearest enclosing one."""
        if self.is_given(problem.path):
            return replace(problem, file=COMMAND_LINE)
        line, col = self._place(problem.path, key)
        return replace(problem, file=self.file, line=line, col=col)

    def is_given(self, path: str) -> bool:
        """Whether ``path`` or what encloses it was set on the command line."""
        return within(path, self.given)

    def is_wrong(self, path: str) -> bool:
        """Whether a problem is noted at ``path`` or inside it."""
        return any(within(p.path, (path,)) for p in self.problems)

    def _place(self, path: str, key: bool) -> tuple[int, int]:
        mark = self.marks.get(path)
        if mark:
            return mark.key if key else mark.value
        while path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
            if path and path in self.marks:
                return self.marks[path].key
        return (0, 0)

    def check(self) -> None:
        """Raise ProblemsFound when anything was noted, in order of place."""
        if self.problems:
            found = dict.fromkeys(self.problems)
            raise ProblemsFound(sorted(found, key=lambda p: (p.line, p.col, p.code)))


def within(path: str, places: Iterable[str]) -> bool:
    """Whether ``path`` is one of ``places`` or lies inside one."""
    return any(path == p or path.startswith((f"{p}.", f"{p}[")) for p in places)
