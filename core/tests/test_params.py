"""Config values: checked, made plain, and built again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.interfaces import Schedule
from interleaf.params import Ge, Gt, InFile, Le, Lt, Secret
from interleaf.pipeline.params import (
    UNSET,
    build,
    check_params,
    fields_of,
    plain,
    port_interface,
    ports_of,
)

Found = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    low: float = 0.0
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    count: Annotated[int, Ge(1)]
    rate: float = 0.5
    part: Annotated[float, Gt(0), Lt(1)] | None = None
    mode: Literal["a", "b", 3] = "a"
    flag: bool = False
    name: str = "x"
    pair: tuple[int, float] = (1, 2.0)
    list_: list[int] = dataclasses.field(default_factory=list)
    table: dict[str, float] = dataclasses.field(default_factory=dict)
    inner: Inner = Inner()
    more: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    either: int | str = 1
    sizes: Annotated[int, Le(9)] | list[Annotated[int, Le(9)]] = 1
    seq: Sequence[str] = ()
    mapping: Mapping[str, Inner] = dataclasses.field(default_factory=dict)
    where: Path = Path("a/b")
    anything: Any = None
    lr: Schedule | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    file: InFile
    files: tuple[InFile, ...] = ()
    maybe: InFile | None = None
    token: Secret = "TOKEN"


def check(raw: Mapping[str, Any], cls: type = Config, **how: Any) -> tuple[dict[str, Any], Found]:
    found: Found = []
    base = how.pop("base", Path("/base"))
    values = check_params(
        raw, [cls], "w", lambda path: base, lambda code, path, *_: found.append((code, path)), **how
    )
    return values[0], found


def test_defaults_are_plain_and_complete() -> None:
    values, found = check({"count": 3})
    assert not found and set(values) == set(fields_of(Config)) - {"lr"}
    assert values["pair"] == [1, 2.0] and values["inner"] == {"low": 0.0, "names": []}
    assert values["where"] == "a/b"


GOOD = [
    ("rate", 1, 1.0), ("part", None, None), ("part", 0.5, 0.5), ("mode", 3, 3), ("flag", True, True),
    ("pair", [1, 2], [1, 2.0]), ("list_", [], []), ("table", {"a": 1}, {"a": 1.0}),
    ("inner", {"low": 1}, {"low": 1.0, "names": []}), ("more", [{}], [{"low": 0.0, "names": []}]),
    ("maybe", {"names": ["a"]}, {"low": 0.0, "names": ["a"]}), ("either", "a", "a"), ("sizes", 5, 5),
    ("sizes", [5, 9], [5, 9]), ("seq", ["a"], ["a"]), ("where", "c", "c"), ("anything", [1], [1]),
    ("mapping", {"k": {}}, {"k": {"low": 0.0, "names": []}}), ("rate", UNSET, UNSET),
]  # fmt: skip

BAD = [
    ("count", 0, "E304", ""), ("count", 1.0, "E302", ""), ("count", True, "E302", ""),
    ("count", "1", "E302", ""), ("count", None, "E302", ""), ("rate", "1", "E302", ""),
    ("rate", math.nan, "E305", ""), ("rate", -math.inf, "E305", ""), ("rate", 10**400, "E305", ""),
    ("rate", False, "E302", ""), ("part", 1, "E304", ""), ("part", 0, "E304", ""),
    ("mode", "c", "E302", ""), ("mode", 3.0, "E302", ""), ("flag", 1, "E302", ""),
    ("flag", "true", "E302", ""), ("name", 5, "E302", ""), ("name", None, "E302", ""),
    ("pair", [1], "E302", ""), ("pair", [1, "a"], "E302", "[1]"), ("list_", [1, 1.5], "E302", "[1]"),
    ("list_", "ab", "E302", ""), ("table", {"a": "b"}, "E302", ".a"), ("table", [], "E302", ""),
    ("inner", {"lo": 1}, "E301", ".lo"), ("inner", {"low": "x"}, "E302", ".low"),
    ("inner", None, "E302", ""), ("more", [{}, {"names": [1]}], "E302", "[1].names[0]"),
    ("either", 1.5, "E302", ""), ("sizes", 10, "E304", ""), ("sizes", [1, 10], "E304", "[1]"),
    ("seq", "abc", "E302", ""), ("anything", [{"a": math.nan}], "E305", "[0].a"),
    ("mapping", {"k": {"low": math.inf}}, "E305", ".k.low"), ("contents", 1, "E301", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "kept"), GOOD)
def test_good_values(name: str, value: Any, kept: Any) -> None:
    values, found = check({"count": 3, name: value})
    assert not found
    assert values[name] == kept and type(values[name]) is type(kept)


@pytest.mark.parametrize(("name", "value", "code", "place"), BAD)
def test_bad_values(name: str, value: Any, code: str, place: str) -> None:
    values, found = check({"count": 3, name: value})
    assert found == [(code, f"w.{name}{place}")]
    if not place and name in fields_of(Config):
        assert values[name] is UNSET


def test_missing_and_near_misses() -> None:
    assert check({})[1] == [("E303", "w.count")]
    assert check({"cuont": 1})[1] == [("E301", "w.cuont")]
    assert check({"rat": 1})[1] == [("E301", "w.rat"), ("E303", "w.count")]
    assert check({}, ignore=frozenset({"count"}))[1] == []


def test_files_are_found_from_their_base(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    values, found = check({"file": "a", "files": ["a", "b"], "maybe": ""}, Files, base=tmp_path)
    assert values["file"] == str(tmp_path / "a") and values["token"] == "TOKEN"
    assert found == [("E306", "w.files[1]"), ("E306", "w.maybe")]
    assert check({"file": str(tmp_path)}, Files)[1] == []


def test_ports_are_left_out() -> None:
    assert port_interface(fields_of(Config)["lr"][0]) is Schedule
    assert port_interface(fields_of(Config)["rate"][0]) is None
    assert dict(ports_of(Config)) == {"lr": Schedule}


finite = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, low=finite, names=st.lists(st.text(max_size=3), max_size=2).map(tuple))
configs = st.builds(
    Config,
    count=st.integers(1, 10**20),
    rate=finite,
    part=st.none() | st.floats(0.01, 0.99),
    mode=st.sampled_from(["a", "b", 3]),
    flag=st.booleans(),
    name=st.text(max_size=5),
    pair=st.tuples(st.integers(), finite),
    list_=st.lists(st.integers(), max_size=3),
    table=st.dictionaries(st.text(max_size=3), finite, max_size=2),
    inner=inners,
    more=st.lists(inners, max_size=2).map(tuple),
    maybe=st.none() | inners,
    either=st.integers() | st.text(max_size=3),
    sizes=st.integers(max_value=9) | st.lists(st.integers(max_value=9), max_size=3),
    seq=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    mapping=st.dictionaries(st.text(max_size=2), inners, max_size=2),
    where=st.sampled_from([Path("a"), Path("/b/c")]),
)


@given(configs)
def test_round_trip(config: Config) -> None:
    """Plain, checked and built again is the same; and checking is idempotent."""
    raw = {k: v for k, v in plain(config).items() if k != "lr"}
    values, found = check(raw)
    assert not found and values == raw
    assert build(Config, values) == config
    assert check(values)[0] == values


values_of_any_type = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*fields_of(Config)]), values_of_any_type))
def test_whatever_is_accepted_can_be_built(raw: dict[str, Any]) -> None:
    raw.pop("lr", None)
    values, found = check(raw)
    if not found:
        assert plain(build(Config, values)) == {**values, "lr": None}
