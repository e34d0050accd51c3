"""YAML 1.2 scalars, positions, limits."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.pipeline.document import UNSET, Document, parse_document, scalar

SCALARS = [
    ("3e-4", 3e-4), ("1e5", 1e5), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0), ("12e03", 12e3),
    ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO"),
    ("true", True), ("False", False), ("TRUE", True), ("tRue", "tRue"),
    ("0o17", 15), ("0x1F", 31), ("017", 17), ("+12", 12), ("-7", -7), ("0b1", "0b1"),
    ("-0x1", "-0x1"), ("1_000", "1_000"), ("1:30", "1:30"), ("1,5", "1,5"),
    ("2024-01-01", "2024-01-01"), ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
    ("null", None), ("~", None), ("Null", None), ("", None), ("none", "none"), ("nil", "nil"),
    (".inf", math.inf), ("-.INF", -math.inf), ("+.inf", math.inf), ("inf", "inf"), ("nan", "nan"),
    ("+.nan", "+.nan"), ("=", "="), ("<<", "<<"), ("1e", "1e"), (".", "."), ("-", "-"),
    ("1.2.3", "1.2.3"),
]  # fmt: skip


def parse(text: str) -> Document:
    return parse_document(text, "t.yaml", Path())


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_plain_scalars(text: str, value: Any) -> None:
    if text not in ("-", "="):
        document = parse(f"a: {text}\n")
        assert not document.problems
        assert document.data["a"] == value and type(document.data["a"]) is type(value)
    typed = scalar(text)
    expected = value if text else ""
    assert typed == expected and type(typed) is type(expected)


def test_not_a_number() -> None:
    assert math.isnan(parse("a: .nan").data["a"]) and math.isnan(scalar(".NaN"))


@pytest.mark.parametrize("text", ["'5'", '"5"', "!!str 5", "|-\n  5\n"])
def test_quoted_is_text(text: str) -> None:
    assert parse(f"a: {text}").data["a"] == "5"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2e-1, no]", [1, 0.2, "no"]), ("{a: 1}", {"a": 1}), ("'5'", "5"), ('"a b"', "a b"),
        ("a: b", "a: b"), ("# x", "# x"), ("a # b", "a # b"), ("- a", "- a"), ("*a", "*a"),
        ("!!python/name:os.system x", "!!python/name:os.system x"), ("[1].png", "[1].png"),
        ("{a}.png", "{a}.png"), ("&a 5", "&a 5"), ("it's", "it's"), ("a\nb", "a\nb"), ("5\n", "5\n"),
    ],
)  # fmt: skip
def test_command_line_text(text: str, value: Any) -> None:
    assert scalar(text) == value


@given(st.text())
def test_command_line_never_fails(text: str) -> None:
    scalar(text)


@given(st.text())
def test_parsing_never_fails(text: str) -> None:
    document = parse(text)
    assert all(p.code in ("E100", "E104") and p.line >= 0 for p in document.problems)


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain_data)
def test_json_reads_as_itself(data: Any) -> None:
    """JSON is a subset of YAML 1.2, apart from infinities and quoting of keys like ``<<``."""
    import json

    text = json.dumps(data).replace("Infinity", ".inf")
    document = parse(text)
    if not document.problems:
        assert document.data == data
    else:
        assert "\\ud" in text or "\\u00" in text or "\\uff" in text or "\x7f" in text


def test_positions() -> None:
    marks = parse("a:\n  b: [1,\n    2]\n  'c d': {e: 5}\n").marks
    assert marks["a"].key == (1, 1) and marks["a"].value == (2, 3)
    assert marks["a.b"].key == (2, 3) and marks["a.b"].value == (2, 6)
    assert marks["a.b[1]"].value == (3, 5)
    assert marks["a.c d.e"].key == (4, 11) and marks["a.c d.e"].value == (4, 14)


def test_nearest_enclosing_place() -> None:
    document = parse("a:\n  b: {c: 1}\n")
    for path in ("a.b.d", "a.b.d.e[3].f"):
        document.problem("E303", path, "missing")
    document.problem("E102", "steps", "missing")
    assert [(p.line, p.col) for p in document.problems] == [(2, 3), (2, 3), (0, 0)]


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']", "!!python/object:x.Y {}", "a: !thing 5",
        "!!python/name:os.system : 1", "a: !!timestamp 2024-01-01", "a: !!bool yes", "a: !!null x",
        "a: !!float x", "? [a]\n: 1", "a: !!omap [b: 1]", "a: &x {<<: *x}",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    document = parse(text)
    assert document.problems and {p.code for p in document.problems} == {"E100"}


def test_refused_values_are_unknown_rather_than_null() -> None:
    assert parse("a: !thing 5").data == {"a": UNSET}


def test_aliases_are_copies() -> None:
    data = parse("a: &x {n: 1}\nb: *x\n").data
    assert data["a"] == data["b"] and data["a"] is not data["b"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, "[" * 500 + "]" * 500, "{a: " * 3000, "- " * 5000 + "a",
        "a: &a [*a]", "\n".join(f"{' ' * i}a:" for i in range(2000)),
        "x0: &x0 [1,1]\n" + "".join(f"x{i + 1}: &x{i + 1} [*x{i},*x{i}]\n" for i in range(40)),
        "a: " + "9" * 5000, "x" * (5 << 20),
    ],
    ids=["open", "deep", "maps", "dashes", "loop", "indent", "bomb", "digits", "large"],
)  # fmt: skip
def test_limits_are_kept_quickly(text: str) -> None:
    start = time.process_time()
    document = parse(text)
    assert document.problems and {p.code for p in document.problems} == {"E100"}
    assert time.process_time() - start < 5
