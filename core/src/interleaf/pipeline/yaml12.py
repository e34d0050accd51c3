"""YAML 1.2 core scalars on top of the C parser: ``3e-4`` is a number, ``no`` is a string.

Source: YAML 1.2.2, section 10.3 (core schema). PyYAML alone follows YAML 1.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import yaml

CORE = "tag:yaml.org,2002:"

# Name → (pattern, the characters it may begin with; "" stands for an empty scalar).
_PATTERNS: Mapping[str, tuple[str, list[str]]] = {
    "null": (r"(?:~|null|Null|NULL|)", [*"~nN", ""]),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)", [*"tTfF"]),
    "int": (r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)", [*"-+0123456789"]),
    "float": (
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        [*"-+.0123456789"],
    ),
}
_RESOLVERS = {tag: re.compile(f"^{pattern}$") for tag, (pattern, _) in _PATTERNS.items()}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The C parser with YAML 1.2 core scalars."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, (_, _first) in _PATTERNS.items():
    Loader.add_implicit_resolver(CORE + _tag, _RESOLVERS[_tag], _first)


def convert(text: str, tag: str) -> Any:
    """The value of a scalar with a core tag; raises ValueError when ``text`` is not one."""
    if tag == "str":
        return text
    if not _RESOLVERS[tag].fullmatch(text) or text.endswith("\n"):
        raise ValueError(text)
    return _CONVERT[tag](text)


def plain(text: str) -> Any:
    """The value of a plain (unquoted) scalar."""
    for tag in _RESOLVERS:
        try:
            return convert(text, tag)
        except ValueError:
            continue
    return text


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(text: str) -> float:
    bare = text.lower().lstrip("+-")
    if bare == ".inf":
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if bare == ".nan" else float(text)


_CONVERT: Mapping[str, Callable[[str], Any]] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _float,
}
