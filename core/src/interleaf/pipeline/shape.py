"""The shape of a document: which sections and keys there are, before any of it is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from interleaf.errors import closest, did_you_mean
from interleaf.pipeline.document import Document
from interleaf.pipeline.params import UNSET

VERSION = 1
TOP = ("version", "name", "summary", "seed", "vars", "steps", "outputs")
STEP = ("use", "of", "with", "call", "needs", "each")
OUTPUT = ("from", "gate")


@dataclass(slots=True)
class RawStep:
    """A step as written: ``needs`` maps ports to lists of ``step`` or ``step.port``."""

    name: str
    use: str = ""
    of: str = ""
    with_: dict[str, Any] = field(default_factory=dict)
    call: str | None = None
    needs: dict[str, list[str]] = field(default_factory=dict)
    each: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """``steps.name``."""
        return f"steps.{self.name}"


@dataclass(frozen=True, slots=True)
class RawOutput:
    """An output as written."""

    name: str
    source: str
    gate: str = ""


@dataclass(slots=True)
class Shape:
    """A document's sections, typed; broken parts are left out and noted in the document."""

    name: str
    seed: int
    steps: dict[str, RawStep]
    outputs: dict[str, RawOutput]


def read_shape(document: Document) -> Shape:
    """Check sections and keys: E101, E102, E103, E105, and E302 for a section of a wrong type."""
    data = document.data
    if not isinstance(data, dict):
        if not document.problems:
            document.problem("E102", "steps", "a pipeline is a mapping with 'version' and 'steps'")
        data = {}
    near = _unknown_keys(document, data, TOP, "")
    _version(document, data, near)
    steps = _mapping(document, data, "steps", "")
    if not steps and "steps" not in near and not document.problems:
        document.problem("E102", "steps", "the section 'steps' is missing or empty")
    seed = data.get("seed", 0)
    if seed is not UNSET and (not isinstance(seed, int) or isinstance(seed, bool)):
        document.problem("E302", "seed", f"expected int, got {type(seed).__name__} {seed!r}")
        seed = 0
    name = data.get("name") or document.file.rpartition("/")[2].partition(".")[0]
    if not isinstance(name, str) or not _plain_name(name):
        document.problem("E302", "name", "a name is letters, digits, '-' and '_'")
    _mapping(document, data, "vars", "")
    return Shape(
        name=str(name),
        seed=0 if seed is UNSET else seed,
        steps={n: s for n, v in steps.items() if (s := _step(document, n, v))},
        outputs={
            n: o
            for n, v in _mapping(document, data, "outputs", "").items()
            if (o := _output(document, n, v))
        },
    )


def _plain_name(name: str) -> bool:
    return bool(name) and name.replace("-", "").replace("_", "").isalnum()


def _unknown_keys(document: Document, data: dict[str, Any], known: tuple[str, ...], path: str) -> set[str]:
    """Report E101 for each unknown key; the known keys that the unknown ones come near to."""
    near = set()
    for key in data:
        if key not in known:
            inner = f"{path}.{key}" if path else key
            document.problem("E101", inner, f"unknown key '{key}'", did_you_mean(key, known), key=True)
            near.add(closest(key, known))
    return near


def _version(document: Document, data: dict[str, Any], near: set[str]) -> None:
    if "version" not in data:
        if "version" not in near and "steps" in data:
            document.problem("E103", "version", f"'version' is missing: write version: {VERSION}")
    elif data["version"] != VERSION or isinstance(data["version"], bool):
        document.problem(
            "E103",
            "version",
            f"version {data['version']!r} is not known: this interleaf reads version {VERSION}",
        )


def _mapping(document: Document, data: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    value = data.get(key)
    if value is None or value is UNSET:
        return {}
    if isinstance(value, dict):
        return value
    inner = f"{path}.{key}" if path else key
    document.problem("E302", inner, f"expected a mapping, got {type(value).__name__} {value!r}")
    return {}


def _step(document: Document, name: str, raw: Any) -> RawStep | None:
    path = f"steps.{name}"
    if not name.isidentifier() and not _plain_name(name):
        document.problem("E302", path, "a step's name is letters, digits, '-' and '_'", key=True)
        return None
    if not isinstance(raw, dict):
        if not any(p.path.startswith(path) for p in document.problems):
            document.problem("E302", path, "expected a mapping with 'use' or 'of'")
        return None
    near = _unknown_keys(document, raw, STEP, path)
    use, of = _text(document, raw, "use", path), _text(document, raw, "of", path)
    if ("use" in raw) == ("of" in raw):
        if not near & {"use", "of"}:
            problem = "both 'use' and 'of'" if "use" in raw else "neither 'use' nor 'of'"
            document.problem("E105", path, f"step '{name}' has {problem}: expected one of them", key=True)
        return None
    if not use and not of:
        return None
    step = RawStep(name, use, of, _mapping(document, raw, "with", path))
    step.call = _text(document, raw, "call", path) or None
    step.needs = _needs(document, raw, path)
    step.each = _each(document, raw, path)
    return step


def _text(document: Document, raw: dict[str, Any], key: str, path: str) -> str:
    value = raw.get(key)
    if value is None and key not in raw:
        return ""
    if isinstance(value, str):
        return value
    if value is not UNSET:
        document.problem("E302", f"{path}.{key}", f"expected a name, got {type(value).__name__} {value!r}")
    return ""


def _needs(document: Document, raw: dict[str, Any], path: str) -> dict[str, list[str]]:
    needs = {}
    for port, source in _mapping(document, raw, "needs", path).items():
        sources = source if isinstance(source, list) else [source]
        if all(isinstance(s, str) for s in sources):
            needs[port] = sources
        else:
            document.problem("E302", f"{path}.needs.{port}", "expected a step, step.port, or a list of them")
    return needs


def _each(document: Document, raw: dict[str, Any], path: str) -> dict[str, list[Any]]:
    each = {}
    for axis, values in _mapping(document, raw, "each", path).items():
        if isinstance(values, list) and values:
            each[axis] = values
        elif values is not UNSET:
            document.problem("E302", f"{path}.each.{axis}", "expected a list with at least one value")
    return each


def _output(document: Document, name: str, raw: Any) -> RawOutput | None:
    path = f"outputs.{name}"
    if not _plain_name(name):
        document.problem("E302", path, "an output's name is letters, digits, '-' and '_'", key=True)
        return None
    if isinstance(raw, str):
        return RawOutput(name, raw)
    if not isinstance(raw, dict):
        document.problem("E302", path, "expected step, step.port, or {from: …, gate: …}")
        return None
    near = _unknown_keys(document, raw, OUTPUT, path)
    source, gate = _text(document, raw, "from", path), _text(document, raw, "gate", path)
    if not source and "from" not in near and "from" not in raw:
        document.problem("E105", path, f"output '{name}' has no 'from'", key=True)
    return RawOutput(name, source, gate) if source else None
