"""Broken documents: exact codes, paths and lines, all problems of a document and no others."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interleaf.errors import ProblemsFound
from interleaf.pipeline.plan import load_plan

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data"))
GIVEN = DATA / "framework" / "invalid_pipelines.json"
OURS = sorted((ROOT / "spec" / "examples" / "invalid").glob("*.yaml"))

Found = list[tuple[str, str, int]]


def given() -> list[dict[str, Any]]:
    """The rows of the test data; none when it is not there."""
    rows: list[dict[str, Any]] = json.loads(GIVEN.read_text()) if GIVEN.exists() else []
    return rows


@pytest.mark.skipif(not GIVEN.exists(), reason=f"no {GIVEN}: set INTERLEAF_DATA")
@pytest.mark.parametrize("row", given(), ids=lambda row: str(row["id"]))
def test_given_document(row: dict[str, Any], wrong: Callable[[str], Found]) -> None:
    found = wrong(row["yaml"])
    codes = row["code"].split("+")
    assert sorted(code for code, _, _ in found) == sorted(codes)
    assert (codes[0], row["path"], row["line"]) in found
    assert {line for _, _, line in found} == {row["line"]}


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.stem))
def test_our_document(file: Path) -> None:
    first = file.read_bytes().partition(b"\n")[0].decode()
    expected = first.removeprefix("# expect: ").split(" ; ")
    with pytest.raises(ProblemsFound) as caught:
        load_plan(file)
    problems = caught.value.problems
    assert sorted(f"{p.code} {p.path or '-'} {p.line}" for p in problems) == sorted(expected)
    assert all(p.file == str(file) and p.message for p in problems)


def test_every_code_has_an_example() -> None:
    covered = set(re.findall(r"E\d+", " ".join(f.read_bytes().decode("latin-1") for f in OURS)))
    told = set(re.findall(r"^### (E[1-4]\d\d)", (ROOT / "spec" / "errors.md").read_text(), re.M))
    # E206 needs two installed distributions of one name: see test_registry_conflicts.
    assert told - covered == {"E206"}
    assert covered <= told


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("version: 1\nstepz:\n  a: {use: toy.images}\n", "did you mean 'steps'?"),
        ("version: 1\nsteps:\n  a: {use: toyy.images}\n", "did you mean 'toy'?"),
        ("version: 1\nsteps:\n  a: {use: toy.image}\n", "did you mean 'images'?"),
        ("version: 1\nsteps:\n  a: {use: toyabsent.x}\n", "interleaf install toyabsent"),
        ("version: 1\nsteps:\n  a: {use: toyfuture.x}\n", "pip install --upgrade interleaf-core"),
        ("version: 1\nsteps:\n  a: {use: toy.psnr, call: render}\n", "it has: evaluate"),
        ("version: 1\nsteps:\n\ta: 1\n", "indent with spaces, not tabs"),
    ],
)
def test_hints(text: str, hint: str, problems: Callable[[str], list[Any]]) -> None:
    assert hint in problems(text)[0].hint


def test_broken_import_names_the_module_and_guesses_no_typo(
    problems: Callable[[str], list[Any]],
) -> None:
    (problem,) = problems("version: 1\nsteps:\n  a: {use: toybroken.x}\n")
    assert "a_module_that_nobody_has" in problem.message and "plugin.py:3" in problem.message
    assert "did you mean" not in str(problem)


def test_exit_codes() -> None:
    codes = {
        "plugin_not_installed": 4,
        "component_unknown": 4,
        "parameter_unknown": 3,
        "many_at_once": 3,
    }
    for name, code in codes.items():
        with pytest.raises(ProblemsFound) as caught:
            load_plan(ROOT / "spec" / "examples" / "invalid" / f"{name}.yaml")
        assert caught.value.exit_code == code, name


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="E100 cannot read the file"):
        load_plan(tmp_path / "no.yaml")
