"""What a step refers to: its component, its call, the dataclasses of its parameters."""

from __future__ import annotations

from interleaf.errors import Problem, did_you_mean
from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.pipeline.params import fields_of, ports_of
from interleaf.pipeline.plan import Step, Wire
from interleaf.pipeline.site import Site
from interleaf.plugin import CALLS, Call, ComponentSpec
from interleaf.registry.discovery import import_problem, registry
from interleaf.registry.live import config_type, light_type

_MAKE = Call()


def component_of(site: Site) -> tuple[str, ComponentSpec, Wire | None] | None:
    """The component of a step with, after ``of``, the model it continues with."""
    if site.raw.use:
        return _used(site)
    name = site.raw.of.partition(".")[0]
    origin = site.steps.get(name)
    if origin is None:
        site.wire(site.raw.of, "of")
        return None
    wire = _model_of(site, origin)
    if wire is None:
        return None
    found = registry().find(origin.model_ref)
    assert not isinstance(found, Problem)  # the step that made it has found it
    return origin.model_ref, found, wire


def _used(site: Site) -> tuple[str, ComponentSpec, None] | None:
    found = registry().find(site.raw.use)
    if isinstance(found, Problem):
        site.found(found, "use")
        return None
    return site.raw.use, found, None


def _model_of(site: Site, origin: Step) -> Wire | None:
    """The model of an earlier step: the one it gives, else the one it was called on."""
    wanted = site.raw.of.partition(".")[2]
    models = [port for port, kind in origin.gives.items() if kind == "model"]
    if origin.spec.interface is not Model:
        made = origin.spec.interface.__name__.lower()
        site.problem("E406", "of", f"step '{origin.name}' made a {made}: only models go on")
    elif wanted and wanted not in models:
        message = f"step '{origin.name}' gives no model '{wanted}'"
        code = "E403" if wanted in origin.gives else "E404"
        site.problem(code, "of", message, did_you_mean(wanted, models))
    elif "dataset[model]" in origin.gives.values():
        site.problem("E403", "of", f"step '{origin.name}' gives a model for every item, not one")
    elif not origin.model_ref:
        site.problem("E403", "of", f"step '{origin.name}' gives models of several components")
    elif models or not origin.of:
        return Wire(origin.name, wanted or (models[0] if models else ""), "model")
    else:
        return origin.of
    return None


def call_of(site: Site, ref: str, spec: ComponentSpec) -> tuple[str, Call] | None:
    """The name and declaration of the call a step makes; E406 when there is none such."""
    wanted = site.raw.call
    if wanted is None and "call" in site.raw.unclear:
        return None  # what was meant is not known, and noted
    if wanted is None:
        wanted = _usual_call(site, ref, spec)
    calls = CALLS[spec.interface]
    if wanted == "" and site.raw.call is None:
        return "", _MAKE
    if wanted in calls and wanted in spec.calls:
        return wanted, spec.calls[wanted]
    if wanted in calls and spec.interface in (Evaluator, Dataset, Renderer):
        return wanted, _MAKE
    owner = spec.interface.__name__ if wanted not in calls else f"'{ref}'"
    known = ", ".join(c for c in (spec.calls or calls) if c)
    hint = f"it has: {known}" if known else "it is made by a step without 'call'"
    site.problem("E406", "call", f"{owner} has no call '{wanted}'", hint)
    return None


def _usual_call(site: Site, ref: str, spec: ComponentSpec) -> str:
    """The interface's own call; "" for a model that is only made and a schedule."""
    if spec.interface is Schedule:
        return ""
    if spec.interface is not Model or site.raw.of:
        return spec.default_call
    ports = spec.calls["apply"].ports if "apply" in spec.calls else {}
    wired = set(site.raw.needs) - _config_ports(ref, spec)
    wired |= {axis for axis in site.raw.each if axis in ports}
    empty = "needs" in site.raw.written and not site.raw.needs
    return "apply" if wired or empty or "needs" in site.raw.unclear else ""


def _config_ports(ref: str, spec: ComponentSpec) -> set[str]:
    try:
        return set(ports_of(config_type(ref, spec)))
    except Exception:  # reported by types_of, which meets it next
        return set()


def types_of(
    site: Site, ref: str, spec: ComponentSpec, call: Call
) -> tuple[type, list[type]] | None:
    """The component's Config and the call's parameters; E204 when they cannot be imported."""
    plugin = ref.partition(".")[0]
    try:
        config = config_type(ref, spec)
        params = [light_type(plugin, call.params)] if call.params else []
        for cls in (config, *params):
            fields_of(cls)
    except Exception as error:  # any fault of a stranger's module must stay its own
        site.found(import_problem(plugin, registry().module_of(plugin), error), "use")
        return None
    return config, params
