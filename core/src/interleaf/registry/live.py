"""From a declaration to live objects: classes, configurations, components, loaded models."""

from __future__ import annotations

import importlib
from functools import cache

from interleaf.errors import Problem, ProblemsFound
from interleaf.interfaces.component import Component, Context, NoConfig
from interleaf.interfaces.model import Model, ModelHandle
from interleaf.kinds import KINDS
from interleaf.plugin import ComponentSpec
from interleaf.registry.discovery import import_problem, registry


def find(ref: str) -> ComponentSpec:
    """The declaration of ``plugin.component``; raises ProblemsFound (E106, E2xx)."""
    found = registry().find(ref)
    if isinstance(found, Problem):
        raise ProblemsFound([found])
    return found


@cache
def light_type(plugin: str, name: str) -> type:
    """A dataclass named in a descriptor (``Name`` in the sibling ``config``, or ``module:Name``)."""
    if not name:
        return NoConfig
    module, _, attribute = name.rpartition(":")
    if not module:
        module = registry().module_of(plugin).rpartition(".")[0] + ".config"
    found: type = getattr(importlib.import_module(module), attribute)
    return found


def config_type(ref: str, spec: ComponentSpec) -> type:
    """The Config dataclass of a component, found without importing the component."""
    return light_type(ref.partition(".")[0], spec.config)


def load_class(ref: str) -> type[Component]:
    """Import a component's class; raises ProblemsFound (E204) when a module is missing."""
    spec = find(ref)
    module, _, name = spec.target.partition(":")
    try:
        found: type[Component] = getattr(importlib.import_module(module), name)
    except Exception as error:
        plugin = ref.partition(".")[0]
        raise ProblemsFound([import_problem(plugin, module, error, spec.extra)]) from error
    return found


_models: dict[tuple[str, str, str], Model] = {}


def live_model(handle: ModelHandle, ctx: Context) -> Model:
    """The live model of a handle, loaded once per (digest, device, dtype)."""
    key = (handle.digest, ctx.device, ctx.dtype)
    if key not in _models:
        _models[key] = fresh_model(handle)
    return _models[key]


def fresh_model(handle: ModelHandle) -> Model:
    """A live model of a handle, made and loaded anew."""
    from interleaf.pipeline.components import definition_of, make

    model = make(definition_of(handle))
    assert isinstance(model, Model)
    return model


def class_of(kind: str) -> type | None:
    """The class that holds a kind, importing the plugin that owns it; None if no one declares it."""
    if kind in KINDS:
        return light_type("core", KINDS[kind])
    plugin, _, name = kind.partition(".")
    record = registry().records.get(plugin)
    owner = record.plugin if record else None
    return light_type(plugin, owner.kinds[name]) if owner and name in owner.kinds else None
