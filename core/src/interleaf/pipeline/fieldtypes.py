"""What the annotation of a Config field says: its options, its name for a reader, its role."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from interleaf.interfaces.component import Component
from interleaf.params import Bound, role_of

SEQUENCES = (list, tuple, Sequence)
MAPPINGS = (dict, Mapping)

Fields = Mapping[str, tuple[Any, dataclasses.Field[Any]]]


@cache
def fields_of(cls: type) -> Fields:
    """Name → (annotation, field) of a Config dataclass, in order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {f.name: (hints[f.name], f) for f in dataclasses.fields(cls)}


@cache
def ports_of(cls: type) -> Mapping[str, type[Component]]:
    """The fields of a Config that are typed as an interface, and that interface."""
    found = {name: port_interface(annotation) for name, (annotation, _) in fields_of(cls).items()}
    return {name: interface for name, interface in found.items() if interface}


def port_interface(annotation: Any) -> type[Component] | None:
    """The interface a field is typed as (``Schedule`` or ``Schedule | None``), else None."""
    for option in options(annotation):
        if isinstance(option, type) and issubclass(option, Component):
            return option
    return None


def required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def options(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of ``A | B``, or the annotation alone."""
    inner = bare(annotation)
    if get_origin(inner) in (Union, types.UnionType):
        return get_args(inner)
    return (annotation,)


def bare(annotation: Any) -> Any:
    """The type inside ``Annotated``."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def bounds(*annotations: Any) -> Iterator[Bound]:
    """The limits that annotations carry."""
    for annotation in dict.fromkeys(annotations):
        yield from (m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, Bound))


def shown(annotation: Any) -> str:
    """An annotation as a message names it."""
    inner, role = bare(annotation), role_of(annotation)
    if role:
        return {"infile": "a path", "secret": "the name of an environment variable"}[role]
    if get_origin(inner) is Literal:
        return "one of " + ", ".join(repr(a) for a in get_args(inner))
    if get_origin(inner) in (Union, types.UnionType):
        return " or ".join(shown(a) for a in get_args(inner))
    if get_origin(inner):
        inside = ", ".join("…" if a is Ellipsis else shown(a) for a in get_args(inner))
        return f"{get_origin(inner).__name__}[{inside}]"
    if inner is type(None):
        return "null"
    return str(getattr(inner, "__name__", inner))


def matches(value: Any, option: Any) -> bool:
    """Whether a plain value has the type that an option names."""
    inner = bare(option)
    kind = get_origin(inner) or inner
    if inner is Any:
        return True
    if kind is Literal:
        return any(value == a and type(value) is type(a) for a in get_args(inner))
    if kind in (float, int):
        numbers = int if kind is int else int | float
        return isinstance(value, numbers) and not isinstance(value, bool)
    if kind in (str, Path):
        return isinstance(value, str)
    if kind in SEQUENCES:
        return isinstance(value, list)
    if kind in MAPPINGS or dataclasses.is_dataclass(inner):
        return isinstance(value, dict)
    return isinstance(kind, type) and isinstance(value, kind)
