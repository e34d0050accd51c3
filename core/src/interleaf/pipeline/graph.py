"""Steps become a graph: references, parameters, wires, fan-out and port types (E2xx to E4xx)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from interleaf.errors import Problem, did_you_mean
from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.interfaces.component import Component
from interleaf.kinds import fits, item_kind, mapped, maps
from interleaf.params import role_of
from interleaf.pipeline.document import Document
from interleaf.pipeline.interpolate import base_folder
from interleaf.pipeline.params import UNSET, check_params, fields_of, port_interface, required
from interleaf.pipeline.plan import Axis, Step, Wire
from interleaf.pipeline.shape import RawStep, Shape
from interleaf.plugin import CALLS, Call, ComponentSpec, Port
from interleaf.registry.discovery import import_problem, registry
from interleaf.registry.live import config_type, light_type

# What a call gives when its descriptor does not say.
USUAL_GIVES: Mapping[tuple[type[Component], str], Mapping[str, str]] = {
    (Schedule, ""): {"schedule": "schedule"},
    (Model, ""): {"model": "model"},
    (Model, "fit"): {"model": "model"},
    (Renderer, "render"): {"artifact": "bytes"},
    (Evaluator, "evaluate"): {"report": "report"},
}
_MAKE = Call()


def plan_steps(document: Document, shape: Shape) -> tuple[dict[str, Step], dict[str, Axis]]:
    """All steps that could be understood, in an order in which they can run, and their axes."""
    steps: dict[str, Step] = {}
    axes: dict[str, Axis] = {}
    for name in _order(document, shape):
        step = _Planner(document, shape, steps, axes, shape.steps[name]).plan()
        if step:
            steps[name] = step
    return steps, axes


def find_wire(
    document: Document, steps: Mapping[str, Step], shape: Shape, source: str, path: str
) -> Wire | None:
    """The output that ``step`` or ``step.port`` names; E401 unknown step, E404 unknown output."""
    name, _, port = source.partition(".")
    if name not in steps:
        raw = document.data.get("steps") if isinstance(document.data, dict) else {}
        if name not in shape.steps and not (isinstance(raw, dict) and name in raw):
            document.problem("E401", path, f"no step '{name}'", did_you_mean(name, shape.steps))
        return None  # otherwise that step's own problems are already noted
    gives = steps[name].gives
    if not port and len(gives) == 1:
        port = next(iter(gives))
    if port in gives:
        return Wire(name, port, gives[port])
    if port:
        message, hint = f"step '{name}' has no output '{port}'", did_you_mean(port, gives)
    else:
        message, hint = f"step '{name}' gives {', '.join(gives) or 'nothing'}", f"name one: {name}.{next(iter(gives), '…')}"
    document.problem("E404", path, message, hint)
    return None


def _sources(raw: RawStep) -> list[tuple[str, str]]:
    """Pairs of YAML path and name of the step that ``raw`` depends on."""
    found = [(f"{raw.path}.of", raw.of)] if raw.of else []
    for port, sources in raw.needs.items():
        many = len(sources) > 1
        found += [(f"{raw.path}.needs.{port}" + (f"[{i}]" if many else ""), s) for i, s in enumerate(sources)]
    return [(path, source.partition(".")[0]) for path, source in found]


def _order(document: Document, shape: Shape) -> list[str]:
    """Steps after all they depend on, in document order where free; E402 for each circle."""
    order: list[str] = []
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        state[name] = 1
        for path, source in _dependencies(shape, name):
            if state.get(source) == 1:
                circle = " → ".join((*trail[trail.index(source) :], source))
                document.problem("E402", path, f"steps need each other in a circle: {circle}")
            elif source not in state:
                visit(source, (*trail, source))
        state[name] = 2
        order.append(name)

    for name in shape.steps:
        if name not in state:
            visit(name, (name,))
    return order


def _dependencies(shape: Shape, name: str) -> list[tuple[str, str]]:
    raw = shape.steps[name]
    fanned = [(f"{raw.path}.each.{a}[{i}]", v.partition(".")[0]) for a, values in raw.each.items()
              for i, v in enumerate(values) if isinstance(v, str) and a in raw.needs]  # fmt: skip
    return [(path, source) for path, source in _sources(raw) + fanned if source in shape.steps]


class _Planner:
    """Plans one step, noting every problem in the document."""

    def __init__(
        self, document: Document, shape: Shape, steps: dict[str, Step], axes: dict[str, Axis], raw: RawStep
    ) -> None:
        self.document, self.shape, self.steps, self.axes, self.raw = document, shape, steps, axes, raw
        self.base = partial(base_folder, document)

    def plan(self) -> Step | None:
        found = self._component()
        if found is None:
            return None
        ref, spec, of = found
        call = self._call(spec)
        if call is None:
            return None
        step = Step(self.raw.name, ref, spec, call[0], call[1], {}, {}, of=of)
        types = self._types(step)
        if types is None:
            return None
        self._parameters(step, types)
        self._wire(step, types[0])
        self._outputs(step)
        self._propagate(step)
        return step

    # references

    def _component(self) -> tuple[str, ComponentSpec, Wire | None] | None:
        raw = self.raw
        if raw.use:
            found = registry().find(raw.use)
            if isinstance(found, Problem):
                self._found(found, f"{raw.path}.use")
                return None
            return raw.use, found, None
        origin = self.steps.get(raw.of.partition(".")[0])
        if origin is None:
            find_wire(self.document, self.steps, self.shape, raw.of, f"{raw.path}.of")
            return None
        wire = self._model_of(origin)
        return (origin.model_ref, self._spec(origin.model_ref), wire) if wire else None

    def _model_of(self, origin: Step) -> Wire | None:
        """The model of an earlier step: the one it gives, else its own component's."""
        if origin.spec.interface is not Model:
            message = f"step '{origin.name}' made a {origin.spec.interface.__name__.lower()}: only models go on"
            self.document.problem("E406", f"{self.raw.path}.of", message)
            return None
        wanted = self.raw.of.partition(".")[2]
        models = [port for port, kind in origin.gives.items() if item_kind(kind) is None and kind == "model"]
        if wanted and wanted not in models:
            self.document.problem("E404", f"{self.raw.path}.of", f"step '{origin.name}' gives no model '{wanted}'")
            return None
        return Wire(origin.name, wanted or (models[0] if models else ""), "model")

    def _spec(self, ref: str) -> ComponentSpec:
        found = registry().find(ref)
        assert not isinstance(found, Problem)  # it has been found before
        return found

    def _found(self, problem: Problem, path: str) -> None:
        self.document.problem(problem.code, path, problem.message, problem.hint)

    def _call(self, spec: ComponentSpec) -> tuple[str, Call] | None:
        wanted, interface = self.raw.call, spec.interface
        if wanted is None:
            wanted = self._usual_call(spec)
        if wanted == "" and interface in (Model, Schedule):
            return "", _MAKE
        if wanted in CALLS[interface] and wanted in spec.calls:
            return wanted, spec.calls[wanted]
        if wanted in CALLS[interface] and interface in (Evaluator, Dataset, Renderer):
            return wanted, _MAKE
        owner = interface.__name__ if wanted not in CALLS[interface] else f"'{spec.name}'"
        known = ", ".join(c for c in (spec.calls or CALLS[interface]) if c)
        message = f"{owner} has no call '{wanted}'"
        self.document.problem("E406", f"{self.raw.path}.call", message, f"it has: {known}" if known else "")
        return None

    def _usual_call(self, spec: ComponentSpec) -> str:
        if spec.interface is Model and not self.raw.of:
            ports = spec.calls["apply"].ports if "apply" in spec.calls else {}
            config_ports = {n for n, (a, _) in self._fields(self.raw.use, spec).items() if port_interface(a)}
            if not set(self.raw.needs) - config_ports and not any(a in ports for a in self.raw.each):
                return ""
        return spec.default_call

    def _fields(self, ref: str, spec: ComponentSpec) -> Mapping[str, Any]:
        try:
            return fields_of(config_type(ref, spec))
        except Exception:  # reported by _types, which meets it next
            return {}

    # parameters

    def _types(self, step: Step) -> tuple[type, list[type]] | None:
        """The component's Config, and the types whose fields ``with`` may set."""
        plugin = step.ref.partition(".")[0]
        try:
            config = config_type(step.ref, step.spec)
            params = [light_type(plugin, step.call.params)] if step.call.params else []
            for cls in (config, *params):
                fields_of(cls)
        except Exception as error:
            module = registry().module_of(plugin)
            self._found(import_problem(plugin, module, error), f"{self.raw.path}.use")
            return None
        return config, params

    def _parameters(self, step: Step, types: tuple[type, list[type]]) -> None:
        config, params = types
        allowed = params if self.raw.of else [config, *params]
        ports = {n for n, (a, _) in fields_of(config).items() if port_interface(a)} if not self.raw.of else set()
        given = {k: v for k, v in self.raw.with_.items() if k not in ports}
        axes = self._axes(step, allowed, ports)
        checked = check_params(given, allowed, f"{step.path}.with", self.base, self._complain, ignore=axes)
        if not self.raw.of:
            step.config = checked.pop(0)
            for name in ports & set(self.raw.with_):
                step.config[name] = self._inline(self.raw.with_[name], fields_of(config)[name][0], f"{step.path}.with.{name}")
        step.params = {k: v for values in checked for k, v in values.items()}
        self._files(given, allowed, step)

    def _axes(self, step: Step, allowed: list[type], ports: set[str]) -> frozenset[str]:
        """Read ``each``; the parameters it sets."""
        fields = {n: (a, cls) for cls in allowed for n, (a, _) in fields_of(cls).items()}
        for name, values in self.raw.each.items():
            path = f"{step.path}.each.{name}"
            if name == "seed":
                axis = self._seed_axis(values, path)
            elif name in step.call.ports or (name in ports and all(isinstance(v, str) for v in values)):
                axis = self._wire_axis(name, values, path)
            elif name in ports:
                inline = (self._inline(v, fields[name][0], f"{path}[{i}]") for i, v in enumerate(values))
                axis = Axis(name, "config", tuple(inline), tuple(map(_label, values)))
            elif name in fields:
                axis = self._value_axis(name, values, path, fields[name][1], allowed[0])
            else:
                hint = did_you_mean(name, {*fields, *step.call.ports, "seed"})
                self.document.problem("E301", path, f"unknown parameter '{name}'", hint, key=True)
                continue
            self._claim(step, axis, path)
        return frozenset(n for n, axis in step.own.items() if axis.target in ("config", "params"))

    def _claim(self, step: Step, axis: Axis, path: str) -> None:
        if len(set(map(str, axis.labels))) < len(axis.labels):
            self.document.problem("E302", path, "a value stands twice in the list")
        if axis.name in self.raw.with_ or axis.name in self.raw.needs:
            self.document.problem("E302", path, f"'{axis.name}' is set here and in 'with' or 'needs'")
        known = self.axes.setdefault(axis.name, axis)
        if known.labels != axis.labels:
            message = f"another step fans out '{axis.name}' over other values: {list(known.labels)}"
            self.document.problem("E302", path, message, "use the same values, or another parameter")
        step.own[axis.name] = axis

    def _seed_axis(self, values: list[Any], path: str) -> Axis:
        for i, value in enumerate(values):
            if not isinstance(value, int) or isinstance(value, bool):
                self.document.problem("E302", f"{path}[{i}]", f"expected int, got {value!r}")
        return Axis("seed", "seed", tuple(values), tuple(values))

    def _wire_axis(self, name: str, values: list[Any], path: str) -> Axis:
        wires = [find_wire(self.document, self.steps, self.shape, str(v), f"{path}[{i}]") for i, v in enumerate(values)]
        return Axis(name, "wire", tuple(w for w in wires if w), tuple(map(str, values)))

    def _value_axis(self, name: str, values: list[Any], path: str, cls: type, config: type) -> Axis:
        checked = [
            check_params({name: v}, [cls], path, self.base, partial(self._complain_axis, name, i), ignore=frozenset(fields_of(cls)) - {name})[0].get(name)
            for i, v in enumerate(values)
        ]  # fmt: skip
        target = "config" if cls is config and not self.raw.of else "params"
        return Axis(name, target, tuple(checked), tuple(map(_label, values)))

    def _complain_axis(self, name: str, index: int, code: str, path: str, message: str, hint: str) -> None:
        place = path.replace(f"each.{name}.{name}", f"each.{name}[{index}]", 1)
        self.document.problem(code, place, message, hint)

    def _complain(self, code: str, path: str, message: str, hint: str) -> None:
        self.document.problem(code, path, message, hint, key=code == "E301")

    def _files(self, given: Mapping[str, Any], types: list[type], step: Step) -> None:
        """E306 for every InFile that is not there."""
        for cls in types:
            for name, (annotation, _) in fields_of(cls).items():
                value = {**step.config, **step.params}.get(name)
                if role_of(annotation) == "infile" and isinstance(value, str) and name in given:
                    self._file(value, f"{step.path}.with.{name}")
        for axis in step.own.values():
            for cls in types:
                annotation = fields_of(cls).get(axis.name, (None,))[0]
                if role_of(annotation) == "infile":
                    for i, value in enumerate(axis.values):
                        self._file(value, f"{step.path}.each.{axis.name}[{i}]")

    def _file(self, value: Any, path: str) -> None:
        if isinstance(value, str) and not os.path.exists(value):
            self.document.problem("E306", path, f"no such file or folder: {value}")

    def _inline(self, raw: Any, annotation: Any, path: str) -> Any:
        """A component written inside ``with``, as a definition."""
        interface = port_interface(annotation)
        assert interface is not None
        if raw is None or raw is UNSET:
            return raw
        if not isinstance(raw, dict) or "use" not in raw or set(raw) - {"use", "with"}:
            hint = "or wire it from a step under 'needs'"
            self.document.problem("E302", path, f"expected {{use: …, with: …}}, a {interface.__name__.lower()}", hint)
            return UNSET
        found = registry().find(str(raw["use"]))
        if isinstance(found, Problem):
            self._found(found, f"{path}.use")
            return UNSET
        if found.interface is not interface:
            message = f"expected a {interface.__name__.lower()}, {raw['use']} is a {found.interface.__name__.lower()}"
            self.document.problem("E403", f"{path}.use", message)
            return UNSET
        return {"use": raw["use"], "with": self._inline_values(raw, found, path)}

    def _inline_values(self, raw: dict[str, Any], spec: ComponentSpec, path: str) -> dict[str, Any]:
        cls = config_type(raw["use"], spec)
        given = raw.get("with") or {}
        if not isinstance(given, dict):
            self.document.problem("E302", f"{path}.with", "expected a mapping")
            given = {}
        ports = {n for n, (a, _) in fields_of(cls).items() if port_interface(a)}
        plain = {k: v for k, v in given.items() if k not in ports}
        values = check_params(plain, [cls], f"{path}.with", self.base, self._complain)[0]
        for name in ports & set(given):
            values[name] = self._inline(given[name], fields_of(cls)[name][0], f"{path}.with.{name}")
        return values

    # wires

    def _wire(self, step: Step, config: type) -> None:
        ports = dict(step.call.ports)
        fields = {} if self.raw.of else {n: a for n, (a, _) in fields_of(config).items() if port_interface(a)}
        mapping: set[str] = set()
        for name, sources in self.raw.needs.items():
            if name in ports:
                step.wires[name] = self._connect(step, ports[name], sources, mapping)
            elif name in fields:
                self._connect_field(step, name, fields[name], sources)
            else:
                hint = did_you_mean(name, {*ports, *fields}) or f"'{step.call_name}' of {step.ref} needs nothing"
                self.document.problem("E301", f"{step.path}.needs.{name}", f"unknown input '{name}'", hint, key=True)
        for axis in step.own.values():
            if axis.target == "wire" and axis.name in ports:
                self._connect_axis(step, ports[axis.name], axis, mapping)
        step.mapped = frozenset(mapping)
        self._missing(step, ports, fields, config)

    def _connect(self, step: Step, port: Port, sources: list[str], mapping: set[str]) -> list[Wire]:
        path = f"{step.path}.needs.{port.name}"
        if len(sources) != 1 and not port.many:
            self.document.problem("E403", path, f"input '{port.name}' takes one step, got {len(sources)}")
            return []
        wires = []
        for i, source in enumerate(sources):
            place = f"{path}[{i}]" if f"{path}[{i}]" in self.document.marks else path
            wire = find_wire(self.document, self.steps, self.shape, source, place)
            if wire and self._accepts(step, port, wire, place, mapping):
                wires.append(wire)
        return wires

    def _connect_axis(self, step: Step, port: Port, axis: Axis, mapping: set[str]) -> None:
        for i, wire in enumerate(axis.values):
            self._accepts(step, port, wire, f"{step.path}.each.{axis.name}[{i}]", mapping)
        kinds = {w.type for w in axis.values}
        if len({k in ("any", port.type) or fits(k, port.type) for k in kinds}) > 1:
            self.document.problem("E403", f"{step.path}.each.{axis.name}", "some of these are datasets, some are not")

    def _accepts(self, step: Step, port: Port, wire: Wire, path: str, mapping: set[str]) -> bool:
        if fits(wire.type, port.type):
            return True
        if maps(wire.type, port.type):
            if not port.many:
                mapping.add(port.name)
            return True
        message = f"{step.name}.{port.name} wants {port.type}, {wire.step}.{wire.port} gives {wire.type}"
        self.document.problem("E403", path, message)
        return False

    def _connect_field(self, step: Step, name: str, annotation: Any, sources: list[str]) -> None:
        interface = port_interface(annotation)
        path = f"{step.path}.needs.{name}"
        if len(sources) != 1:
            self.document.problem("E403", path, f"input '{name}' takes one step, got {len(sources)}")
            return
        if name in self.raw.with_:
            self.document.problem("E302", path, f"'{name}' is set here and in 'with'")
        wire = find_wire(self.document, self.steps, self.shape, sources[0], path)
        wanted = {Schedule: "schedule", Model: "model"}.get(interface, "")  # type: ignore[arg-type]
        if wire and wire.type != wanted:
            message = f"{step.name}.{name} wants {wanted}, {wire.step}.{wire.port} gives {wire.type}"
            self.document.problem("E403", path, message)
        elif wire:
            step.ports[name] = wire

    def _missing(self, step: Step, ports: Mapping[str, Port], fields: Mapping[str, Any], config: type) -> None:
        near = {did_you_mean(n, ports).partition("'")[2].rstrip("'?") for n in self.raw.needs if n not in ports}
        for name, port in ports.items():
            absent = name not in self.raw.needs and name not in step.own
            if absent and not port.optional and name not in near:
                self._unwired(step, name, port.type)
        for name in fields:
            filled = name in self.raw.with_ or name in self.raw.needs or name in step.own
            if not filled and required(fields_of(config)[name][1]):
                interface = port_interface(fields[name])
                self._unwired(step, name, interface.__name__.lower() if interface else "")

    def _unwired(self, step: Step, name: str, kind: str) -> None:
        message = f"input '{name}' of step '{step.name}' is not wired: it takes {kind}"
        self.document.problem("E405", f"{step.path}.needs.{name}", message, f"needs: {{{name}: STEP}}")

    # what comes out

    def _outputs(self, step: Step) -> None:
        usual = USUAL_GIVES.get((step.spec.interface, step.call_name), {})
        gives = dict(step.call.gives or usual)
        if step.mapped:
            merged = step.spec.interface is Evaluator
            gives = {n: t if merged and t == "report" else mapped(t) for n, t in gives.items()}
        step.gives = gives
        step.model_ref = step.ref
        source = step.wires.get(step.call.hands_on, [])
        if source:
            step.model_ref = self.steps[source[0].step].model_ref

    def _propagate(self, step: Step) -> None:
        """The step's axes: its own and those of everything upstream that no ``*`` port gathers."""
        axes: dict[str, None] = {}
        ports = step.call.ports
        for name, wires in step.wires.items():
            if not ports[name].many:
                axes.update(dict.fromkeys(a for w in wires for a in self.steps[w.step].axes))
        single = [*step.ports.values(), *([step.of] if step.of else [])]
        single += [w for axis in step.own.values() if axis.target == "wire" for w in axis.values]
        axes.update(dict.fromkeys(a for w in single for a in self.steps[w.step].axes))
        axes.update(dict.fromkeys(step.own))
        step.axes = tuple(axes)


def _label(value: Any) -> Any:
    """A coordinate's label: the value itself when it is simple, else a short text."""
    if isinstance(value, dict) and "use" in value:
        inner = ",".join(f"{k}={v}" for k, v in (value.get("with") or {}).items())
        return f"{value['use']}({inner})" if inner else value["use"]
    return value if isinstance(value, str | int | float | bool) else str(value)


