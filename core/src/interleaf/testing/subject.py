"""What is checked: a component's declaration, its class, and what it can be tried on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Fitted
from interleaf.interfaces.component import Component, Silent
from interleaf.pipeline.calling import accepts, outputs_by_name
from interleaf.pipeline.freeze import digest_values
from interleaf.pipeline.graph import USUAL_GIVES
from interleaf.plugin import Call, ComponentSpec
from interleaf.registry.live import find, load_class

SEED = 20240312


class Skip(Exception):
    """A check that says nothing about this component, and why."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What ``Component.examples()`` gives, read.

    ``configs`` are Config instances; ``calls`` maps a call to inputs (keywords, parameters
    included), each of which works with every config; ``splits`` names a dataset's parts.
    """

    configs: Sequence[Any] = ()
    calls: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    splits: Sequence[str] = ()

    @classmethod
    def of(cls, component: type[Component]) -> Examples:
        """Read them; InvalidInput for unknown keys or configurations of another class."""
        raw = dict(component.examples())
        unknown = set(raw) - {"configs", "calls", "splits"}
        if unknown:
            raise InvalidInput(
                f"{component.__name__}.examples() has unknown keys {sorted(unknown)}",
                hint="expected configs, calls, splits",
            )
        return cls(**raw)


@dataclass(frozen=True, slots=True)
class Subject:
    """A component under test."""

    ref: str
    spec: ComponentSpec
    cls: type[Component]
    examples: Examples

    @classmethod
    def of(cls, ref: str) -> Subject:
        """An installed component; imports it."""
        component = load_class(ref)
        return cls(ref, find(ref), component, Examples.of(component))

    @property
    def calls(self) -> Mapping[str, Call]:
        """The declared calls that examples exist for, or that need nothing."""
        return {
            name: call
            for name, call in self.spec.calls.items()
            if name and (name in self.examples.calls or not call.needs)
        }

    def inputs(self, call: str) -> Sequence[Mapping[str, Any]]:
        """Inputs to try a call on."""
        return self.examples.calls.get(call) or ({},)

    def cases(self) -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
        """Every configuration with every call and input."""
        for config in self.examples.configs:
            for name in self.calls:
                for inputs in self.inputs(name):
                    yield config, name, inputs

    def make(self, config: Any) -> Component:
        """A new instance."""
        return self.cls(config)

    def ready(self, config: Any, call: str) -> Component:
        """A new instance to try a call on: a ``Trainable`` one is first fitted to its first example."""
        component = self.make(config)
        if call != "fit" and "fit" in self.calls and "Trainable" in self.spec.capabilities:
            fitted = self.call(component, "fit", self.inputs("fit")[0]).get("model")
            return fitted if isinstance(fitted, self.cls) else component
        return component

    def call(
        self, component: Component, name: str, inputs: Mapping[str, Any], **context: Any
    ) -> dict[str, Any]:
        """Make a call as the runner does; its outputs by declared name."""
        method = getattr(component, name)
        with temporary() as scratch:
            context = {"seed": SEED, "scratch": scratch, **context}
            extra = {"ctx": Context(**context)} if accepts(method, "ctx") else {}
            media_type = getattr(component, "media_type", "")
            return outputs_by_name(
                method(**inputs, **extra), self.gives(name), f"'{name}' of {self.ref}", media_type
            )

    def gives(self, name: str) -> Mapping[str, str]:
        """The declared outputs of a call, or the usual ones of the interface."""
        return self.spec.calls[name].gives or USUAL_GIVES.get((self.spec.interface, name), {})

    def digest(self, config: Any, name: str, inputs: Mapping[str, Any], **context: Any) -> str:
        """A digest of what a call on a new instance gives."""
        return digest(self.call(self.ready(config, name), name, inputs, **context))


def digest(outputs: Mapping[str, Any]) -> str:
    """A digest of values by name; a live model counts by what it saves."""
    return digest_values((name, plain_model(value)) for name, value in outputs.items())


def plain_model(value: Any) -> Any:
    """A live model as the bytes of the files it saves; anything else as it is."""
    from interleaf.interfaces.model import Model

    if isinstance(value, Fitted):
        return {"model": plain_model(value.model), "log": value.log}
    if not isinstance(value, Model):
        return value
    with temporary() as folder:
        value.save(folder)
        return saved(folder)


def saved(folder: Path) -> dict[str, bytes]:
    """The files of a folder by relative name."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that vanishes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


class Stop(Exception):
    """What :class:`Impatient` raises."""


class Impatient(Silent):
    """A monitor that kills the work at its ``after``-th progress; counts all of them."""

    def __init__(self, after: int) -> None:
        self.after, self.count = after, 0

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Count, and at last raise Stop."""
        self.count += 1
        if self.count == self.after:
            raise Stop
