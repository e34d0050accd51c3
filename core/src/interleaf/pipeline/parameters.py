"""``with`` and ``each``: a step's parameters, checked, and the coordinates it fans out over."""

from __future__ import annotations

from typing import Any

from interleaf.errors import did_you_mean
from interleaf.pipeline.inline import definition, fill_ports
from interleaf.pipeline.params import UNSET, Checker, check_params, fields_of, ports_of
from interleaf.pipeline.plan import Axis, Step
from interleaf.pipeline.site import Site


def read_parameters(site: Site, step: Step, config: type, params: list[type]) -> None:
    """Fill ``config``, ``params`` and ``own`` of a step."""
    raw = site.raw
    allowed = params if raw.of else [config, *params]
    ports = {} if raw.of else ports_of(config)
    for name, values in raw.each.items():
        axis = _axis(site, step, name, values, config, params)
        if axis:
            _claim(site, step, axis)
    given = {k: v for k, v in raw.with_.items() if k not in ports}
    unclear = raw.unclear & {"with", "each"}
    filled = {n for cls in allowed for n in fields_of(cls)} if unclear else set(raw.each)
    path = f"{step.path}.with"
    checked = check_params(given, allowed, path, site.base, site.complain, ignore=frozenset(filled))
    if not raw.of:
        step.config = checked.pop(0)
        fill_ports(site, raw.with_, config, path, step.config)
    step.params = {k: v for values in checked for k, v in values.items()}


def _axis(
    site: Site, step: Step, name: str, values: list[Any], config: type, params: list[type]
) -> Axis | None:
    """One entry of ``each``: what it sets, its values and their labels."""
    ports = {} if site.raw.of else ports_of(config)
    fields = {n: (a, "params") for cls in params for n, (a, _) in fields_of(cls).items()}
    if not site.raw.of:
        fields = {n: (a, "config") for n, (a, _) in fields_of(config).items()} | fields
    path = f"{step.path}.each.{name}"
    if name == "seed" and "seed" not in fields:
        return _seed_axis(site, values)
    if name in step.call.ports or (name in ports and all(isinstance(v, str) for v in values)):
        wires = [site.wire(str(v), f"each.{name}[{i}]") for i, v in enumerate(values)]
        found = tuple(w for w in wires if w)
        return Axis(name, "wire", found, _labels(values))
    if name in ports:
        places = enumerate(values)
        made = (definition(site, v, ports[name], True, f"{path}[{i}]") for i, v in places)
        return Axis(name, "config", tuple(made), _labels(values))
    if name in fields:
        annotation, target = fields[name]
        checker = Checker(site.base, site.complain)
        checked = [checker.value(v, annotation, f"{path}[{i}]") for i, v in enumerate(values)]
        return Axis(name, target, tuple(checked), _labels(values))
    hint = did_you_mean(name, {*fields, *step.call.ports, "seed"})
    site.problem("E301", f"each.{name}", f"unknown parameter '{name}'", hint, key=True)
    return None


def _seed_axis(site: Site, values: list[Any]) -> Axis:
    for i, value in enumerate(values):
        if value is not UNSET and (not isinstance(value, int) or isinstance(value, bool)):
            site.problem("E302", f"each.seed[{i}]", f"expected int, got {value!r}")
    return Axis("seed", "seed", tuple(values), tuple(values))


def _claim(site: Site, step: Step, axis: Axis) -> None:
    """Give the step an axis; steps that fan out over the same name must agree on its values."""
    path = f"each.{axis.name}"
    known = [label for label in axis.labels if label is not UNSET]
    if len(set(map(str, known))) < len(known):
        site.problem("E302", path, "a value stands twice in the list")
    if axis.name in site.raw.with_ or axis.name in site.raw.needs:
        site.problem("E302", path, f"'{axis.name}' is set here and in 'with' or 'needs'")
    other = site.axes.setdefault(axis.name, axis)
    if other.labels != axis.labels:
        message = f"another step fans out '{axis.name}' over other values: {list(other.labels)}"
        site.problem("E302", path, message, "use the same values, or another parameter")
    step.own[axis.name] = axis


def _labels(values: list[Any]) -> tuple[Any, ...]:
    return tuple(map(_label, values))


def _label(value: Any) -> Any:
    """A coordinate's label: the value itself when it is simple, else a short text."""
    if isinstance(value, dict) and "use" in value:
        given = value.get("with")
        inner = ",".join(f"{k}={v}" for k, v in given.items()) if isinstance(given, dict) else ""
        return f"{value['use']}({inner})" if inner else value["use"]
    return value if value is UNSET or isinstance(value, str | int | float | bool) else str(value)
