"""``interleaf info``: plugins, components, pipelines."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from interleaf.errors import Problem, ProblemsFound
from interleaf.pipeline.document import read_document
from interleaf.pipeline.fieldtypes import bounds, fields_of, required, shown
from interleaf.pipeline.locate import find_pipeline, pipelines_of
from interleaf.plugin import ComponentSpec, Plugin
from interleaf.registry import registry
from interleaf.registry.live import config_type, find, light_type
from interleaf_cli.output import print_columns, print_json
from interleaf_cli.settings import Settings


def show_info(ref: str, settings: Settings) -> None:
    """Print what ``ref`` is; raises ProblemsFound when there is no such thing."""
    if "/" in ref or ref.endswith((".yaml", ".yml")):
        data, show = pipeline_info(ref), _show_pipeline
    elif "." in ref:
        data, show = component_info(ref, find(ref)), _show_component
    else:
        data, show = plugin_info(ref), _show_plugin
    print_json(data) if settings.json else show(data)


def plugin_info(name: str) -> dict[str, Any]:
    """A plugin's declarations, and where it is installed."""
    plugin = registry().plugin(name)
    if isinstance(plugin, Problem):
        raise ProblemsFound([plugin])
    record = registry().records[name]
    return {
        "name": name,
        "summary": plugin.summary,
        "paper": plugin.paper,
        "distribution": record.distribution,
        "version": record.version,
        "module": record.module,
        "components": {c.name: _kind_of(c, plugin) for c in plugin.components},
        "pipelines": {n: str(p) for n, p in pipelines_of(name).items()},
        "commands": dict(plugin.commands),
    }


def _kind_of(spec: ComponentSpec, plugin: Plugin) -> dict[str, Any]:
    return {"interface": spec.interface.__name__, "summary": spec.summary, "extra": spec.extra}


def component_info(ref: str, spec: ComponentSpec) -> dict[str, Any]:
    """A component's calls with their ports, and its parameters."""
    plugin = ref.partition(".")[0]
    calls = {
        name or "(only made)": {
            "needs": dict(call.needs),
            "gives": dict(call.gives),
            "parameters": parameters(light_type(plugin, call.params)) if call.params else [],
        }
        for name, call in spec.calls.items()
    }
    config = config_type(ref, spec)
    return {
        "ref": ref,
        "interface": spec.interface.__name__,
        "summary": spec.summary,
        "capabilities": sorted(spec.capabilities),
        "deterministic": spec.deterministic,
        "calls": calls,
        "parameters": parameters(config),
        "about": inspect.cleandoc(config.__doc__ or "") if fields_of(config) else "",
    }


def parameters(cls: type) -> list[dict[str, Any]]:
    """Name, type, bounds and default of each field."""
    found = []
    for name, (annotation, field) in fields_of(cls).items():
        row: dict[str, Any] = {"name": name, "type": shown(annotation)}
        limits = [str(b) for b in bounds(annotation)]
        if limits:
            row["bounds"] = limits
        if not required(field):
            default = field.default
            if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            row["default"] = list(default) if isinstance(default, tuple) else default
        found.append(row)
    return found


def pipeline_info(ref: str) -> dict[str, Any]:
    """A pipeline's vars and steps; the document is read, not checked."""
    file, name = find_pipeline(ref)
    document = read_document(file, name)
    document.check()
    data = document.data if isinstance(document.data, dict) else {}
    steps = data.get("steps") or {}
    return {
        "pipeline": name,
        "file": str(file),
        "vars": data.get("vars") or {},
        "steps": {
            n: s.get("use") or f"of {s.get('of')}" for n, s in steps.items() if isinstance(s, dict)
        },
        "outputs": list(data.get("outputs") or {}),
    }


def _show_plugin(data: dict[str, Any]) -> None:
    print(f"{data['name']} {data['version']}  {data['summary']}")
    print_columns([(k, data[k]) for k in ("paper", "distribution", "module") if data[k]], "  ")
    print("components:")
    rows = [
        (f"{data['name']}.{n}", c["interface"], c["summary"]) for n, c in data["components"].items()
    ]
    print_columns(rows, "  ")
    for what, joint in (("pipelines", "/"), ("commands", " ")):
        if data[what]:
            print(f"{what}:")
            print_columns([(data["name"] + joint + n,) for n in data[what]], "  ")


def _show_component(data: dict[str, Any]) -> None:
    extras = ", ".join(data["capabilities"])
    print(
        f"{data['ref']}  {data['interface']}{f' ({extras})' if extras else ''}: {data['summary']}"
    )
    for name, call in data["calls"].items():
        print(f"call {name}:")
        ports = [("needs", *pair) for pair in call["needs"].items()]
        print_columns([*ports, *(("gives", *pair) for pair in call["gives"].items())], "  ")
        _show_parameters(call["parameters"])
    _show_parameters(data["parameters"])
    if data["about"]:
        print(f"\n{data['about']}")


def _show_parameters(rows: list[dict[str, Any]]) -> None:
    if rows:
        print("parameters:")
    cells = []
    for row in rows:
        default = f"default {row['default']!r}" if "default" in row else "must be given"
        cells.append(
            (row["name"], f"{row['type']} {' '.join(row.get('bounds', []))}".strip(), default)
        )
    print_columns(cells, "  ")


def _show_pipeline(data: dict[str, Any]) -> None:
    print(f"{data['pipeline']}  {data['file']}")
    for what in ("vars", "steps"):
        if data[what]:
            print(f"{what}:")
            known = {"???": "must be given"} if what == "vars" else {}
            print_columns([(n, known.get(str(v), str(v))) for n, v in data[what].items()], "  ")
    print(f"outputs: {', '.join(data['outputs'])}")
