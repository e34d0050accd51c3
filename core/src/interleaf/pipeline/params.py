"""Checking a ``with`` mapping against a Config dataclass, without importing the component.

The result is plain data with every default filled in: what the key hashes and what the component
is later built from. Fields typed as an interface are ports and are left out here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from interleaf.errors import closest, did_you_mean
from interleaf.params import role_of
from interleaf.pipeline.building import build, plain
from interleaf.pipeline.document import UNSET
from interleaf.pipeline.fieldtypes import (
    MAPPINGS,
    SEQUENCES,
    Fields,
    bare,
    bounds,
    fields_of,
    matches,
    options,
    port_interface,
    ports_of,
    required,
    shown,
)

__all__ = [
    "UNSET", "Checker", "Complain", "Fields", "build", "check_params", "fields_of", "plain",
    "port_interface", "ports_of", "required",
]  # fmt: skip

Complain = Callable[[str, str, str, str], None]  # code, path, message, hint


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
    E302 type, E303 missing, E304 range, E305 not finite, E306 no such file.
    """
    known = {name for cls in types_ for name in fields_of(cls)}
    unknown = [name for name in raw if name not in known]
    for name in unknown:
        hint = did_you_mean(name, known) or "it has no parameters"
        complain("E301", f"{path}.{name}", f"unknown parameter '{name}'", hint)
    explained = ignore | {closest(name, known - set(raw)) for name in unknown}
    checker = Checker(base, complain)
    return [checker.fields(raw, cls, path, explained) for cls in types_]


class Checker:
    """Checks values against annotations and gives their plain form."""

    def __init__(self, base: Callable[[str], Path], complain: Complain) -> None:
        self.base, self.complain = base, complain

    def fields(
        self, raw: Mapping[str, Any], cls: type, path: str, absent: frozenset[str]
    ) -> dict[str, Any]:
        """Every field of ``cls`` but ports; ``absent`` ones may be missing."""
        values: dict[str, Any] = {}
        for name, (annotation, field) in fields_of(cls).items():
            if port_interface(annotation):
                continue
            if name in raw:
                values[name] = self.value(raw[name], annotation, f"{path}.{name}")
            elif not required(field):
                values[name] = _default(field)
            elif name not in absent:
                message = f"parameter '{name}' is missing: expected {shown(annotation)}"
                self.complain("E303", f"{path}.{name}", message, "")
        return values

    def value(self, value: Any, annotation: Any, path: str) -> Any:
        """The plain form of one value, or UNSET after a complaint."""
        if value is UNSET or not self._finite(value, path):
            return UNSET
        for option in options(annotation):
            if matches(value, option):
                return self._converted(value, option, annotation, path)
        got = "null" if value is None else f"{type(value).__name__} {_short(value)}"
        quotes = isinstance(value, int | float) and str in map(bare, options(annotation))
        hint = "put quotes around it" if quotes else ""
        self.complain("E302", path, f"expected {shown(annotation)}, got {got}", hint)
        return UNSET

    def _finite(self, value: Any, path: str) -> bool:
        """E305 for every number in ``value`` that is not finite."""
        if isinstance(value, float) and not math.isfinite(value):
            self.complain("E305", path, f"{value} is not a finite number", "")
            return False
        if isinstance(value, dict):
            found = [self._finite(v, f"{path}.{k}") for k, v in value.items()]  # tell about all
            return all(found)
        if isinstance(value, list):
            found = [self._finite(v, f"{path}[{i}]") for i, v in enumerate(value)]
            return all(found)
        return True

    def _converted(self, value: Any, option: Any, annotation: Any, path: str) -> Any:
        inner, origin = bare(option), get_origin(bare(option))
        for bound in bounds(annotation, option):
            if isinstance(value, int | float) and not bound.holds(value):
                self.complain("E304", path, f"{value!r} is out of range: expected {bound}", "")
                return UNSET
        if inner is float:
            return self._float(value, path)
        if "infile" in (role_of(option), role_of(annotation)):
            return self._file(value, path)
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            return check_params(value, [inner], path, self.base, self.complain)[0]
        if isinstance(value, list) and origin in SEQUENCES:
            return self._sequence(value, inner, path)
        if isinstance(value, dict) and origin in MAPPINGS:
            kind = get_args(inner)[1]
            return {k: self.value(v, kind, f"{path}.{k}") for k, v in value.items()}
        return value

    def _float(self, value: float, path: str) -> Any:
        try:
            return float(value)
        except OverflowError:
            self.complain("E305", path, "the number is too large for a float", "")
            return UNSET

    def _file(self, value: str, path: str) -> str:
        """The path from its base folder; E306 when nothing is there."""
        file = self.base(path) / Path(value).expanduser()
        if not value or not file.exists():
            shown_file = file if value else "''"
            self.complain("E306", path, f"no such file or folder: {shown_file}", "")
        return str(file)

    def _sequence(self, value: list[Any], inner: Any, path: str) -> Any:
        args = get_args(inner)
        if get_origin(inner) is tuple and args[-1] is not Ellipsis:
            if len(value) != len(args):
                message = f"expected {shown(inner)}, got {len(value)} values"
                self.complain("E302", path, message, "")
                return UNSET
        else:
            args = (args[0],) * len(value)
        pairs = zip(value, args, strict=True)
        return [self.value(v, kind, f"{path}[{i}]") for i, (v, kind) in enumerate(pairs)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _default(field: dataclasses.Field[Any]) -> Any:
    made = field.default_factory
    return plain(field.default if made is dataclasses.MISSING else made())
