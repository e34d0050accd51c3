"""Components written inside ``with``: ``{lr: {use: core.cosine, with: {length: 100}}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interleaf.errors import Problem, closest, did_you_mean
from interleaf.interfaces.component import Component
from interleaf.pipeline.params import UNSET, check_params, fields_of, ports_of, required
from interleaf.pipeline.site import Site
from interleaf.plugin import ComponentSpec
from interleaf.registry.discovery import import_problem, registry
from interleaf.registry.live import config_type

KEYS = ("use", "with")


def definition(site: Site, raw: Any, interface: type[Component], optional: bool, path: str) -> Any:
    """A component inside a parameter, at a full path, as plain data; UNSET after a problem."""
    if raw is UNSET or (raw is None and optional):
        return raw
    what = interface.__name__.lower()
    if not isinstance(raw, dict):
        got = "nothing" if raw is None else f"{type(raw).__name__} {raw!r}"
        message = f"expected a {what}, {{use: …, with: …}}, got {got}"
        site.complain("E302", path, message, "a step is wired under 'needs'")
        return UNSET
    spec = _component(site, raw, path)
    if spec is None:
        return UNSET
    if not issubclass(spec.interface, interface):
        other = spec.interface.__name__.lower()
        site.complain("E403", f"{path}.use", f"expected a {what}, {raw['use']} is a {other}", "")
        return UNSET
    return _filled(site, raw, spec, path)


def fill_ports(
    site: Site, given: Mapping[str, Any], cls: type, path: str, values: dict[str, Any]
) -> None:
    """Put the definitions that ``given`` holds for the ports of ``cls`` into ``values``."""
    for name, interface in ports_of(cls).items():
        if name in given:
            optional = not required(fields_of(cls)[name][1])
            values[name] = definition(site, given[name], interface, optional, f"{path}.{name}")


def _component(site: Site, raw: dict[str, Any], path: str) -> ComponentSpec | None:
    unknown = [key for key in raw if key not in KEYS]
    for key in unknown:
        hint = did_you_mean(key, KEYS)
        site.document.problem("E101", f"{path}.{key}", f"unknown key '{key}'", hint, key=True)
    if "use" not in raw:
        if "use" not in {closest(key, KEYS) for key in unknown}:
            site.document.problem("E105", path, "a component needs 'use'", key=True)
        return None
    if raw["use"] is UNSET:
        return None
    if not isinstance(raw["use"], str):
        site.complain("E106", f"{path}.use", f"expected plugin.component, got {raw['use']!r}", "")
        return None
    found = registry().find(raw["use"])
    if isinstance(found, Problem):
        site.complain(found.code, f"{path}.use", found.message, found.hint)
        return None
    return found


def _filled(site: Site, raw: dict[str, Any], spec: ComponentSpec, path: str) -> Any:
    ref = raw["use"]
    try:
        cls = config_type(ref, spec)
        ports = ports_of(cls)
    except Exception as error:  # any fault of a stranger's module must stay its own
        plugin = ref.partition(".")[0]
        problem = import_problem(plugin, registry().module_of(plugin), error)
        site.complain(problem.code, f"{path}.use", problem.message, problem.hint)
        return UNSET
    given = {} if raw.get("with") is None else raw["with"]
    inner = f"{path}.with"
    if not isinstance(given, dict):
        if given is not UNSET:
            got = f"{type(given).__name__} {given!r}"
            site.complain("E302", inner, f"expected a mapping, got {got}", "")
        return UNSET
    plain = {k: v for k, v in given.items() if k not in ports}
    clear = {closest(key, KEYS) for key in raw if key not in KEYS} != {"with"}
    absent = frozenset() if clear else frozenset(fields_of(cls))
    values = check_params(plain, [cls], inner, site.base, site.complain, ignore=absent)[0]
    fill_ports(site, given, cls, inner, values)
    for name, interface in ports.items():
        if name not in given and name not in absent and required(fields_of(cls)[name][1]):
            message = f"'{name}' of {ref} is missing: it takes a {interface.__name__.lower()}"
            site.complain("E405", f"{inner}.{name}", message, f"{name}: {{use: …}}")
    return {"use": ref, "with": values}
