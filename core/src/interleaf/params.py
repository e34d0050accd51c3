"""What a Config field may say beyond its type: ranges, files to read, secrets.

@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    points: Annotated[int, Ge(1)] = 1000
    image: InFile
    lr: Schedule | None = None      # a port, filled inline or from a step
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any

from interleaf.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on a number; ``holds`` decides, ``str`` tells."""

    limit: float
    symbol = ""

    def holds(self, value: float) -> bool:
        """Whether ``value`` is within the limit."""
        raise NotImplementedError

    def __str__(self) -> str:
        return f"{self.symbol} {self.limit:g}"


class Ge(Bound):
    """At least the limit."""

    symbol = ">="

    def holds(self, value: float) -> bool:
        """``value >= limit``."""
        return value >= self.limit


class Gt(Bound):
    """More than the limit."""

    symbol = ">"

    def holds(self, value: float) -> bool:
        """``value > limit``."""
        return value > self.limit


class Le(Bound):
    """At most the limit."""

    symbol = "<="

    def holds(self, value: float) -> bool:
        """``value <= limit``."""
        return value <= self.limit


class Lt(Bound):
    """Less than the limit."""

    symbol = "<"

    def holds(self, value: float) -> bool:
        """``value < limit``."""
        return value < self.limit


@dataclass(frozen=True, slots=True)
class Role:
    """Marks a string that means more than itself: ``infile`` or ``secret``."""

    name: str


# A path to a file or folder that is read. It enters a step's key by content, not by name.
InFile = Annotated[str, Role("infile")]

# The name of an environment variable. Its value enters no key, manifest, log or error.
Secret = Annotated[str, Role("secret")]


def reveal(name: str) -> str:
    """The value of a Secret; raises InvalidInput naming the variable when it is not set."""
    if name not in os.environ:
        raise InvalidInput(f"the environment variable {name} is not set", hint=f"export {name}=…")
    return os.environ[name]


def role_of(annotation: Any) -> str:
    """``infile``, ``secret`` or ``""`` for a field's annotation."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, Role):
            return extra.name
    return ""
