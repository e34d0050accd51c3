"""Every error Interleaf raises: a code, a place, what was found and expected, and what to do next.

Codes are listed in ``spec/errors.md``. An error that a user can mend carries one or more
:class:`Problem` records; everything else is a bug and travels as an ordinary exception.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Exit codes of every command (spec/errors.md).
OK, FAILED, USAGE, INVALID, MISSING, CHECK_FAILED, BLOCKED, REVIEW, INTERRUPTED = (*range(8), 130)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    ``path`` is the YAML path (``steps.a.with.n``); ``line`` and ``col`` count from 1, and 0 means
    "the document as a whole". ``hint`` says what to do next.
    """

    code: str
    message: str
    path: str = ""
    file: str = ""
    line: int = 0
    col: int = 0
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.col} " if self.file else ""
        where = f" [{self.path}]" if self.path else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{place}{self.code} {self.message}{where}{hint}"


class InterleafError(Exception):
    """Base of all errors meant for a user's eyes; ``exit_code`` is what a command returns."""

    exit_code = FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return f"{self.message}\n    {self.hint}" if self.hint else self.message


class ProblemsFound(InterleafError):
    """One or more :class:`Problem` s, all that could be found, in document order."""

    exit_code = INVALID

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))
        if self.problems and all(p.code in MISSING_CODES for p in self.problems):
            self.exit_code = MISSING


class InvalidInput(InterleafError):
    """What we were given to read is not what we can read: says what, where, expected, what to do."""

    exit_code = INVALID


class CorruptData(InvalidInput):
    """Stored or encoded data is truncated, altered or foreign."""


class WeightsMissing(InterleafError):
    """A weights file is not on this machine: names the file, its sha256 and where to put it."""

    exit_code = MISSING


class PluginMissing(InterleafError):
    """A plugin or an optional dependency of one is not installed: says the install line."""

    exit_code = MISSING


class StepFailed(InterleafError):
    """A step raised: names the step; the cause decides the exit code."""

    def __init__(self, step: str, cause: BaseException) -> None:
        ours = isinstance(cause, InterleafError)
        said = str(cause) if ours else f"{type(cause).__name__}: {cause}"
        super().__init__(f"step '{step}' failed: {said}")
        self.step = step
        self.exit_code = cause.exit_code if isinstance(cause, InterleafError) else FAILED


class StoreError(InterleafError):
    """The store cannot be used: locked, full, not writable, or altered (E5xx)."""


class OutputBlocked(InterleafError):
    """A gate withheld an output; ``exit_code`` is 6 for fail, 7 for review or insufficient."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# Problems that installing something would solve: exit code 4 when there are no others.
MISSING_CODES = frozenset({"E201", "E202", "E203", "E204", "E205", "E206"})


def closest(name: str, known: Iterable[str]) -> str:
    """The known name nearest to ``name``, or ``""`` when none is near."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the closest known one, else the whole list."""
    known = sorted(known)
    near = closest(name, known)
    if near:
        return f"did you mean '{near}'?"
    return f"known: {', '.join(known)}" if known else ""
