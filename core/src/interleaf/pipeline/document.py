"""YAML text → a positioned document: plain data, and where each piece of it stands.

YAML 1.2 core scalars (``3e-4`` is a number, ``no`` is a string), safe tags only, duplicate keys
refused. Source: YAML 1.2.2, section 10.3 (core schema).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from interleaf.errors import Problem, ProblemsFound

MAX_NODES, MAX_DEPTH, MAX_BYTES = 100_000, 60, 4 << 20

_CORE = "tag:yaml.org,2002:"
_RESOLVERS = [
    ("null", r"(?:~|null|Null|NULL|)", "~nN\0"),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        "-+.0123456789",
    ),
]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The C parser with YAML 1.2 core scalars instead of PyYAML's 1.1."""

    yaml_implicit_resolvers: dict[str, Any] = {}


for _tag, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(
        _CORE + _tag, re.compile(f"^{_pattern}$"), ["" if c == "\0" else c for c in _first]
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a key and its value stand; lines and columns count from 1."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(slots=True)
class Document:
    """A parsed pipeline file. ``file`` is how messages name it, ``folder`` where its paths start."""

    file: str
    folder: Path
    data: Any = None
    marks: dict[str, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    given: set[str] = field(default_factory=set)  # paths set on the command line
    interpolated: bool = False

    def problem(
        self, code: str, path: str, message: str, hint: str = "", *, key: bool = False
    ) -> None:
        """Note what is wrong at ``path``; the nearest enclosing place stands in for a missing one."""
        self.problems.append(self.locate(Problem(code, message, path, hint=hint), key=key))

    def locate(self, problem: Problem, *, key: bool = False) -> Problem:
        """The same problem with file, line and column of its path."""
        line, col = self._place(problem.path, key)
        return Problem(
            problem.code, problem.message, problem.path, self.file, line, col, problem.hint
        )

    def _place(self, path: str, key: bool) -> tuple[int, int]:
        mark = self.marks.get(path)
        if mark:
            return mark.key if key else mark.value
        while path:
            path = path.rpartition(".")[0]
            if path in self.marks:
                return self.marks[path].key
        return (0, 0)

    def check(self) -> None:
        """Raise ProblemsFound when anything was noted, in order of place."""
        if self.problems:
            raise ProblemsFound(sorted(self.problems, key=lambda p: (p.line, p.col, p.code)))


def read_document(file: Path, shown: str = "") -> Document:
    """Read and parse a pipeline file; raises ProblemsFound (E100) when it cannot be read."""
    shown = shown or str(file)
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ProblemsFound([Problem("E100", f"cannot read the file: {reason}", file=shown)]) from error
    return parse_document(text, shown, file.resolve().parent)


def parse_document(text: str, file: str, folder: Path) -> Document:
    """Parse YAML; syntax errors, unsafe tags and duplicate keys are noted in ``problems``."""
    document = Document(file, folder, interpolated="${" in text)
    if len(text) > MAX_BYTES:
        document.problem("E100", "", f"a pipeline file is at most {MAX_BYTES >> 20} MiB")
        return document
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, file))
        return document
    except RecursionError:
        document.problem("E100", "", f"nested deeper than {MAX_DEPTH} levels")
        return document
    if root is not None:
        document.data = _Reader(document).read(root, "", 0)
    return document


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line, col = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = "indent with spaces, not tabs" if "tab" in said or "cannot start any token" in said else ""
    return Problem("E100", f"not valid YAML: {said}", "", file, line, col, hint)


class _Reader:
    """Turns YAML nodes into data and notes the place of every key and value."""

    def __init__(self, document: Document) -> None:
        self.document, self.nodes = document, 0

    def read(self, node: yaml.Node, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            limit = f"{MAX_NODES} nodes" if self.nodes > MAX_NODES else f"{MAX_DEPTH} levels"
            problem = Problem("E100", f"the document expands to more than {limit}", path)
            raise ProblemsFound([self.document.locate(problem)])
        self.document.marks.setdefault(path, Mark(_start(node), _start(node)))
        if not self._safe(node, path):
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(node.value)]
        return self._scalar(node, path)

    def _safe(self, node: yaml.Node, path: str) -> bool:
        kinds = {yaml.MappingNode: ("map",), yaml.SequenceNode: ("seq",)}
        allowed = kinds.get(type(node), ("null", "bool", "int", "float", "str"))
        if node.tag in {_CORE + name for name in allowed}:
            return True
        shown = node.tag.replace(_CORE, "!!")
        self.document.problem("E100", path, f"the tag {shown} is refused: only plain YAML values are read")
        return False

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.problem("E100", path, "keys must be plain words")
                continue
            key = key_node.value
            inner = f"{path}.{key}" if path else key
            if key in data:
                line, col = _start(key_node)
                self.document.problems.append(
                    Problem("E104", f"'{key}' stands twice in the same mapping", inner,
                            self.document.file, line, col, "remove or rename one of them")
                )  # fmt: skip
                continue
            self.document.marks[inner] = Mark(_start(key_node), _start(value_node))
            data[key] = self.read(value_node, inner, depth + 1)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        text, tag = node.value, node.tag.removeprefix(_CORE)
        try:
            return _CONVERT[tag](text)
        except ValueError:
            self.document.problem("E100", path, f"'{text}' is not a valid {tag}")
            return None


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _float(text: str) -> float:
    bare = text.lower().lstrip("+-")
    if bare == ".inf":
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if bare == ".nan" else float(text)


_CONVERT: dict[str, Any] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": _float,
    "str": str,
}


def scalar(text: str) -> Any:
    """The value of a plain YAML 1.2 scalar or flow collection, as typed on a command line."""
    document = parse_document(text, "<argument>", Path())
    return text if document.problems else document.data


def _start(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
