"""The descriptor: what a plugin says about itself without importing anything heavy.

A plugin's light module holds one ``PLUGIN = Plugin(...)``; an entry point of the group
``interleaf.plugins`` names the module. Only the standard library and ``interleaf`` may be imported
there; the code itself stays behind target strings (``package.module:Name``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from interleaf.interfaces.component import Component
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.evaluator import Evaluator
from interleaf.interfaces.model import Model
from interleaf.interfaces.renderer import Renderer
from interleaf.interfaces.schedule import Schedule

API = 1  # the version of these interfaces, and what it promises: spec/api.md

# The calls each interface has; the first is the default one ("" makes the component only).
CALLS: Mapping[type[Component], tuple[str, ...]] = {
    Dataset: ("open",),
    Model: ("apply", "fit", "generate", "encode", "decode", "logprobs", "reply"),
    Schedule: ("",),
    Renderer: ("render",),
    Evaluator: ("evaluate",),
}
CAPABILITIES: Mapping[type[Component], tuple[str, ...]] = {
    Dataset: ("Sized", "Indexed", "Resumable", "Split"),
    Model: ("Trainable", "Generative", "Codec", "Scored", "Chat", "Distributed"),
    Schedule: (
        "NonNegative", "Simplex", "Monotone", "Bounded", "VariancePreserving", "Budget", "Periodic",
    ),
    Renderer: (),
    Evaluator: ("Streaming",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Port:
    """A named input: its type, whether it may be left out, whether it takes many."""

    name: str
    type: str
    optional: bool = False
    many: bool = False


@dataclass(frozen=True)
class Call:
    """One call: ``needs`` and ``gives`` map names to port types, ``params`` names its dataclass.

    A port type is a kind, ``dataset[kind]``, ``model`` or ``schedule``; in ``needs`` a trailing
    ``?`` makes it optional and ``*`` lets it take many. ``hands_on`` names the input whose
    component a given ``model`` belongs to (a trainer hands on the model it was given); by default
    the model is of the component itself.
    """

    needs: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    params: str = ""
    hands_on: str = ""

    @cached_property
    def ports(self) -> Mapping[str, Port]:
        """``needs``, parsed."""
        return {name: parse_port(name, text) for name, text in self.needs.items()}


def parse_port(name: str, text: str) -> Port:
    """``"image*?"`` → many, optional images."""
    bare = text.rstrip("?*")
    flags = text[len(bare) :]
    return Port(name, bare, optional="?" in flags, many="*" in flags)


@dataclass(frozen=True)
class ComponentSpec:
    """A component as its descriptor declares it."""

    name: str
    interface: type[Component]
    target: str
    config: str = ""
    calls: Mapping[str, Call] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    deterministic: bool = False
    summary: str = ""
    extra: str = ""

    @property
    def default_call(self) -> str:
        """The call made when a step names none."""
        return CALLS[self.interface][0]


def component(
    name: str,
    interface: type[Component],
    target: str,
    *,
    config: str = "",
    calls: Mapping[str, Call] | None = None,
    capabilities: Sequence[str] = (),
    deterministic: bool = False,
    summary: str = "",
    extra: str = "",
) -> ComponentSpec:
    """Declare a component.

    ``config`` and ``Call.params`` name dataclasses as ``module:Name``, or ``Name`` alone for the
    module ``config`` beside the descriptor; that module must be light too. ``deterministic``
    promises equal bytes for equal inputs and seed. ``extra`` names the plugin's optional
    dependencies that this component needs.
    """
    return ComponentSpec(
        name=name,
        interface=interface,
        target=target,
        config=config,
        calls=dict(calls or {}),
        capabilities=frozenset(capabilities),
        deterministic=deterministic,
        summary=summary,
        extra=extra,
    )


@dataclass(frozen=True)
class Plugin:
    """A distribution's descriptor.

    ``kinds`` maps the plugin's own kinds (without its prefix) to the dataclasses that hold them;
    ``pipelines`` are YAML files inside the package; ``commands`` maps names to functions shown as
    ``interleaf <plugin> <command>``; ``requires`` are the modules its components import.
    """

    name: str
    api: int
    summary: str = ""
    paper: str = ""
    requires: Sequence[str] = ()
    components: Sequence[ComponentSpec] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    pipelines: Sequence[str] = ()
    commands: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, ComponentSpec]:
        """The components by name."""
        return {c.name: c for c in self.components}
