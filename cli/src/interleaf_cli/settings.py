"""What every command shares: the options given before its name, and ``k=v`` settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from interleaf.errors import USAGE, InterleafError

LEVELS = ("error", "warning", "info", "debug")


class UsageError(InterleafError):
    """The command line is wrong."""

    exit_code = USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Global options. ``level``: errors only, notices too, progress too, traces too."""

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0
    jobs: int = 1
    nproc: int = 1
    store: str = ""
    seed: int | None = None
    level: str = "info"
    json: bool = False

    def over(self, **given: Any) -> Settings:
        """With the options that were given again behind the command's name."""
        return replace(self, **{k: v for k, v in given.items() if v is not None and v is not False})

    def shows(self, level: str) -> bool:
        """Whether messages of ``level`` are wanted."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


def parse_settings(words: list[str]) -> dict[str, str]:
    """``["points=500"]`` as a mapping; UsageError for a word without ``=``, or one name twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name):
            raise UsageError(f"'{word}' is not a setting", hint="settings look like points=500")
        if name in found:
            raise UsageError(f"'{name}' is set twice", hint="keep one of the two")
        found[name] = value
    return found
