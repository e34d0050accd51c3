"""Plain data and Config dataclasses: ``plain`` takes one apart, ``build`` puts one together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from interleaf.pipeline.fieldtypes import MAPPINGS, SEQUENCES, bare, fields_of, matches, options


def plain(value: Any) -> Any:
    """A config value as plain data: dataclasses become mappings, tuples lists, paths text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, Path) else value


def build(cls: type, values: Mapping[str, Any], ports: Mapping[str, Any] | None = None) -> Any:
    """An instance of a Config dataclass from plain values and live port objects."""
    fields = fields_of(cls).items()
    live = {name: _live(values[name], kind) for name, (kind, _) in fields if name in values}
    return cls(**live, **(ports or {}))


def _live(value: Any, annotation: Any) -> Any:
    for option in options(annotation):
        inner, args = bare(option), get_args(bare(option))
        kind = get_origin(inner) or inner
        if not matches(value, option):
            continue
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            return build(inner, value)
        if kind in SEQUENCES:
            return _live_sequence(value, list if kind is list else tuple, args)
        if kind in MAPPINGS and args:
            return {k: _live(v, args[1]) for k, v in value.items()}
        return Path(value) if inner is Path else value
    return value


def _live_sequence(value: list[Any], kind: type, args: tuple[Any, ...]) -> Any:
    if not args:
        return kind(value)
    fixed = kind is tuple and len(args) == len(value) and args[-1] is not Ellipsis
    kinds = args if fixed else (args[0],) * len(value)
    return kind(_live(v, k) for v, k in zip(value, kinds, strict=True))
