"""Text files read line by line, so that every fault can name its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.quaternions import Array

SHOWN = 5  # how many bad lines an error lists


class Lines:
    """The lines of a file and how far they are read; blank ones are skipped."""

    def __init__(self, text: str, name: str) -> None:
        self.name, self.at = name, 0
        self.lines = text.splitlines()

    def error(self, found: str, expected: str, line: int | None = None) -> InvalidInput:
        """``name:line: found``, with what was expected as the hint; the line read last by default."""
        return InvalidInput(f"{self.name}:{line or self.at}: {found}", hint=f"expected: {expected}")

    def words(self, expected: str) -> list[str]:
        """The next line that is not blank, in words."""
        while self.at < len(self.lines):
            self.at += 1
            if words := self.lines[self.at - 1].split():
                return words
        raise self.error("the file ends", expected)

    def more(self) -> bool:
        """Whether a line that is not blank is left."""
        while self.at < len(self.lines) and not self.lines[self.at].strip():
            self.at += 1
        return self.at < len(self.lines)

    def expect(self, word: str) -> None:
        """The next line is this one word."""
        found = self.words(word)
        if found != [word]:
            raise self.error(f"'{' '.join(found)[:60]}'", word)

    def numbers(self, words: list[str], count: int, what: str) -> list[float]:
        """Words as ``count`` finite numbers."""
        try:
            found = [float(w) for w in words]
        except ValueError:
            found = []
        if len(found) != count or not np.isfinite(found).all():
            raise self.error(f"{what} of '{' '.join(words)[:60]}'", f"{count} finite numbers")
        return found

    def table(self, width: int) -> Array:
        """All lines to come as rows [T, width] of finite numbers."""
        rest = [
            (self.at + n, line) for n, line in enumerate(self.lines[self.at :], 1) if line.strip()
        ]
        self.at = len(self.lines)
        try:
            rows = np.loadtxt([line for _, line in rest], ndmin=2, comments=None) if rest else None
            if rows is None:
                return np.zeros((0, width))
            if rows.shape == (len(rest), width) and np.isfinite(rows).all():
                return rows
        except ValueError:
            pass
        raise self._bad_rows(rest, width)

    def _bad_rows(self, rest: list[tuple[int, str]], width: int) -> InvalidInput:
        faults = [(n, fault) for n, line in rest if (fault := _fault(line.split(), width))]
        listed = "; ".join(f"line {n}: {fault}" for n, fault in faults[:SHOWN])
        more = f"; and {len(faults) - SHOWN} more lines" if len(faults) > SHOWN else ""
        return self.error(
            f"{listed}{more}",
            f"{width} finite numbers a row; cut or mend these frames",
            faults[0][0],
        )


def _fault(words: list[str], width: int) -> str:
    for word in words:
        try:
            if not np.isfinite(float(word)):
                return f"'{word}'"
        except ValueError:
            return f"'{word[:20]}' is no number"
    return "" if len(words) == width else f"{len(words)} numbers"


def read_lines(file: Path, what: str) -> Lines:
    """A file's text, UTF-8 or Latin-1; InvalidInput where it cannot be read or is not text."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}", hint=f"give {what}") from None
    if not data.strip():
        raise InvalidInput(f"{file}: the file is empty", hint=f"give {what}")
    if b"\0" in data[:4096]:
        raise InvalidInput(f"{file}: not a text file", hint=f"give {what}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return Lines(text, str(file))
