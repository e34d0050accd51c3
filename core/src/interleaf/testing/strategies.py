"""Hypothesis strategies for the core's values: small, odd, at the edges of what is allowed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interleaf.interfaces import Measure, Report
from interleaf.values import Artifact, Image, Item, Table

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def images(max_side: int = 9) -> st.SearchStrategy[Image]:
    """Pictures of 1 to 4 channels in every sample type, 1×1 and 1×n among them."""
    sides, channels = st.integers(1, max_side), st.integers(1, 4)
    floats = st.floats(0, 1, width=32)

    def of(shape: tuple[int, int, int]) -> st.SearchStrategy[Any]:
        return st.one_of(
            arrays(np.uint8, shape),
            arrays(np.uint16, shape),
            arrays(np.float32, shape, elements=floats),
        )

    return st.tuples(sides, sides, channels).flatmap(of).map(Image)


def tables(max_rows: int = 4) -> st.SearchStrategy[Table]:
    """Tables with text, numbers and missing cells; without columns, without rows."""
    cells = st.none() | st.integers(-(10**9), 10**9) | NUMBERS | TEXT
    names = st.lists(TEXT, max_size=3, unique=True)

    def of(shape: tuple[list[str], int]) -> st.SearchStrategy[Table]:
        names, rows = shape
        column = st.lists(cells, min_size=rows, max_size=rows)
        return st.fixed_dictionaries(dict.fromkeys(names, column)).map(Table)

    return st.tuples(names, st.integers(0, max_rows)).flatmap(of)


def reports() -> st.SearchStrategy[Report]:
    """Reports whose measures have values, or None with a reason."""
    present = st.builds(Measure, name=st.sampled_from("abc"), value=NUMBERS)
    absent = st.builds(
        Measure, name=st.sampled_from("abc"), value=st.none(), reason=st.just("unknown")
    )
    some = st.lists(present | absent, max_size=3, unique_by=lambda m: m.name)
    return some.map(lambda measures: Report(tuple(measures)))


def values(kind: str) -> st.SearchStrategy[Any] | None:
    """Values of a kind of the core; None for kinds that have no strategy."""
    known: dict[str, st.SearchStrategy[Any]] = {
        "image": images(), "table": tables(), "text": TEXT, "report": reports(),
        "bytes": st.builds(Artifact, st.binary(max_size=64), st.just("application/octet-stream")),
        "any": st.one_of(images(), tables(), TEXT, reports(), st.integers(), st.booleans()),
    }  # fmt: skip
    return known.get(kind)


def gathered(kind: str) -> st.SearchStrategy[list[Item]] | None:
    """What a ``*`` port of a kind receives."""
    inner = values(kind)
    if inner is None:
        return None
    coords = st.dictionaries(st.sampled_from(["n", "seed"]), st.integers(0, 9), max_size=2)
    return st.lists(st.builds(Item, inner, st.sampled_from("xy"), st.just(""), coords), max_size=3)
