"""One run's view of a plan: the value behind every wire, from the store or computed into it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from interleaf.errors import CorruptData
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.model import ModelHandle
from interleaf.kinds import maps
from interleaf.pipeline.calling import check_kind
from interleaf.pipeline.collection import as_dataset
from interleaf.pipeline.components import definition_of, make, make_handle
from interleaf.pipeline.instances import Instance, Source, unroll
from interleaf.pipeline.keys import Keys
from interleaf.pipeline.monitor import Listener
from interleaf.pipeline.params import build
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.store import Store
from interleaf.registry.live import light_type
from interleaf.values import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeric:
    """What components compute with; ``threads`` does not enter keys."""

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0

    @property
    def identity(self) -> dict[str, str]:
        """The part that decides results: the device's type, without its index, and the dtype."""
        return {"device": self.device.partition(":")[0], "dtype": self.dtype}


class Session:
    """A plan, a store and the values that flow between them."""

    def __init__(self, plan: Plan, store: Store, numeric: Numeric, listener: Listener) -> None:
        self.plan, self.store, self.numeric, self.listener = plan, store, numeric, listener
        self.keys = Keys(plan.seed, numeric.identity, store.fingerprints)
        self._values: dict[str, dict[str, Any]] = {}

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """Every instance by label, in an order in which they can run."""
        return unroll(self.plan)

    @cached_property
    def _readers(self) -> dict[str, int]:
        counts = dict.fromkeys(self.instances, 0)
        for instance in self.instances.values():
            for source in instance.upstream:
                counts[source.instance.label] += 1
        return counts

    def release(self, instance: Instance) -> None:
        """``instance`` is done: forget values that no other instance will read."""
        for source in instance.upstream:
            label = source.instance.label
            self._readers[label] -= 1
            if self._readers[label] <= 0:
                self._values.pop(label, None)

    def value(self, source: Source) -> Any:
        """What flows out of an instance; a corrupt entry is computed again, with a notice."""
        instance = source.instance
        if not source.port:
            return make_handle(self.definition(instance), None)
        if instance.label not in self._values:
            self._values[instance.label] = self._outputs(instance)
        return self._values[instance.label][source.port]

    def _outputs(self, instance: Instance) -> dict[str, Any]:
        if is_made(instance):
            return self._made(instance)
        try:
            return self.store.load(self.keys.key(instance))
        except CorruptData as error:
            from interleaf.pipeline.execute import compute

            self.listener.notice(f"{instance.label}: {error.message}; computing it again")
            compute(self, instance)
            return self.store.load(self.keys.key(instance))

    def _made(self, instance: Instance) -> dict[str, Any]:
        """Outputs that are descriptions rather than results: rebuilt from the plan, so that moved
        files are found where the plan says they are now."""
        port = next(iter(instance.step.gives))
        definition = self.definition(instance)
        if instance.step.spec.interface is Dataset:
            dataset: Any = make(definition)
            return {port: dataset.open(**self.inputs(instance), **self.params(instance))}
        return {
            port: definition
            if instance.step.gives[port] == "schedule"
            else make_handle(definition, None)
        }

    def definition(self, instance: Instance) -> dict[str, Any]:
        """The component of an instance as plain data, with its wired ports filled in."""
        values = dict(instance.config)
        for name, source in instance.ports.items():
            found = self.value(source)
            values[name] = definition_of(found) if isinstance(found, ModelHandle) else found
        return {"use": instance.step.ref, "with": values}

    def params(self, instance: Instance) -> dict[str, Any]:
        """The call's parameters as keywords."""
        call = instance.step.call
        if not call.params:
            return {}
        live = build(light_type(instance.step.ref.partition(".")[0], call.params), instance.params)
        return {f.name: getattr(live, f.name) for f in fields(live)}

    def inputs(self, instance: Instance) -> dict[str, Any]:
        """The call's inputs as keywords; optional ones that are not wired are left out."""
        ports = instance.step.call.ports
        found: dict[str, Any] = {}
        for name, sources in instance.inputs.items():
            if ports[name].many:
                found[name] = [item for s in sources for item in self._items(s, ports[name].type)]
            elif sources:
                found[name] = self._input(instance, name, sources[0])
        return found

    def _live(self, source: Source) -> Any:
        """A value as a component receives it: a schedule is live, not its definition."""
        value = self.value(source)
        return make(value) if source.instance.step.gives.get(source.port) == "schedule" else value

    def _items(self, source: Source, wanted: str) -> list[Item]:
        """What a ``*`` port gathers; a dataset of the port's kind gives its items."""
        instance, value = source.instance, self._live(source)
        name, coords = instance.step.name, dict(instance.coords)
        if maps(instance.step.gives[source.port], wanted):
            pairs = as_dataset(value).items()
            return [Item(v, name, source.port, {**coords, "item": i}) for i, v in pairs]
        return [Item(value, name, source.port, coords)]

    def _input(self, instance: Instance, name: str, source: Source) -> Any:
        value = self._live(source)
        wanted = instance.step.call.ports[name].type
        if name in instance.step.mapped or wanted.startswith("dataset["):
            return as_dataset(value)
        check_kind(value, wanted, f"input '{name}' of step '{instance.label}'")
        return value


def is_made(instance: Instance) -> bool:
    """Whether a step only describes something (a schedule, an untrained model, a dataset)."""
    return instance.step.call_name == "" or instance.step.spec.interface is Dataset
