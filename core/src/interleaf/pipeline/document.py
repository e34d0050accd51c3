"""YAML text → a positioned document.

YAML 1.2 core scalars, safe tags only; duplicate keys and merge keys are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from interleaf.errors import Problem, ProblemsFound
from interleaf.pipeline.positions import COMMAND_LINE, UNSET, Document, Mark, within
from interleaf.pipeline.yaml12 import CORE, Loader, convert, plain

__all__ = [
    "COMMAND_LINE", "MAX_NODES", "UNSET", "Document", "Mark", "parse_document", "read_document",
    "scalar", "within",
]  # fmt: skip

MAX_NODES, MAX_DEPTH, MAX_BYTES = 100_000, 60, 4 << 20
_INDENT = re.compile(r"^[ \-?:]+", re.MULTILINE)


def read_document(file: Path, shown: str = "") -> Document:
    """Read and parse a pipeline file; raises ProblemsFound (E100) when it cannot be read."""
    shown = shown or str(file)
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        problem = Problem("E100", f"cannot read the file: {error.strerror}", file=shown)
        raise ProblemsFound([problem]) from error
    except UnicodeDecodeError as error:
        line, col = _place_of_byte(raw, error.start)
        problem = Problem("E100", "the file is not UTF-8 text", "", shown, line, col)
        raise ProblemsFound([problem]) from error
    return parse_document(text, shown, file.resolve().parent)


def parse_document(text: str, file: str, folder: Path) -> Document:
    """Parse YAML; syntax errors, unsafe tags and duplicate keys are noted in ``problems``."""
    document = Document(file, folder, interpolated="${" in text)
    if len(text) > MAX_BYTES:
        document.problem("E100", "", f"a pipeline file is at most {MAX_BYTES >> 20} MiB")
        return document
    try:
        root = _compose(text)
        if root is not None:
            document.data = _Reader(document).read(root, "", 0)
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, text, file))
    except _TooLarge as error:
        document.problems.append(error.problem(file))
    return document


def scalar(text: str) -> Any:
    """The value of a plain scalar or a flow collection (``[1, 2]``), as typed on a command line."""
    if text[:1] in ("[", "{", '"', "'"):
        document = parse_document(text, COMMAND_LINE, Path())
        return text if document.problems else document.data
    return plain(text) if text else ""


def _compose(text: str) -> yaml.Node | None:
    if _may_be_deep(text):
        _check_depth(text)
    loader = Loader(text)
    try:
        root: yaml.Node | None = loader.get_single_node()
        return root
    finally:
        loader.dispose()


def _may_be_deep(text: str) -> bool:
    """Whether a document could be nested deeper than the C parser's own stack allows.

    A flow level needs a bracket, two block levels at least one more column of indentation.
    """
    indent = max(map(len, _INDENT.findall(text)), default=0)
    return text.count("[") + text.count("{") + 2 * indent > 1000


def _check_depth(text: str) -> None:
    """Raise _TooLarge for too deep a document, going through it without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _TooLarge(event, f"{MAX_DEPTH} levels")


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark:
        line, col = mark.line + 1, mark.column + 1
    else:
        raw = text.encode("utf-8", "surrogatepass")
        line, col = _place_of_byte(raw, getattr(error, "position", 0))
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    tabbed = "tab" in said or "cannot start any token" in said
    hint = "indent with spaces, not tabs" if tabbed else ""
    return Problem("E100", f"not valid YAML: {said}", "", file, line, col, hint)


def _place_of_byte(raw: bytes, position: int) -> tuple[int, int]:
    before = raw[:position]
    return before.count(b"\n") + 1, position - before.rfind(b"\n")


_SCALARS = ("null", "bool", "int", "float", "str")


class _TooLarge(Exception):
    def __init__(self, node: yaml.Node | yaml.Event, limit: str) -> None:
        super().__init__(limit)
        self.node, self.limit = node, limit

    def problem(self, file: str) -> Problem:
        line, col = _start(self.node)
        message = f"the document expands to more than {self.limit}"
        return Problem("E100", message, "", file, line, col)


_TAGS = {
    yaml.MappingNode: {CORE + "map"},
    yaml.SequenceNode: {CORE + "seq"},
    yaml.ScalarNode: {CORE + name for name in _SCALARS},
}


class _Reader:
    """Turns YAML nodes into data and notes the place of every key and value."""

    def __init__(self, document: Document) -> None:
        self.document, self.nodes = document, 0

    def read(self, node: yaml.Node, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _TooLarge(node, f"{MAX_NODES} nodes")
        if depth > MAX_DEPTH:
            raise _TooLarge(node, f"{MAX_DEPTH} levels")
        self.document.marks.setdefault(path, Mark(_start(node), _start(node)))
        if not self._safe(node, path):
            return UNSET
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(n, f"{path}[{i}]", depth + 1) for i, n in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _safe(self, node: yaml.Node, path: str) -> bool:
        if node.tag in _TAGS[type(node)]:
            return True
        shown = node.tag.replace(CORE, "!!")
        message = f"the tag {shown} is refused: only plain YAML values are read"
        self.document.problem("E100", path, message)
        return False

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path, data)
            if key is None:
                self.document.torn.add(path)
            else:
                inner = f"{path}.{key}" if path else key
                self.document.marks[inner] = Mark(_start(key_node), _start(value_node))
                data[key] = self.read(value_node, inner, depth + 1)
        return data

    def _key(self, node: yaml.Node, path: str, data: dict[str, Any]) -> str | None:
        """The text of a key; E100 for one that is no plain word, E104 for one that is there."""
        if not isinstance(node, yaml.ScalarNode):
            self._refuse("E100", path, node, "keys must be plain words")
            return None
        key: str = node.value
        inner = f"{path}.{key}" if path else key
        if not node.tag.startswith(CORE) or node.tag.removeprefix(CORE) not in _SCALARS:
            self._refuse("E100", inner, node, f"the tag {node.tag.replace(CORE, '!!')} is refused")
        elif key == "<<" and not node.style:
            self._refuse("E100", inner, node, "YAML 1.2 has no merge keys: write the values out")
        elif key in data:
            message = f"'{key}' stands twice in the same mapping"
            self._refuse("E104", inner, node, message, "remove or rename one of them")
        else:
            return key
        return None

    def _refuse(self, code: str, path: str, node: yaml.Node, message: str, hint: str = "") -> None:
        line, col = _start(node)
        problem = Problem(code, message, path, self.document.file, line, col, hint)
        self.document.problems.append(problem)

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        tag = node.tag.removeprefix(CORE)
        try:
            return convert(node.value, tag)
        except ValueError:
            self.document.problem("E100", path, f"'{node.value[:40]}' is not a valid {tag}")
            return UNSET


def _start(node: yaml.Node | yaml.Event) -> tuple[int, int]:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
