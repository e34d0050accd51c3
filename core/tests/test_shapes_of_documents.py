"""The JSON schema says what the planner says; sections may be near-missed, unset or torn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interleaf.pipeline.document import parse_document
from interleaf.pipeline.interpolate import resolve
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.shape import OUTPUT, STEP, TOP, VERSION, is_name, read_shape

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "spec" / "pipeline.schema.json").read_text())
EXAMPLES = ROOT / "spec" / "examples"
Found = list[tuple[str, str, int]]


def test_the_schema_has_the_same_keys() -> None:
    assert tuple(SCHEMA["properties"]) == TOP
    assert tuple(SCHEMA["$defs"]["step"]["properties"]) == STEP
    assert tuple(SCHEMA["$defs"]["output"]["properties"]) == OUTPUT
    assert SCHEMA["properties"]["version"]["const"] == VERSION
    for section in (SCHEMA, SCHEMA["$defs"]["step"], SCHEMA["$defs"]["output"]):
        assert section["additionalProperties"] is False


@pytest.mark.parametrize(
    "name", ["a", "a-b", "_", "ä9", "a.b", "", "a b", "-", "--a", "a/b", "a\n"]
)
def test_the_schema_allows_the_same_names(name: str) -> None:
    matches = re.fullmatch(SCHEMA["$defs"]["name"]["pattern"].strip("^$"), name)
    assert bool(matches) == is_name(name) or name in ("-", "_")


@pytest.mark.parametrize(
    "file", sorted((EXAMPLES / "valid").glob("*.yaml")), ids=lambda file: str(file.stem)
)
def test_valid_examples_satisfy_the_schema(file: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(parse_document(file.read_text(), file.name, file.parent).data, SCHEMA)


def test_every_step_and_output_of_the_examples_has_known_keys() -> None:
    for file in (EXAMPLES / "valid").glob("*.yaml"):
        data = parse_document(file.read_text(), file.name, file.parent).data
        assert set(data) <= set(TOP)
        assert all(set(step) <= set(STEP) for step in data["steps"].values())


def test_a_name_is_taken_from_the_file() -> None:
    document = parse_document(
        "version: 1\nsteps: {a: {use: x.y}}\n", "some/next-model.yaml", Path()
    )
    assert read_shape(document).name == "next-model"
    assert read_shape(parse_document("version: 1\n", "<text>", Path())).name == "pipeline"


@pytest.mark.parametrize(
    "section",
    [
        "with: '${vars.unset}'", "needs: '${vars.unset}'", "needs: {x: '${vars.unset}'}",
        "needs: {x: [photos, '${vars.unset}']}", "use: '${vars.unset}'", "call: '${vars.unset}'",
        "each: '${vars.unset}'", "each: {n: '${vars.unset}'}", "with: {n: '${vars.unset}'}",
        "with: {lr: '${vars.unset}'}", "with: {lr: {use: '${vars.unset}'}}", "of: '${vars.unset}'",
    ],
)  # fmt: skip
def test_what_is_unset_is_left_unchecked(section: str, plan: Callable[..., Plan]) -> None:
    use = "toy.mean" if "lr" in section or "of" in section else "toy.images"
    use = "toy.text" if "needs" in section else use
    section = section.replace("x:", "items:")
    lines = [] if section.startswith(("use", "of")) else [f"    use: {use}"]
    lines += [f"    {section}"]
    if section.startswith("call"):
        lines += ["    with: {n: 1}"]
    text = "version: 1\nvars: {unset: '???'}\nsteps:\n  photos: {use: toy.images, with: {n: 1}}\n"
    text += "  a:\n" + "\n".join(lines) + "\n  p: {use: toy.text, needs: {items: a}}\n"
    assert "photos" in plan(text, unset_vars=True).steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1.0\nsteps: {a: {use: core.cosine}}\n", [("E103", "version", 1)]),
        ("version: true\nsteps: {a: {use: core.cosine}}\n", [("E103", "version", 1)]),
        ("version:\nsteps: {a: {use: core.cosine}}\n", [("E103", "version", 1)]),
        ("version: 1\nname:\nsteps: {a: {use: core.cosine}}\n", [("E302", "name", 2)]),
        ("version: 1\nname: a/b\nsteps: {a: {use: core.cosine}}\n", [("E302", "name", 2)]),
        ("version: 1\nsummary: 5\nsteps: {a: {use: core.cosine}}\n", [("E302", "summary", 2)]),
        ("version: 1\nseed: 1.5\nsteps: {a: {use: core.cosine}}\n", [("E302", "seed", 2)]),
        ("version: 1\nvars: [a]\nsteps: {a: {use: core.cosine}}\n", [("E302", "vars", 2)]),
        ("version: 1\nvars: {a.b: 1}\nsteps: {a: {use: core.cosine}}\n", [("E302", "vars.a.b", 2)]),
        ("version: 1\nsteps: {a: {use: core.cosine}}\noutputs: a\n", [("E302", "outputs", 3)]),
        ("version: 1\nsteps: {a: {use: core.cosine}}\noutputs: {o: [a]}\n", [("E302", "outputs.o", 3)]),
        ("version: 1\nsteps: {a: {use: core.cosine}}\noutputs: {o/p: a}\n", [("E302", "outputs.o/p", 3)]),
        ("version: 1\nsteps: {a: }\n", [("E302", "steps.a", 2)]),
        ("version: 1\nsteps: {a: {use: }}\n", [("E106", "steps.a.use", 2)]),
        ("version: 1\nsteps: {a: {}}\n", [("E105", "steps.a", 2)]),
        ("version: 1\nsteps: !thing {a: {use: x.y}}\n", [("E100", "steps", 2)]),
        ("verson: 1\nstep: {a: {use: x.y}}\n", [("E101", "verson", 1), ("E101", "step", 2)]),
    ],
)  # fmt: skip
def test_sections(text: str, expected: Found, wrong: Callable[[str], Found]) -> None:
    assert wrong(text) == expected


def test_order_of_problems_is_that_of_the_document(wrong: Callable[[str], Found]) -> None:
    text = (
        "version: 1\nsteps:\n  a: {use: toy.images, with: {n: 0, m: 1, size: x}}\n  b: {use: x}\n"
    )
    assert [path for _, path, _ in wrong(text)] == [
        "steps.a.with.n", "steps.a.with.m", "steps.a.with.size", "steps.b.use",
    ]  # fmt: skip


def test_resolving_leaves_other_documents_alone() -> None:
    document = parse_document("- '${a}'\n", "t.yaml", Path())
    assert resolve(document) == [] and document.data == ["${a}"]
