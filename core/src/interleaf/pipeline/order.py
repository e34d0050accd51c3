"""The order in which steps can be planned and run, and the circles that prevent one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interleaf.pipeline.document import Document
from interleaf.pipeline.shape import RawStep, Shape

Edges = Mapping[str, list[tuple[str, str]]]  # step → (YAML path, step it needs)


def order_steps(document: Document, shape: Shape) -> list[str]:
    """Steps after all they depend on, in document order where free; E402 for each circle.

    Texts listed under ``each`` count as dependencies too when they name a step: whether they are
    inputs or mere values is not known yet, so one that closes a circle is passed over.
    """
    certain = {n: [e for e in _edges(raw) if e[1] in shape.steps] for n, raw in shape.steps.items()}
    for circle in _walk(certain)[1]:
        _note_circle(document, list(shape.steps), circle)
    listed = {n: [e for e in _listed(raw) if e[1] in shape.steps] for n, raw in shape.steps.items()}
    while True:
        order, circles = _walk({name: certain[name] + listed[name] for name in shape.steps})
        doubtful = [
            (n, path) for circle in circles for n, path in circle if f"steps.{n}.each." in path
        ]
        if not doubtful:
            return order
        for name, path in doubtful:
            listed[name] = [e for e in listed[name] if e[0] != path]


def _edges(raw: RawStep) -> Iterator[tuple[str, str]]:
    if raw.of:
        yield f"{raw.path}.of", raw.of.partition(".")[0]
    for port, sources in raw.needs.items():
        for i, source in enumerate(sources):
            place = f"{raw.path}.needs.{port}" + (f"[{i}]" if len(sources) > 1 else "")
            yield place, source.partition(".")[0]


def _listed(raw: RawStep) -> Iterator[tuple[str, str]]:
    for axis, values in raw.each.items():
        for i, value in enumerate(values):
            if isinstance(value, str):
                yield f"{raw.path}.each.{axis}[{i}]", value.partition(".")[0]


def _walk(edges: Edges) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Depth first: the order, and each circle as pairs of step and the path that leads onwards."""
    order: list[str] = []
    circles: list[list[tuple[str, str]]] = []
    state: dict[str, str] = {}
    for root in edges:
        trail = [] if root in state else [root]
        rest, taken = {root: iter(edges[root])}, {root: ""}
        while trail:
            name = trail[-1]
            state[name] = "open"
            taken[name], source = next(rest[name], ("", ""))
            if not source:
                state[trail.pop()] = "done"
                order.append(name)
            elif source not in state:
                trail.append(source)
                rest[source] = iter(edges[source])
            elif state[source] == "open":
                circles.append([(n, taken[n]) for n in trail[trail.index(source) :]])
    return order, circles


def _note_circle(document: Document, names: list[str], circle: list[tuple[str, str]]) -> None:
    """E402 at the step of the circle that comes first in the document."""
    first = min(range(len(circle)), key=lambda i: names.index(circle[i][0]))
    turned = circle[first:] + circle[:first]
    shown = " → ".join([*(name for name, _ in turned), turned[0][0]])
    document.problem("E402", turned[0][1], f"steps need each other in a circle: {shown}")
