"""Where the vectors stand in other catalogues of risks: a table that the user keeps.

Identifiers of NIST AI 600-1, MITRE ATLAS or the FMTI change with their editions, so none are shipped.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from interleaf_openrisk.uplift import BadCounts

COLUMNS = ("vector", "framework", "id", "title")


@dataclass(frozen=True)
class Mapped:
    """A vector's entry in a framework."""

    vector: str
    framework: str
    id: str
    title: str = ""


def read_mapping(file: Path, vectors: Collection[str]) -> tuple[Mapped, ...]:
    """The rows of a CSV file with columns vector, framework, id and (optional) title, for these vectors.

    Raises BadCounts for a file that is none, a row without an entry, and an entry that stands twice.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadCounts(f"{file} cannot be read: {error}", "a CSV file in UTF-8") from None
    rows = csv.DictReader(lines, strict=True)
    wanted = ",".join(COLUMNS)
    if not set(COLUMNS[:3]) <= set(rows.fieldnames or ()):
        raise BadCounts(f"{file}: the first line is not {wanted}", f"columns {wanted}")
    found: dict[Mapped, int] = {}
    try:
        for number, row in enumerate(rows, 2):
            values = [(row.get(name) or "").strip() for name in COLUMNS]
            if not all(values[:3]) or None in row:
                raise BadCounts(f"{file}, line {number}: not a value for each column", wanted)
            one = Mapped(*values)
            if one in found:
                raise BadCounts(f"{file}, line {number} repeats line {found[one]}", "remove one")
            found[one] = number
    except csv.Error as error:
        raise BadCounts(f"{file}: {error}", "a CSV file") from None
    return tuple(m for m in found if m.vector in vectors)
