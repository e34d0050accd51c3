"""Every public name of the core with its signature, one a line: what ``spec/api-1.txt`` freezes.

    python tests/public_names.py > spec/api-1.txt

Read from the sources (griffe), so that a line stands as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe

SOURCES = Path(__file__).parents[1] / "core" / "src"
# What a plugin, a script or a listener may import. Whole modules first, then single names of rooms that
# are otherwise the core's own.
MODULES = (
    "errors", "values", "kinds", "params", "plugin", "weights", "intervals", "api", "testing", "interfaces",
    "interfaces.component", "interfaces.dataset", "interfaces.evaluator", "interfaces.model",
    "interfaces.renderer", "interfaces.report", "interfaces.schedule", "registry.hooks",
    "builtin.schedules", "builtin.config",
)  # fmt: skip
NAMES = {
    "pipeline.apart": "apart",
    "pipeline.calling": "accepts",
    "pipeline.collection": "Collection",
    "pipeline.document": "Document read_document",
    "pipeline.execute": "compute",
    "pipeline.executors": "Done Executor Job Relay Workers scheduled sendable timed",
    "pipeline.files": "folder_atomic remove sibling write_atomic",
    "pipeline.fingerprint": "Fingerprints digest_of_file",
    "pipeline.instances": "Instance Source",
    "pipeline.monitor": "Listener Quiet",
    "pipeline.plan": "Plan load_plan",
    "pipeline.positions": "Document",
    "pipeline.ranks": "Torchrun",
    "pipeline.runner": "RunOptions RunResult run_plan",
    "pipeline.session": "Numeric Session",
    "pipeline.store": "MemoryStore Meta Store Stored default_root open_store",
    "pipeline.yaml12": "Loader",
    "testing.running": "check_plugin conformance Result Summary",
    "testing.subject": "Examples Subject",
}


@cache
def core() -> griffe.Module:
    """The package ``interleaf``, as its sources say it."""
    found = griffe.load("interleaf", search_paths=[SOURCES], allow_inspection=False)
    assert isinstance(found, griffe.Module)
    return found


def public() -> Iterator[tuple[str, str]]:
    """Pairs of a module and a name in it that others may import."""
    for module in ("", *MODULES):
        live = core()[module] if module else core()
        path = f"interleaf.{module}".rstrip(".")
        for name in sorted(live.exports or _own(live)):
            yield path, str(name)
    for module, names in NAMES.items():
        yield from ((f"interleaf.{module}", name) for name in names.split())


def _own(module: griffe.Object) -> list[str]:
    return [n for n, m in module.members.items() if not n.startswith("_") and not m.is_alias]


def lines() -> list[str]:
    """A line for each, and for each member of a class, in the order of :func:`public`."""
    return [line for module, name in public() for line in _told(module, name)]


def _told(module: str, name: str) -> Iterator[str]:
    live = core()[module.removeprefix("interleaf").lstrip(".")] if "." in module else core()
    found = live.members.get(name)
    if found is None or found.is_alias:
        yield f"{module}.{name}"  # described where it is at home
        return
    yield from _described(f"{module}.{name}", found)


def _described(path: str, found: griffe.Object | griffe.Alias) -> Iterator[str]:
    if isinstance(found, griffe.Function):
        yield path + _signature(found)
    elif isinstance(found, griffe.Class):
        yield f"{path}({', '.join(str(b) for b in found.bases)})"
        told = (
            set() if "dataclass" in found.labels else {"__init__"}
        )  # a dataclass tells its fields
        for name, member in found.members.items():
            if (not name.startswith("_") or name in told) and not member.is_alias:
                yield from _described(f"{path}.{name}", member)
    elif isinstance(found, griffe.Attribute):
        annotation = f": {found.annotation}" if found.annotation else ""
        constant = path.rpartition(".")[2].isupper()
        value = f" = {found.value}" if found.value is not None and not constant else ""
        yield path + annotation + value


def _signature(function: griffe.Function) -> str:
    parameters = [_parameter(p) for p in function.parameters]
    kinds = [p.kind for p in function.parameters]
    for index, kind in enumerate(kinds):
        if kind is griffe.ParameterKind.keyword_only and "*" not in "".join(parameters[:index]):
            parameters.insert(index, "*")
            break
    return f"({', '.join(parameters)}) -> {function.returns}"


def _parameter(parameter: griffe.Parameter) -> str:
    stars = {"variadic positional": "*", "variadic keyword": "**"}
    star = stars.get(parameter.kind.value if parameter.kind else "", "")
    annotation = f": {parameter.annotation}" if parameter.annotation else ""
    default = f" = {parameter.default}" if parameter.default is not None and not star else ""
    return star + parameter.name + annotation + default


if __name__ == "__main__":
    print("\n".join(lines()))
