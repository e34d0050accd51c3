"""Components as plain data: ``{"use": "plugin.name", "with": {...}}``, nested in ports.

This form travels through plans, keys and the store; :func:`make` turns it into a live object.
A trained model inside a port also carries ``folder`` and ``digest``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from interleaf.interfaces.component import Component
from interleaf.interfaces.model import Model, ModelHandle
from interleaf.pipeline.params import build, fields_of, port_interface
from interleaf.registry.live import config_type, find, load_class

Definition = Mapping[str, Any]


def make(definition: Definition) -> Component:
    """The live component of a definition; imports its class."""
    ref = definition["use"]
    component = load_class(ref)(make_config(ref, definition["with"]))
    if definition.get("folder") and isinstance(component, Model):
        component.load(Path(definition["folder"]))
    return component


def make_config(ref: str, values: Mapping[str, Any]) -> Any:
    """A Config instance from plain values whose ports hold definitions."""
    cls = config_type(ref, find(ref))
    names = [name for name, (annotation, _) in fields_of(cls).items() if port_interface(annotation)]
    ports = {name: make(values[name]) for name in names if values.get(name) is not None}
    return build(cls, {k: v for k, v in values.items() if k not in names}, ports)


def make_handle(definition: Definition, folder: Path | None, digest: str = "") -> ModelHandle:
    """The handle of a model; without a folder its digest is that of its definition."""
    return ModelHandle(
        definition["use"], definition["with"], folder, digest or digest_of(definition)
    )


def definition_of(handle: ModelHandle) -> dict[str, Any]:
    """A handle as a definition, for use inside a port."""
    return {
        "use": handle.component,
        "with": handle.config,
        "folder": str(handle.folder) if handle.folder else None,
        "digest": handle.digest,
    }


def digest_of(data: Any) -> str:
    """BLAKE2b-128 of canonical JSON, in hexadecimal (spec/keys.md)."""
    text = json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()
