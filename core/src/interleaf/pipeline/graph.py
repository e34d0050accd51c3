"""Steps become a graph: references, parameters, wires, fan-out and port types (E2xx to E4xx)."""

from __future__ import annotations

from collections.abc import Mapping

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.interfaces.component import Component
from interleaf.pipeline.document import Document
from interleaf.pipeline.order import order_steps
from interleaf.pipeline.parameters import read_parameters
from interleaf.pipeline.plan import Axis, Step
from interleaf.pipeline.references import call_of, component_of, types_of
from interleaf.pipeline.shape import Shape
from interleaf.pipeline.site import Site, find_wire
from interleaf.pipeline.wiring import connect, outputs_of, owner_of, propagate

__all__ = ["find_wire", "plan_steps"]

# What a call gives when its descriptor does not say.
USUAL_GIVES: Mapping[tuple[type[Component], str], Mapping[str, str]] = {
    (Dataset, "open"): {"data": "dataset[any]"},
    (Schedule, ""): {"schedule": "schedule"},
    (Model, ""): {"model": "model"},
    (Model, "fit"): {"model": "model"},
    (Renderer, "render"): {"artifact": "bytes"},
    (Evaluator, "evaluate"): {"report": "report"},
}


def plan_steps(document: Document, shape: Shape) -> tuple[dict[str, Step], dict[str, Axis]]:
    """All steps that could be understood, in an order in which they can run, and their axes."""
    steps: dict[str, Step] = {}
    axes: dict[str, Axis] = {}
    order = order_steps(document, shape)
    for place, name in enumerate(order):
        pending = frozenset(order[place + 1 :])
        step = _plan(Site(document, shape, steps, pending, axes, shape.steps[name]))
        if step:
            steps[name] = step
    return steps, axes


def _plan(site: Site) -> Step | None:
    """One step, with every problem noted; None when nothing could be said about it."""
    found = component_of(site)
    if found is None:
        return None
    ref, spec, of = found
    call = call_of(site, ref, spec)
    types = types_of(site, ref, spec, call[1]) if call else None
    if call is None or types is None:
        return None
    step = Step(site.raw.name, ref, spec, *call, {}, {}, of=of)
    read_parameters(site, step, *types)
    connect(site, step, types[0])
    step.gives = outputs_of(step, USUAL_GIVES.get((spec.interface, step.call_name), {}))
    step.model_ref = owner_of(step, site.steps)
    propagate(step, site.steps)
    return step
