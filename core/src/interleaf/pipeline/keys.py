"""The key of a step: BLAKE2b-128 over canonical JSON of all that its result depends on.

The normative text is ``spec/keys.md``. Not in it: paths, output names, verbosity, worker count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interleaf.interfaces.dataset import Dataset
from interleaf.params import role_of
from interleaf.pipeline.components import digest_of, make
from interleaf.pipeline.fingerprint import Fingerprints, code_of
from interleaf.pipeline.instances import Instance, Source
from interleaf.pipeline.params import fields_of, port_interface
from interleaf.pipeline.seeds import derive_seed
from interleaf.registry.live import config_type, find, light_type

KEY_FORMAT = 1
Payload = Mapping[str, Any]


class Keys:
    """The keys of a plan's instances, each computed once.

    ``numeric`` names what decides the last bits of a number: device type and dtype.
    """

    def __init__(self, seed: int, numeric: Mapping[str, str], fingerprints: Fingerprints) -> None:
        self.seed, self.numeric, self.fingerprints = seed, numeric, fingerprints
        self.payloads: dict[str, Payload] = {}
        self._keys: dict[str, str] = {}
        self.accepted: dict[str, str] = {}

    def seed_of(self, instance: Instance) -> int:
        """The derived seed; a coordinate named ``seed`` takes the place of the root seed."""
        return derive_seed(int(instance.coords.get("seed", self.seed)), instance.step.path)

    def key(self, instance: Instance) -> str:
        """32 hexadecimal digits."""
        if instance.label not in self._keys:
            payload = self._payload(instance)
            self.payloads[instance.label] = payload
            self._keys[instance.label] = digest_of(payload)
        return self._keys[instance.label]

    def keep(self, instance: Instance, key: str) -> None:
        """Accept an older result in place of this instance's."""
        self._keys[instance.label] = self.accepted[instance.label] = key

    def _payload(self, instance: Instance) -> Payload:
        step = instance.step
        payload: dict[str, Any] = {
            "format": KEY_FORMAT,
            "component": step.ref,
            "call": step.call_name,
            "config": self._values(config_type(step.ref, step.spec), instance.config),
            "params": self._params(instance),
            "inputs": {
                port: [self._input(instance, port, s) for s in ss]
                for port, ss in instance.inputs.items()
            },
            "ports": {name: self._source(s) for name, s in instance.ports.items()},
            "of": self._source(instance.of) if instance.of else None,
            "seed": self.seed_of(instance),
            "numeric": dict(self.numeric),
            "code": code_of(frozenset(_plugins(step.ref, instance.config)), self.fingerprints),
        }
        if (
            step.spec.interface is Dataset
            and not instance.upstream
            and not self._reads_files(instance)
        ):
            payload["content"] = self._content(instance)
        return payload

    def _content(self, instance: Instance) -> str:
        dataset = make({"use": instance.step.ref, "with": instance.config})
        assert isinstance(dataset, Dataset)
        return dataset.fingerprint()

    def _params(self, instance: Instance) -> Payload:
        step = instance.step
        if not step.call.params:
            return {}
        return self._values(
            light_type(step.ref.partition(".")[0], step.call.params), instance.params
        )

    def _input(self, instance: Instance, port: str, source: Source) -> Payload:
        """A gathered item also carries its label, which the component sees."""
        many = instance.step.call.ports[port].many
        return {**self._source(source), **({"label": source.instance.label} if many else {})}

    def _source(self, source: Source) -> Payload:
        return {"key": self.key(source.instance), "port": source.port}

    def _values(self, cls: type, values: Mapping[str, Any]) -> Payload:
        """Values of a Config with files replaced by what is in them."""
        found: dict[str, Any] = {}
        for name, (annotation, _) in fields_of(cls).items():
            if name in values:
                found[name] = self._value(values[name], annotation)
        return found

    def _value(self, value: Any, annotation: Any) -> Any:
        if value is None:
            return None
        if port_interface(annotation):
            return self._definition(value)
        if _is_infile(annotation) and isinstance(value, str):
            return {"content": self.fingerprints.of(Path(value))}
        return value

    def _definition(self, definition: Mapping[str, Any]) -> Payload:
        ref = definition["use"]
        return {"use": ref, "with": self._values(config_type(ref, find(ref)), definition["with"])}

    def _reads_files(self, instance: Instance) -> bool:
        fields = fields_of(config_type(instance.step.ref, instance.step.spec))
        return any(
            _is_infile(fields[n][0]) and v is not None
            for n, v in instance.config.items()
            if n in fields
        )


def _is_infile(annotation: Any) -> bool:
    options = getattr(annotation, "__args__", ())
    return role_of(annotation) == "infile" or any(role_of(o) == "infile" for o in options)


def _plugins(ref: str, config: Mapping[str, Any]) -> Iterator[str]:
    yield ref.partition(".")[0]
    for value in config.values():
        if isinstance(value, Mapping) and "use" in value:
            yield from _plugins(value["use"], value["with"])
