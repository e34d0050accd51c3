"""``needs``: wires from earlier steps to ports, which kinds fit, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interleaf.errors import closest, did_you_mean
from interleaf.interfaces import Evaluator, Model, Schedule
from interleaf.interfaces.component import Component
from interleaf.kinds import fits, mapped, maps
from interleaf.pipeline.params import fields_of, ports_of, required
from interleaf.pipeline.plan import Axis, Step, Wire
from interleaf.pipeline.site import Site
from interleaf.plugin import Port

# The kind that fills a Config field typed as an interface.
_KIND_OF: Mapping[type[Component], str] = {Schedule: "schedule", Model: "model"}


def connect(site: Site, step: Step, config: type) -> None:
    """Fill ``wires``, ``ports`` and ``mapped`` of a step; E301, E403, E405."""
    fields = {} if site.raw.of else ports_of(config)
    for name, sources in site.raw.needs.items():
        if name in step.call.ports:
            step.wires[name] = _connected(site, step, step.call.ports[name], sources)
        elif name in fields:
            _connect_field(site, step, name, fields[name], sources)
        else:
            _unknown(site, step, name, {*step.call.ports, *fields})
    for axis in step.own.values():
        if axis.target == "wire":
            _check_axis(site, step, axis, fields)
    step.mapped = frozenset(_mapped_ports(step))
    _note_missing(site, step, fields, config)


def propagate(step: Step, steps: Mapping[str, Step]) -> None:
    """The step's axes: its own and those of everything upstream that no ``*`` port gathers."""
    many = {name for name, port in step.call.ports.items() if port.many}
    single = [w for name, wires in step.wires.items() if name not in many for w in wires]
    single += [*step.ports.values(), *([step.of] if step.of else [])]
    wired = (a for a in step.own.values() if a.target == "wire" and a.name not in many)
    single += [w for axis in wired for w in axis.values]
    axes = [a for wire in single for a in steps[wire.step].axes]
    step.axes = tuple(dict.fromkeys([*axes, *step.own]))


def outputs_of(step: Step, usual: Mapping[str, str]) -> dict[str, str]:
    """What a step gives: for a mapped call datasets, for a mapped Evaluator one merged report."""
    gives = dict(step.call.gives or usual)
    if not step.mapped:
        return gives
    merged = step.spec.interface is Evaluator
    return {n: t if merged and t == "report" else mapped(t) for n, t in gives.items()}


def owner_of(step: Step, steps: Mapping[str, Step]) -> str:
    """The component of the model a step gives: its own, or that of the model it hands on.

    "" when it hands on models of several components.
    """
    wires = list(step.wires.get(step.call.hands_on, ()))
    axis = step.own.get(step.call.hands_on)
    wires += axis.values if axis else ()
    owners = {steps[w.step].model_ref for w in wires}
    return step.ref if not owners else owners.pop() if len(owners) == 1 else ""


def _connected(site: Site, step: Step, port: Port, sources: list[str]) -> list[Wire]:
    path = f"needs.{port.name}"
    if len(sources) > 1 and not port.many:
        message = f"input '{port.name}' takes one step, got {len(sources)}"
        site.problem("E403", path, message)
        return []
    wires = []
    for i, source in enumerate(sources):
        place = f"{path}[{i}]" if f"{step.path}.{path}[{i}]" in site.document.marks else path
        wire = site.wire(source, place)
        if wire and _accepts(site, step, port.name, port.type, wire, place):
            wires.append(wire)
    return wires


def _connect_field(
    site: Site, step: Step, name: str, interface: type[Component], sources: list[str]
) -> None:
    """A Config field filled from a step."""
    path = f"needs.{name}"
    if name in site.raw.with_:
        site.problem("E302", path, f"'{name}' is set here and in 'with'")
    if len(sources) > 1:
        site.problem("E403", path, f"input '{name}' takes one step, got {len(sources)}")
    elif interface not in _KIND_OF:
        site.problem("E403", path, f"'{name}' is written inside 'with': {{use: …}}")
    elif sources:
        wire = site.wire(sources[0], path)
        if wire and _is_kind(site, step, name, _KIND_OF[interface], wire, path):
            step.ports[name] = wire


def _accepts(site: Site, step: Step, name: str, wanted: str, wire: Wire, path: str) -> bool:
    """Whether a wire fits a port, as it is or mapped over its items."""
    return maps(wire.type, wanted) or _is_kind(site, step, name, wanted, wire, path)


def _is_kind(site: Site, step: Step, name: str, wanted: str, wire: Wire, path: str) -> bool:
    if fits(wire.type, wanted):
        return True
    message = f"{step.name}.{name} wants {wanted}, {wire.step}.{wire.port} gives {wire.type}"
    site.problem("E403", path, message)
    return False


def _check_axis(site: Site, step: Step, axis: Axis, fields: Mapping[str, type[Component]]) -> None:
    """The wires of an axis fit, and are all mapped or all not."""
    port, path = step.call.ports.get(axis.name), f"each.{axis.name}"
    wanted = port.type if port else _KIND_OF.get(fields[axis.name], "")
    check = _accepts if port else _is_kind
    places = enumerate(axis.values)
    good = [check(site, step, axis.name, wanted, w, f"{path}[{i}]") for i, w in places]
    mixed = len({fits(w.type, wanted) for w in axis.values}) > 1
    if all(good) and port and not port.many and mixed:
        site.problem("E403", path, "some of these are datasets to go through, some are not")


def _mapped_ports(step: Step) -> Iterator[str]:
    for name, port in step.call.ports.items():
        axis = step.own.get(name)
        wires = axis.values if axis and axis.target == "wire" else step.wires.get(name, ())
        if not port.many and any(maps(w.type, port.type) for w in wires):
            yield name


def _unknown(site: Site, step: Step, name: str, known: set[str]) -> None:
    hint = did_you_mean(name, known) or f"'{step.call_name}' of {step.ref} has no inputs"
    site.problem("E301", f"needs.{name}", f"unknown input '{name}'", hint, key=True)


def _note_missing(
    site: Site, step: Step, fields: Mapping[str, type[Component]], config: type
) -> None:
    """E405 for each required input that nothing fills, unless a near-miss explains it."""
    raw, ports = site.raw, step.call.ports
    known = {*ports, *fields} - set(raw.needs)
    near = {closest(n, known) for n in raw.needs if n not in ports and n not in fields}
    filled = {n for n, sources in raw.needs.items() if sources or f"needs.{n}" in raw.unclear}
    filled |= near | set(raw.each)
    if not raw.unclear & {"needs", "each"}:
        for name, port in ports.items():
            if not port.optional and name not in filled:
                _unwired(site, step, name, port.type)
    if not raw.unclear & {"needs", "each", "with"}:
        for name, interface in fields.items():
            if required(fields_of(config)[name][1]) and name not in filled | set(raw.with_):
                _unwired(site, step, name, interface.__name__.lower())


def _unwired(site: Site, step: Step, name: str, kind: str) -> None:
    message = f"input '{name}' of step '{step.name}' is not wired: it takes {kind}"
    site.problem("E405", f"needs.{name}", message, f"needs: {{{name}: STEP}}")
