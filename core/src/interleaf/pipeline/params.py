"""Checking a ``with`` mapping against a Config dataclass, without importing the component.

The result is plain data with every default filled in: what the key hashes and what the component
is later built from. Fields typed as an interface are ports and are left out here.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from interleaf.errors import closest, did_you_mean
from interleaf.interfaces.component import Component
from interleaf.params import Bound, role_of

# Stands for a value that is not known yet: an unset ``???`` var, or a failed interpolation.
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "???", "__deepcopy__": lambda self, memo: self})()

Complain = Callable[[str, str, str, str], None]  # code, path, message, hint


@cache
def fields_of(cls: type) -> Mapping[str, tuple[Any, dataclasses.Field[Any]]]:
    """Name → (annotation, field) of a Config dataclass, in order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {f.name: (hints[f.name], f) for f in dataclasses.fields(cls)}


def port_interface(annotation: Any) -> type[Component] | None:
    """The interface a field is typed as (``Schedule`` or ``Schedule | None``), else None."""
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, Component):
            return option
    return None


def required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def check_params(
    raw: Mapping[str, Any],
    types_: list[type],
    path: str,
    base: Callable[[str], Path],
    complain: Complain,
    *,
    ignore: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Plain, complete values for each of ``types_``; what is wrong goes to ``complain``.

    ``raw`` may mix the fields of all types; ``base`` gives the folder that a relative path at a
    YAML path starts from; ``ignore`` names fields that are filled elsewhere (ports). E301 unknown,
    E302 type, E303 missing, E304 range, E305 not finite.
    """
    known = {name for cls in types_ for name in fields_of(cls)}
    unknown = [name for name in raw if name not in known]
    for name in unknown:
        complain("E301", f"{path}.{name}", f"unknown parameter '{name}'", did_you_mean(name, known))
    explained = {closest(name, known) for name in unknown}
    return [_values(raw, cls, path, base, complain, ignore, explained) for cls in types_]


def _values(
    raw: Mapping[str, Any],
    cls: type,
    path: str,
    base: Callable[[str], Path],
    complain: Complain,
    ignore: frozenset[str],
    explained: set[str],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (annotation, field) in fields_of(cls).items():
        if name in ignore or port_interface(annotation):
            continue
        if name in raw:
            values[name] = _Checker(base, complain).value(raw[name], annotation, f"{path}.{name}")
        elif not required(field):
            values[name] = _default(field)
        elif name not in explained:
            complain("E303", f"{path}.{name}", f"parameter '{name}' is missing: expected {_shown(annotation)}", "")
    return values


def _default(field: dataclasses.Field[Any]) -> Any:
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return plain(value)


def plain(value: Any) -> Any:
    """A config value as plain data: dataclasses become mappings, tuples lists, paths text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, Path) else value


class _Checker:
    """Checks one value against one annotation and gives its plain form."""

    def __init__(self, base: Callable[[str], Path], complain: Complain) -> None:
        self.base, self.complain = base, complain

    def value(self, value: Any, annotation: Any, path: str) -> Any:
        if value is UNSET:
            return value
        if isinstance(value, float) and not math.isfinite(value):
            self.complain("E305", path, f"{value} is not a finite number", "")
            return UNSET
        options = _options(annotation)
        if value is None and type(None) in options:
            return None
        for option in options:
            if self._matches(value, option):
                return self._converted(value, option, annotation, path)
        got = "nothing" if value is None else f"{type(value).__name__} {value!r}"
        hint = "put quotes around it" if str in map(_bare, options) and isinstance(value, int | float) else ""
        self.complain("E302", path, f"expected {_shown(annotation)}, got {got}", hint)
        return UNSET

    def _matches(self, value: Any, option: Any) -> bool:
        bare = _bare(option)
        origin = get_origin(bare)
        if bare is Any:
            return True
        if origin is Literal:
            return any(value == a and type(value) is type(a) for a in get_args(bare))
        if bare is float:
            return isinstance(value, int | float) and not isinstance(value, bool)
        if bare is int:
            return isinstance(value, int) and not isinstance(value, bool)
        if bare in (str, Path):
            return isinstance(value, str)
        if origin in (list, tuple) or bare in (list, tuple):
            return isinstance(value, list)
        if origin is dict or bare is dict or dataclasses.is_dataclass(bare):
            return isinstance(value, dict)
        return isinstance(bare, type) and isinstance(value, bare)

    def _converted(self, value: Any, option: Any, annotation: Any, path: str) -> Any:
        bare, origin, args = _bare(option), get_origin(_bare(option)), get_args(_bare(option))
        for bound in (*getattr(annotation, "__metadata__", ()), *getattr(option, "__metadata__", ())):
            if isinstance(bound, Bound) and not bound.holds(value):
                self.complain("E304", path, f"{value!r} is out of range: expected {bound}", "")
                return UNSET
        if bare is float:
            return float(value)
        if role_of(option) == "infile" or role_of(annotation) == "infile":
            return str(self.base(path) / Path(value).expanduser())
        if dataclasses.is_dataclass(bare) and isinstance(bare, type):
            return check_params(value, [bare], path, self.base, self.complain)[0]
        if isinstance(value, list) and origin in (list, tuple):
            return self._sequence(value, args, origin, path, annotation)
        if isinstance(value, dict) and origin is dict:
            return {k: self.value(v, args[1], f"{path}.{k}") for k, v in value.items()}
        return value

    def _sequence(self, value: list[Any], args: Any, origin: Any, path: str, annotation: Any) -> Any:
        if origin is tuple and args[-1] is not Ellipsis:
            if len(value) != len(args):
                self.complain("E302", path, f"expected {_shown(annotation)}, got {len(value)} values", "")
                return UNSET
            kinds = args
        else:
            kinds = (args[0],) * len(value)
        return [self.value(v, k, f"{path}[{i}]") for i, (v, k) in enumerate(zip(value, kinds, strict=True))]


def _options(annotation: Any) -> tuple[Any, ...]:
    bare = _bare(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        return get_args(bare)
    return (annotation,)


def _bare(annotation: Any) -> Any:
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def _shown(annotation: Any) -> str:
    bare, role = _bare(annotation), role_of(annotation)
    if role:
        return {"infile": "a path", "secret": "the name of an environment variable"}[role]
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(repr(a) for a in get_args(bare))
    if get_origin(bare) in (Union, types.UnionType):
        return " or ".join("nothing" if a is type(None) else _shown(a) for a in get_args(bare))
    if get_origin(bare):
        return str(bare).replace("typing.", "")
    return str(getattr(bare, "__name__", bare))


def build(cls: type, values: Mapping[str, Any], ports: Mapping[str, Any] | None = None) -> Any:
    """An instance of a Config dataclass from plain values and live port objects."""
    live = {name: _live(values[name], annotation) for name, (annotation, _) in fields_of(cls).items() if name in values}
    return cls(**live, **(ports or {}))


def _live(value: Any, annotation: Any) -> Any:
    for option in _options(annotation):
        bare, origin, args = _bare(option), get_origin(_bare(option)), get_args(_bare(option))
        if isinstance(value, dict) and dataclasses.is_dataclass(bare) and isinstance(bare, type):
            return build(bare, value)
        if isinstance(value, list) and origin in (list, tuple):
            inner = args[0] if args else Any
            kinds = args if origin is tuple and args[-1] is not Ellipsis else (inner,) * len(value)
            return origin(_live(v, k) for v, k in zip(value, kinds, strict=True))
        if isinstance(value, str) and bare is Path:
            return Path(value)
    return value
