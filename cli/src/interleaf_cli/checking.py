"""``interleaf validate`` and ``interleaf graph``."""

from __future__ import annotations

import dataclasses

from interleaf.errors import ProblemsFound
from interleaf.pipeline.locate import find_pipeline
from interleaf.pipeline.plan import Plan, load_plan
from interleaf_cli.output import print_json
from interleaf_cli.settings import Settings, UsageError, parse_settings


def checked(pipeline: str, words: list[str]) -> Plan:
    """The plan of a pipeline whose ??? vars may stay unset."""
    file, shown = find_pipeline(pipeline)
    return load_plan(file, parse_settings(words), shown=shown, unset_vars=True)


def show_validation(pipeline: str, words: list[str], settings: Settings) -> None:
    """Say that it is valid; with ``--json`` its problems go to stdout as well."""
    try:
        plan = checked(pipeline, words)
    except ProblemsFound as error:
        if settings.json:
            print_json(
                {"valid": False, "problems": [dataclasses.asdict(p) for p in error.problems]}
            )
        raise
    if settings.json:
        print_json({"valid": True, "problems": [], "steps": list(plan.steps)})
    else:
        print(f"{pipeline}: valid, {len(plan.steps)} steps, {len(plan.outputs)} outputs")


def show_graph(pipeline: str, words: list[str], form: str) -> None:
    """Print the graph as text, Mermaid or DOT."""
    forms = {"text": _text, "mermaid": _mermaid, "dot": _dot}
    if form not in forms:
        raise UsageError(f"no format '{form}'", hint=f"--format {' | '.join(forms)}")
    print("\n".join(forms[form](checked(pipeline, words))))


def _edges(plan: Plan) -> list[tuple[str, str, str]]:
    """From, to, and the type of what flows; outputs stand as ``outputs.name``."""
    edges = [(w.step, name, w.type) for name, step in plan.steps.items() for w in step.upstream]
    edges += [(o.source.step, f"outputs.{n}", o.source.type) for n, o in plan.outputs.items()]
    edges += [(o.gate.step, f"outputs.{n}", "gate") for n, o in plan.outputs.items() if o.gate]
    return list(dict.fromkeys(edges))


def _text(plan: Plan) -> list[str]:
    lines = []
    for name, step in plan.steps.items():
        fan = f" each {', '.join(step.axes)}" if step.axes else ""
        gives = ", ".join(f"{p}: {t}" for p, t in step.gives.items())
        sources = ", ".join(dict.fromkeys(w.step for w in step.upstream))
        lines.append(f"{name}: {step.ref}{fan}{f' ← {sources}' if sources else ''} → {gives}")
    lines += [
        f"outputs.{n} ← {o.source.step}{f' if {o.gate.step} passes' if o.gate else ''}"
        for n, o in plan.outputs.items()
    ]
    return lines


def _mermaid(plan: Plan) -> list[str]:
    nodes = [f'    {n}["{n}<br/>{s.ref}"]' for n, s in plan.steps.items()]
    ends = [f'    outputs.{n}(["{n}"])' for n in plan.outputs]
    return ["flowchart LR", *nodes, *ends, *(f'    {a} -->|"{t}"| {b}' for a, b, t in _edges(plan))]


def _dot(plan: Plan) -> list[str]:
    nodes = [f'    "{n}" [label="{n}\\n{s.ref}"];' for n, s in plan.steps.items()]
    ends = [f'    "outputs.{n}" [shape=oval];' for n in plan.outputs]
    arrows = [f'    "{a}" -> "{b}" [label="{t}"];' for a, b, t in _edges(plan)]
    return ["digraph {", "    rankdir=LR; node [shape=box];", *nodes, *ends, *arrows, "}"]
