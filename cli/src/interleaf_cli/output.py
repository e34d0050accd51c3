"""Results on stdout: aligned columns for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(data: Any) -> None:
    """Indented JSON."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_columns(rows: Iterable[Sequence[str]], indent: str = "") -> None:
    """Rows of equal length, every column as wide as its widest cell, the last one as it is."""
    rows = [tuple(map(str, row)) for row in rows]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print((indent + "  ".join(cells)).rstrip())


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError
