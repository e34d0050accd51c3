"""API 1 is frozen: what it promises is in ``spec/api-1.txt``, and plugins use nothing else of the core."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from interleaf.plugin import API

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "spec" / f"api-{API}.txt"
BROKEN = """{count} public name(s) of API {api} are gone or have another signature:
{lines}
Plugins that are already out there use them. Put the old name or parameter back beside the new one; if
that cannot be done, this is API {next}: raise interleaf.plugin.API, write spec/api-{next}.txt, and say in
CHANGELOG.md what plugins have to change (spec/api.md)."""
GREW = """{count} public name(s) or parameter(s) are new:
{lines}
That is allowed. From now on they are promised: record them with
    make api"""

names = importlib.util.spec_from_file_location("public_names", ROOT / "tests" / "public_names.py")
assert names and names.loader
public_names = importlib.util.module_from_spec(names)


@pytest.fixture(scope="module", autouse=True)
def griffe() -> None:
    pytest.importorskip("griffe")
    assert names and names.loader
    names.loader.exec_module(public_names)


def name(line: str) -> str:
    return line.partition("(")[0].partition(":")[0].partition(" ")[0]


def told(template: str, lines: list[str]) -> str:
    shown = "\n".join(f"    {line}" for line in lines)
    return template.format(count=len(lines), lines=shown, api=API, next=API + 1)


def test_what_was_promised_is_still_there() -> None:
    promised, found = SNAPSHOT.read_text(encoding="utf-8").splitlines(), public_names.lines()
    gone = [line for line in promised if line not in found and not grew(line, found)]
    assert not gone, told(BROKEN, gone)


def grew(line: str, found: list[str]) -> bool:
    """Whether a signature only has more parameters at its end, each with a default."""
    head, arrow, returns = line.rpartition(") -> ")
    tail = arrow + returns
    more = [f[len(head) : -len(tail)] for f in found if f.startswith(head) and f.endswith(tail)]
    return bool(arrow) and any(
        text.startswith(", ") and text.count(": ") == text.count(" = ") for text in more
    )


def test_a_new_parameter_with_a_default_is_growth_and_another_is_not() -> None:
    line = "m.f(a: int, *, b: str = '') -> None"
    assert grew(line, ["m.f(a: int, *, b: str = '', c: float = 1.0) -> None"])
    for other in ("b: str = '', c: float", "b: str", "c: str = ''", "b: int = 0"):
        assert not grew(line, [f"m.f(a: int, *, {other}) -> None"])
    assert not grew(line, ["m.f(a: int, *, b: str = '', c: float = 1.0) -> int"])


def test_what_is_new_is_recorded() -> None:
    promised, found = SNAPSHOT.read_text(encoding="utf-8").splitlines(), public_names.lines()
    new = [line for line in found if line not in promised]
    assert not new, told(GREW, new)
    assert len(found) > 400 and len({name(line) for line in found}) > 300


@pytest.mark.parametrize("package", sorted(p.parent.name for p in ROOT.glob("plugins/*/src")))
def test_a_plugin_uses_public_names_alone(package: str) -> None:
    allowed = set(public_names.public())
    used = {
        (module, name, file)
        for file in (ROOT / "plugins" / package / "src").rglob("*.py")
        for module, name in _imported(file)
    }
    private = [
        f"{f.relative_to(ROOT)}: from {m} import {n}"
        for m, n, f in sorted(used)
        if (m, n) not in allowed
    ]
    assert not private, (
        "not part of the API that spec/api.md promises:\n    "
        + "\n    ".join(private)
        + "\nUse a public "
        "name, or make this one public: add it to tests/public_names.py and record it."
    )


def _imported(file: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "interleaf":
            yield from ((str(node.module), alias.name) for alias in node.names)
