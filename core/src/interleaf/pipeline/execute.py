"""Computing one instance: inputs, the call, and its outputs into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from interleaf.errors import InterleafError
from interleaf.interfaces import Context, Evaluator, ModelHandle, Report
from interleaf.interfaces.report import merge_reports
from interleaf.kinds import item_kind
from interleaf.pipeline.calling import accepts, outputs_by_name
from interleaf.pipeline.components import digest_of, make
from interleaf.pipeline.files import remove
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.monitor import StepMonitor
from interleaf.pipeline.seeds import derive_seed
from interleaf.pipeline.session import Session, is_made


def compute(session: Session, instance: Instance) -> None:
    """Compute an instance into the store; raises whatever its component raises."""
    key = session.keys.key(instance)
    if is_made(instance):
        session.store.freeze(key, instance.label, {"made": instance.step.ref}, None)
        return
    inputs = session.inputs(instance)
    call = _Call(session, instance, inputs)
    if instance.step.mapped:
        _map(session, instance, call, inputs)
    else:
        outputs = call(inputs, key, session.keys.seed_of(instance))
        session.store.freeze(key, instance.label, outputs, call.definition)


class _Call:
    """The bound method of an instance's component, and what surrounds it."""

    def __init__(self, session: Session, instance: Instance, inputs: Mapping[str, Any]) -> None:
        self.session, self.instance = session, instance
        numeric = session.numeric
        base = Context(device=numeric.device, dtype=numeric.dtype, threads=numeric.threads)
        if instance.of:
            handle: ModelHandle = session.value(instance.of)
            component: Any = handle.load(base)
            definition = {"use": handle.component, "with": handle.config}
        else:
            definition = session.definition(instance)
            component = make(definition)
        given = inputs.get(instance.step.call.hands_on)
        if isinstance(given, ModelHandle):
            definition = {"use": given.component, "with": given.config}
        self.definition, self.media_type = definition, getattr(component, "media_type", "")
        self.method = _method(component, instance)
        self.params = session.params(instance)
        self.wants_context = accepts(self.method, "ctx")

    def __call__(
        self, inputs: Mapping[str, Any], key: str, seed: int, item: int = 0, items: int = 1
    ) -> dict[str, Any]:
        """Call, with a Context where one is asked for; ``key`` names the folder to resume from."""
        if not self.wants_context:
            return self._outputs(self.method(**inputs, **self.params))
        store, numeric = self.session.store, self.session.numeric
        resume = store.resume(key)
        resume.mkdir(parents=True, exist_ok=True)
        scratch = store.scratch()
        context = Context(
            seed=seed,
            device=numeric.device,
            dtype=numeric.dtype,
            threads=numeric.threads,
            monitor=StepMonitor(self.session.listener, self.instance.label, item, items),
            resume=resume,
            scratch=scratch,
        )
        try:
            return self._outputs(self.method(**inputs, **self.params, ctx=context))
        finally:
            remove(scratch)

    def _outputs(self, result: Any) -> dict[str, Any]:
        step = self.instance.step
        who = f"'{step.call_name}' of {step.ref}"
        return outputs_by_name(result, _item_gives(self.instance), who, self.media_type)


def _map(session: Session, instance: Instance, call: _Call, inputs: Mapping[str, Any]) -> None:
    """Call once for every item, each stored by itself, so that a killed run keeps what it has."""
    key, store = session.keys.key(instance), session.store
    names = sorted(instance.step.mapped)
    total = len(list(inputs[names[0]].ids()))
    keys: dict[str, str] = {}
    for index, (name, values) in enumerate(_zipped(names, inputs, instance)):
        keys[name] = digest_of({"step": key, "item": name})
        session.listener.progress(instance.label, index, total, {"item": name})
        if not store.verified(keys[name]):
            seed = derive_seed(session.keys.seed_of(instance), name)
            outputs = call({**inputs, **values}, keys[name], seed, index, total)
            store.freeze(keys[name], f"{instance.label}/{name}", outputs, call.definition)
    _gather(session, instance, keys)


def _gather(session: Session, instance: Instance, keys: Mapping[str, str]) -> None:
    """The mapped step's own entry: references to its items, or their merged report."""
    key, store = session.keys.key(instance), session.store
    if instance.step.spec.interface is Evaluator:
        ports = {p for p, kind in instance.step.gives.items() if kind == "report"}
        found = {name: store.load(k) for name, k in keys.items()}
        merged: dict[str, Report] = {
            port: merge_reports({name: outputs[port] for name, outputs in found.items()})
            for port in ports
        }
        store.freeze(key, instance.label, merged, None)
        return
    trees = {
        port: {
            "$": "items",
            "ids": list(keys),
            "keys": list(keys.values()),
            "port": port,
            "digest": f"{key}.{port}",
        }
        for port in instance.step.gives
    }
    store.put(key, instance.label, lambda folder: trees)


def _zipped(
    names: list[str], inputs: Mapping[str, Any], instance: Instance
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ids with the items of every mapped port; datasets that differ in ids are refused."""
    ids = {port: list(inputs[port].ids()) for port in names}
    for port in names[1:]:
        if ids[port] != ids[names[0]]:
            raise InterleafError(
                f"step '{instance.label}' goes through '{names[0]}' and '{port}' together, but their items "
                f"differ: {_few(ids[names[0]])} and {_few(ids[port])}",
                hint="both must come from the same dataset",
            )
    for rows in zip(*(inputs[port].items() for port in names), strict=True):
        yield rows[0][0], {port: value for port, (_, value) in zip(names, rows, strict=True)}


def _item_gives(instance: Instance) -> Mapping[str, str]:
    """What one call gives: for a mapped step, the types of one item."""
    gives = instance.step.gives
    if not instance.step.mapped or instance.step.spec.interface is Evaluator:
        return gives
    return {port: item_kind(kind) or kind for port, kind in gives.items()}


def _method(component: Any, instance: Instance) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(component, instance.step.call_name, None)
    if found is None:
        raise InterleafError(
            f"{type(component).__name__} has no method '{instance.step.call_name}', which the descriptor of "
            f"{instance.step.ref} declares",
            hint="this is a fault of the plugin: report it to its authors",
        )
    return found


def _few(ids: list[str]) -> str:
    return f"{len(ids)} items ({', '.join(ids[:3])}{', …' if len(ids) > 3 else ''})"
