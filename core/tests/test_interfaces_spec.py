"""``spec/interfaces.md`` says what the code does: calls, capabilities, checks, and what is lent and given."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from interleaf.interfaces import Context, ModelHandle
from interleaf.pipeline.graph import USUAL_GIVES
from interleaf.plugin import CALLS, CAPABILITIES, Call
from interleaf.testing import running
from interleaf.testing.running import CHECKS
from interleaf.testing.subject import Examples
from interleaf.values import Item

TEXT = (Path(__file__).parents[2] / "spec" / "interfaces.md").read_text(encoding="utf-8")
OF_PLUGINS = ("light_import", "pipelines_are_valid")
SPAWNED = ("survives_spawn", "constructor_does_no_io")


def section(title: str) -> str:
    return re.split(r"^## ", TEXT, flags=re.M)[
        [t.partition("\n")[0] for t in re.split(r"^## ", TEXT, flags=re.M)].index(title)
    ]


def rows(title: str) -> list[list[str]]:
    lines = [x for x in section(title).splitlines() if x.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([A-Za-z_]+)`", text)


def test_every_interface_has_its_section_and_its_calls():
    for interface, calls in CALLS.items():
        body = section(interface.__name__)
        for call in filter(None, calls):
            assert re.search(rf"`{call}[`(]", body), f"{interface.__name__}.{call} is not described"
        default = calls[0]
        steps = section("Steps")
        assert not default or re.search(rf"\b{default}\b", steps), default


def test_the_table_of_capabilities_is_that_of_the_code():
    told: dict[str, set[str]] = {}
    for of, names, _ in rows("Laws and capabilities"):
        told.setdefault(of, set()).update(quoted(names))
    known = {i.__name__: set(names) for i, names in CAPABILITIES.items() if names}
    assert told == known


def test_a_check_asks_for_a_capability_that_exists():
    for check in CHECKS:
        names = {n for i, of in CAPABILITIES.items() for n in of if issubclass(i, check.interface)}
        assert not check.capability or check.capability in names, check


def test_the_table_of_checks_is_that_of_the_code():
    told = {name.strip("`"): (of, asks) for of, name, asks in rows("The checks")}
    code = {c.name: (c.capability or c.interface.__name__, c.run.__doc__) for c in CHECKS}
    code |= {n: ("plugin", getattr(running, n).__doc__) for n in OF_PLUGINS}
    code |= {n: ("Component", getattr(running, n).__doc__) for n in SPAWNED}
    assert told == {n: (of, " ".join(doc.split()).rstrip(".")) for n, (of, doc) in code.items()}


def test_what_is_lent_and_handed_on_is_named_field_for_field():
    everything = section("Every component")
    for field in fields(Context):
        assert f"`{field.name}`" in everything or f"{field.name}" == "rng", field.name
    assert ", ".join(f.name for f in fields(Item)) in section("Ports")
    assert ", ".join(f.name for f in fields(Call)) in section("Ports")
    assert {f.name for f in fields(Examples)} <= set(quoted(section("Examples")))
    handle = re.search(r"ModelHandle\(([^)]*)\)", section("Model"))
    assert handle and handle[1].split(", ") == [f.name for f in fields(ModelHandle)]


def test_the_usual_outputs_are_told():
    told = {(of, call): {gives} for of, call, gives in rows("Usual outputs")}
    code = {
        (i.__name__, f"`{call}`"): {", ".join(f"`{p}: {k}`" for p, k in gives.items())}
        for (i, call), gives in USUAL_GIVES.items()
    }
    assert told == code
