"""References between places, command-line settings, where relative paths start."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.pipeline.document import UNSET, Document, parse_document
from interleaf.pipeline.interpolate import resolve
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.settings import apply_settings, base_folder

Found = list[tuple[str, str, int]]

LINES = """version: 1
vars:
  file: ???
  folder: .
steps:
  text: {use: toy.lines, with: {path: "${vars.file}"}}
"""


def resolved(text: str, settings: dict[str, Any] | None = None) -> Document:
    document = parse_document(text, "t.yaml", Path("/folder"))
    apply_settings(document, settings or {})
    resolve(document)
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${vars.n}", 4), ("${ vars.n }", 4), ("x${vars.n}y${vars.n}", "x4y4"),
        ("${vars.list[1]}", "b"), ("${vars.list.1}", "b"), ("${vars.map.inner.deep}", 0.5),
        ("${vars.map.inner}", {"deep": 0.5}), ("${vars.list}", ["a", "b"]), ("${.n}", 4),
        ("${..version}", 1), ("${vars.${vars.which}}", 4), ("${vars.again}", 4),
        (r"\${vars.n}", "${vars.n}"), ("$5 {a} }", "$5 {a} }"), ("${vars.none}", None),
        ("${vars.yes}", True), ("${vars[n]}", 4), ("${vars.tricky}", "${vars.n}"),
        ("<${vars.tricky}>", "<${vars.n}>"), ("${vars.through.deep}", 0.5),
    ],
)  # fmt: skip
def test_references(text: str, value: Any) -> None:
    document = resolved(f"""
version: 1
vars:
  n: 4
  which: n
  again: "${{vars.n}}"
  none: null
  yes: true
  list: [a, b]
  map: {{inner: {{deep: 0.5}}}}
  through: "${{vars.map.inner}}"
  tricky: '\\${{vars.n}}'
  it: '{text}'
""")
    assert not document.problems
    assert document.data["vars"]["it"] == value
    assert type(document.data["vars"]["it"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "${no.such}", "${vars.n.deeper}", "${vars.list[2]}", "${vars.list.b}", "${}", "${ }", "${vars.}",
        "${.}", "${vars..n}", "${vars.n", "x${vars.list}", "${oc.env:HOME}", "${oc.decode:'1'}",
        "${vars.${oc.env:HOME}}", "${vars[}", "${vars.N}",
    ],
)  # fmt: skip
def test_what_refers_to_nothing(text: str) -> None:
    document = resolved(f'vars: {{n: 4, list: [a], it: "{text}"}}')
    assert [(p.code, p.path) for p in document.problems] == [("E107", "vars.it")]
    assert "NodeInterpolationKey" not in document.problems[0].message
    assert document.data["vars"]["it"] is UNSET


def test_a_wrong_reference_is_told_once() -> None:
    document = resolved("vars:\n  a: '${no}'\n  b: '${vars.a}'\n  c: '${vars.b} ${vars.a}'\n")
    assert [(p.code, p.path) for p in document.problems] == [("E107", "vars.a")]
    assert document.data["vars"] == {"a": UNSET, "b": UNSET, "c": UNSET}


@given(st.permutations(["a", "b", "c", "d"]), st.integers(0, 3))
def test_a_circle_is_told_once_where_it_comes_first(names: list[str], entry: int) -> None:
    """a → b → c → a, and d leads in; the order of lines and of discovery does not matter."""
    texts = {
        "a": "${vars.b}",
        "b": "x${vars.c}",
        "c": "${vars.a}",
        "d": f"${{vars.{'abc'[entry % 3]}}}",
    }
    lines = "".join(f"  {name}: '{texts[name]}'\n" for name in names)
    document = resolved(f"vars:\n{lines}")
    first = next(name for name in names if name != "d")
    assert [(p.code, p.path) for p in document.problems] == [("E108", f"vars.{first}")]


def test_two_circles() -> None:
    document = resolved("vars: {a: '${vars.b}', b: '${vars.a}', c: '${vars.c}'}")
    assert [(p.code, p.path) for p in document.problems] == [("E108", "vars.a"), ("E108", "vars.c")]


def test_a_section_inside_itself() -> None:
    document = resolved("vars:\n  a: {b: '${vars.a}'}\n")
    assert [(p.code, p.path) for p in document.problems] == [("E108", "vars.a.b")]


def test_expansion_is_bounded() -> None:
    lines = ["  v0: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", "  t0: xxxxxxxxxx"]
    for i in range(1, 14):
        items, text = (f"${{vars.{name}{i - 1}}}" for name in "vt")
        lines += [f"  v{i}: {[items] * 10}", f"  t{i}: '{text * 10}'"]
    assert "E107" in {p.code for p in resolved("vars:\n" + "\n".join(lines)).problems}


def test_a_long_chain_of_references() -> None:
    chain = "".join(f"  v{i}: '${{vars.v{i + 1}}}'\n" for i in range(2000))
    document = resolved(f"vars:\n{chain}  v2000: 1\n")
    assert {p.code for p in document.problems} <= {"E107"}


plain = st.none() | st.booleans() | st.integers() | st.text("abc xyz,.-", max_size=6)


@given(st.dictionaries(st.sampled_from("abcdef"), plain, min_size=1), st.data())
def test_same_as_omegaconf(values: dict[str, Any], data: st.DataObject) -> None:
    """Where both know the syntax, OmegaConf gives the same values."""
    omegaconf = pytest.importorskip("omegaconf")
    names = st.sampled_from(sorted(values))
    pieces = st.lists(
        st.one_of(st.text("abc -", max_size=3), names.map(lambda n: f"${{vars.{n}}}"))
    )
    texts = data.draw(st.dictionaries(st.sampled_from("uvwxyz"), pieces.map("".join)))
    tree = {"vars": values | texts}
    expected = omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create(tree), resolve=True)
    document = Document("t.yaml", Path(), tree, interpolated=True)
    resolve(document)
    assert document.data == expected and not document.problems


def test_settings() -> None:
    text = "vars: {n: 4, s: a, deep: {er: 1}}\nsteps: {a: {use: x.y}, b: {with: {k: 1}}}\n"
    settings = {
        "n": "5", "s": "no", "vars.deep.er": "[1, 2]", "steps.a.with.size": "3e-4",
        "steps.b.with.k": "${vars.n}", "steps.a.use": "z.w", "steps.b.with.lr.with.stop": 0.5,
    }  # fmt: skip
    document = resolved(text, settings)
    assert not document.problems
    assert document.data["vars"] == {"n": 5, "s": "no", "deep": {"er": [1, 2]}}
    assert document.data["steps"]["a"] == {"use": "z.w", "with": {"size": 3e-4}}
    assert document.data["steps"]["b"]["with"] == {"k": 5, "lr": {"with": {"stop": 0.5}}}


@pytest.mark.parametrize(
    ("setting", "code", "path"),
    [
        ("m", "E301", "vars.m"), ("seed", "E301", "vars.seed"), ("vars.m", "E301", "vars.m"),
        ("steps.b.with.n", "E401", "steps.b.with.n"), ("steps.a", "E101", "steps.a"),
        ("stepz.a.with.n", "E101", "stepz.a.with.n"), ("steps.a.", "E101", "steps.a."),
        ("version.a", "E101", "version.a"),
    ],
)  # fmt: skip
def test_unknown_settings(setting: str, code: str, path: str, problems: Callable[..., Any]) -> None:
    text = "version: 1\nvars: {n: 4}\nsteps: {a: {use: toy.images, with: {n: 1}}}\n"
    (problem,) = problems(text, **{setting: "5"})
    assert (problem.code, problem.path, problem.file, problem.line) == (
        code,
        path,
        "<command line>",
        0,
    )


def test_settings_that_are_wrong_are_told_at_the_command_line(problems: Callable[..., Any]) -> None:
    text = "version: 1\nvars: {n: 4}\nsteps: {a: {use: toy.images, with: {n: '${vars.n}'}}}\n"
    (problem,) = problems(text, **{"steps.a.with.n": "many"})
    assert (problem.code, problem.file, problem.line) == ("E302", "<command line>", 0)
    (problem,) = problems(text, **{"steps.a.wiht.n": "5"})
    assert (problem.code, problem.path, problem.line) == ("E101", "steps.a.wiht", 3)
    (problem,) = problems(text, n="many")
    assert (problem.code, problem.file, problem.line) == ("E302", "test.yaml", 3)


def test_required_vars(
    plan: Callable[..., Plan], wrong: Callable[..., Found], tmp_path: Path
) -> None:
    assert wrong(LINES) == [("E303", "vars.file", 3)]
    assert plan(LINES, unset_vars=True).steps["text"].config["path"] is UNSET
    (tmp_path / "a.txt").write_text("a")
    assert plan(LINES, file=str(tmp_path / "a.txt")).steps["text"].config["path"]
    nested = LINES.replace("file: ???", "file: {name: '???'}").replace(
        "vars.file", "vars.file.name"
    )
    assert wrong(nested) == [("E303", "vars.file.name", 3)]


def test_relative_paths(
    plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file, from the file; on the command line, from the working directory, also by reference."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for folder in (tmp_path, here):
        (folder / "a.txt").write_text("a")

    def path(text: str, **settings: str) -> Path:
        return Path(plan(text, **settings).steps["text"].config["path"])

    in_file = LINES.replace("???", "a.txt")
    joined = in_file.replace("${vars.file}", "${vars.folder}/${vars.file}")
    assert path(in_file) == tmp_path / "a.txt"
    assert path(LINES, file="a.txt") == here / "a.txt"
    assert path(in_file, **{"steps.text.with.path": "a.txt"}) == here / "a.txt"
    assert path(joined) == tmp_path / "a.txt"
    assert path(joined, folder=".") == here / "a.txt"
    whole = in_file.replace("vars:\n", 'vars:\n  all: {path: "${vars.file}"}\n').replace(
        '{path: "${vars.file}"}}', '"${vars.all}"}'
    )
    assert path(whole, file="a.txt") == here / "a.txt" and path(whole) == tmp_path / "a.txt"


def test_base_folder_of_a_list(tmp_path: Path) -> None:
    document = resolved("vars: {n: 4}\nsteps: {a: {use: x.y}}\n", {"steps.a.with.files": "[a, b]"})
    assert base_folder(document, "steps.a.with.files[1]") == Path.cwd()
    assert base_folder(document, "steps.a.with.other") == Path("/folder")


def test_numbers_that_are_not_finite_pass_through() -> None:
    assert math.isinf(resolved("vars: {a: .inf, b: '${vars.a}'}").data["vars"]["b"])
