"""Steps and outputs as they are written, before any of it is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RawStep:
    """A step as written: ``needs`` maps ports to lists of ``step`` or ``step.port``.

    ``written`` are the keys it has, misspelt ones counted as what they come near to; ``unclear``
    those keys whose content could not be read, so that nothing is missing from them.
    """

    name: str
    use: str = ""
    of: str = ""
    with_: dict[str, Any] = field(default_factory=dict)
    call: str | None = None
    needs: dict[str, list[str]] = field(default_factory=dict)
    each: dict[str, list[Any]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)

    @property
    def path(self) -> str:
        """``steps.name``."""
        return f"steps.{self.name}"


@dataclass(frozen=True, slots=True)
class RawOutput:
    """An output as written."""

    name: str
    source: str
    gate: str = ""


@dataclass(slots=True)
class Shape:
    """A document's sections, typed; broken parts are left out and noted in the document.

    ``unread`` are the steps that could not be read; None when the section itself could not.
    """

    name: str
    seed: int
    steps: dict[str, RawStep]
    outputs: dict[str, RawOutput]
    unread: frozenset[str] | None = frozenset()

    def is_unread(self, step: str) -> bool:
        """Whether a step may be there and its problems are noted already."""
        return self.unread is None or step in self.unread
