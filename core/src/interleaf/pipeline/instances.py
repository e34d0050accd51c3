"""A plan unrolled: one instance of a step for every combination of its coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from interleaf.pipeline.plan import Plan, Step, Wire
from interleaf.values import coords_suffix


@dataclass(frozen=True)
class Source:
    """One output of one instance."""

    instance: Instance
    port: str


@dataclass(frozen=True, eq=False)
class Instance:
    """A step at one place of its fan-out. ``config`` and ``params`` have the coordinates filled in;
    ``inputs`` are the sources of each port, ``ports`` those of Config fields."""

    step: Step
    coords: Mapping[str, Any]
    config: Mapping[str, Any] = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    inputs: Mapping[str, tuple[Source, ...]] = field(repr=False)
    ports: Mapping[str, Source] = field(repr=False)
    of: Source | None = field(repr=False)

    @cached_property
    def label(self) -> str:
        """``fit[points=500]``."""
        return self.step.name + coords_suffix(self.coords)

    @property
    def upstream(self) -> tuple[Source, ...]:
        """Everything this instance reads."""
        of = (self.of,) if self.of else ()
        return (
            *(s for sources in self.inputs.values() for s in sources),
            *self.ports.values(),
            *of,
        )


def unroll(plan: Plan) -> dict[str, Instance]:
    """Every instance of a plan by label, in an order in which they can run."""
    found: dict[str, list[Instance]] = {}
    for step in plan.steps.values():
        found[step.name] = [_instance(step, c, found) for c in plan.coordinates(step.axes)]
    return {i.label: i for instances in found.values() for i in instances}


def _instance(step: Step, coords: dict[str, Any], found: Mapping[str, list[Instance]]) -> Instance:
    config, params, wires = dict(step.config), dict(step.params), dict(step.wires)
    fields = dict(step.ports)
    for axis in step.own.values():
        value = axis.values[axis.labels.index(coords[axis.name])]
        if axis.target == "wire" and axis.name in step.call.ports:
            wires[axis.name] = [value]
        elif axis.target == "wire":
            fields[axis.name] = value
        elif axis.target != "seed":
            (config if axis.target == "config" else params)[axis.name] = value
    return Instance(
        step,
        coords,
        config,
        params,
        {
            port: tuple(s for w in ws for s in _sources(w, coords, found))
            for port, ws in wires.items()
        },
        {name: _sources(wire, coords, found)[0] for name, wire in fields.items()},
        _sources(step.of, coords, found)[0] if step.of else None,
    )


def _sources(
    wire: Wire, coords: Mapping[str, Any], found: Mapping[str, list[Instance]]
) -> list[Source]:
    """The instances of a wire's step that agree with ``coords`` on every axis both have."""
    return [
        Source(instance, wire.port)
        for instance in found[wire.step]
        if all(coords.get(axis, label) == label for axis, label in instance.coords.items())
    ]
