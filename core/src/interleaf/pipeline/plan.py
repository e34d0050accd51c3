"""Document → plan: a typed graph of steps, with everything checked that can be without running.

Nothing heavy is imported: components are known by their descriptors, parameters by light Config
dataclasses. All problems that can be found are reported together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interleaf.pipeline.document import Document, read_document
from interleaf.pipeline.interpolate import resolve
from interleaf.pipeline.settings import apply_settings
from interleaf.pipeline.shape import RawOutput, Shape, read_shape
from interleaf.plugin import Call, ComponentSpec


@dataclass(frozen=True, slots=True)
class Wire:
    """An output of an earlier step, and its type."""

    step: str
    port: str
    type: str


@dataclass(frozen=True, slots=True)
class Axis:
    """One coordinate of a fan-out. ``target`` says what it sets: config, params, wire or seed."""

    name: str
    target: str
    values: tuple[Any, ...]
    labels: tuple[Any, ...]


@dataclass(slots=True)
class Step:
    """A checked step. ``config`` holds definitions for ports filled inline.

    ``wires`` are the call's inputs, ``ports`` the Config fields filled from steps, ``of`` the model
    it continues with; ``gives`` maps outputs to types (datasets when the call is mapped over
    ``mapped`` ports); ``axes`` are all coordinates it has, its ``own`` ones included.
    """

    name: str
    ref: str
    spec: ComponentSpec
    call_name: str
    call: Call
    config: dict[str, Any]
    params: dict[str, Any]
    wires: dict[str, list[Wire]] = field(default_factory=dict)
    ports: dict[str, Wire] = field(default_factory=dict)
    of: Wire | None = None
    own: dict[str, Axis] = field(default_factory=dict)
    axes: tuple[str, ...] = ()
    mapped: frozenset[str] = frozenset()
    gives: dict[str, str] = field(default_factory=dict)
    model_ref: str = ""

    @property
    def path(self) -> str:
        """``steps.name``."""
        return f"steps.{self.name}"

    @property
    def upstream(self) -> Iterator[Wire]:
        """Every wire that leads into this step."""
        for wires in self.wires.values():
            yield from wires
        yield from self.ports.values()
        for axis in self.own.values():
            if axis.target == "wire":
                yield from axis.values
        if self.of:
            yield self.of


@dataclass(frozen=True, slots=True)
class Output:
    """What a run publishes: the value of ``source``, if the verdict of ``gate`` allows it."""

    name: str
    source: Wire
    gate: Wire | None = None


@dataclass(slots=True)
class Plan:
    """A checked pipeline; ``steps`` stand in an order in which they can run."""

    name: str
    seed: int
    file: str
    steps: dict[str, Step]
    outputs: dict[str, Output]
    axes: dict[str, Axis]

    def coordinates(self, axes: tuple[str, ...]) -> list[dict[str, Any]]:
        """Every combination of labels along ``axes``, the last axis fastest."""
        combinations: list[dict[str, Any]] = [{}]
        for axis in axes:
            labels = self.axes[axis].labels
            combinations = [{**c, axis: label} for c in combinations for label in labels]
        return combinations


def load_plan(
    file: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    shown: str = "",
    seed: int | None = None,
    unset_vars: bool = False,
) -> Plan:
    """Read, check and plan a pipeline file for running; raises ProblemsFound with all problems."""
    document = read_document(file, shown)
    return plan_document(document, settings or {}, seed=seed, unset_vars=unset_vars)


def plan_document(
    document: Document,
    settings: Mapping[str, Any],
    *,
    seed: int | None = None,
    unset_vars: bool = False,
) -> Plan:
    """Check a parsed document; ``unset_vars`` leaves ``???`` vars unchecked (for validation)."""
    from interleaf.pipeline.graph import plan_steps

    apply_settings(document, settings)
    unset = resolve(document)
    shape = read_shape(document)
    for path in () if unset_vars else unset:
        _require_var(document, path)
    steps, axes = plan_steps(document, shape)
    found = {n: _output(document, raw, steps, shape) for n, raw in shape.outputs.items()}
    document.check()
    outputs = {name: output for name, output in found.items() if output}
    return Plan(
        shape.name, shape.seed if seed is None else seed, document.file, steps, outputs, axes
    )


def _require_var(document: Document, path: str) -> None:
    """E303 for a var that is still ``???``."""
    name = path.removeprefix("vars.")
    hint = f"interleaf run {document.file} {path if '.' in name else name}=…"
    document.problem("E303", path, f"'{name}' must be given", hint)


def _output(
    document: Document, raw: RawOutput, steps: dict[str, Step], shape: Shape
) -> Output | None:
    from interleaf.pipeline.site import find_wire

    path = f"outputs.{raw.name}"
    written = isinstance(document.data["outputs"][raw.name], dict)
    place = f"{path}.from" if written else path
    source = find_wire(document, steps, shape, raw.source, place)
    if not raw.gate:
        return Output(raw.name, source) if source else None
    gate = find_wire(document, steps, shape, raw.gate, f"{path}.gate")
    if gate and gate.type not in ("report", "any"):
        message = f"a gate needs a report with a verdict, {raw.gate} gives {gate.type}"
        document.problem("E403", f"{path}.gate", message)
    return Output(raw.name, source, gate) if source and gate else None
