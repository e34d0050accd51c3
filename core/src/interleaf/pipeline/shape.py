"""The shape of a document: which sections and keys there are, before any of it is looked up."""

from __future__ import annotations

from typing import Any

from interleaf.errors import closest, did_you_mean
from interleaf.pipeline.document import Document
from interleaf.pipeline.params import UNSET
from interleaf.pipeline.written import RawOutput, RawStep, Shape

__all__ = [
    "OUTPUT", "STEP", "TOP", "VERSION", "RawOutput", "RawStep", "Shape", "is_name", "read_shape",
]  # fmt: skip

VERSION = 1
TOP = ("version", "name", "summary", "seed", "vars", "steps", "outputs")
STEP = ("use", "of", "with", "call", "needs", "each")
OUTPUT = ("from", "gate")


def read_shape(document: Document) -> Shape:
    """Check sections and keys: E101, E102, E103, E105, E106, and E302 for what has a wrong type."""
    return _ShapeReader(document).read()


def is_name(name: str) -> bool:
    """Whether steps, outputs and vars may be called so: letters, digits, ``-`` and ``_``."""
    return bool(name) and name.replace("-", "").replace("_", "").isalnum()


class _ShapeReader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data if isinstance(document.data, dict) else {}

    def read(self) -> Shape:
        if not isinstance(self.document.data, dict):
            if not self.document.problems:
                self._note("E102", "steps", "a pipeline is a mapping with 'version' and 'steps'")
            return Shape("", 0, {}, {}, None)
        near = self._unknown_keys(self.data, TOP, "")
        self._version(near)
        for name in self._mapping(self.data, "vars", ""):
            if not is_name(name):
                self._bad_name("var", f"vars.{name}")
        steps = self._steps(near)
        read = {name: step for name, raw in steps.items() if (step := self._step(name, raw))}
        outputs = self._mapping(self.data, "outputs", "").items()
        return Shape(
            name=self._name(),
            seed=self._seed(),
            steps=read,
            outputs={n: output for n, raw in outputs if (output := self._output(n, raw))},
            unread=frozenset(set(steps) - set(read)) if steps else None,
        )

    # sections

    def _version(self, near: set[str]) -> None:
        found = self.data.get("version")
        if "version" not in self.data:
            if "version" not in near:
                hint = f"begin the file with: version: {VERSION}"
                self._note("E103", "version", "'version' is missing", hint)
        elif found is not UNSET and (found != VERSION or type(found) is not int):
            message = f"version {found!r} is not known: this interleaf reads version {VERSION}"
            self._note("E103", "version", message)

    def _steps(self, near: set[str]) -> dict[str, Any]:
        steps = self._mapping(self.data, "steps", "")
        told = "steps" in near or self.document.is_wrong("steps")
        if not steps and not told and self.data.get("steps") is not UNSET:
            self._note("E102", "steps", "the section 'steps' is missing or empty")
        return steps

    def _name(self) -> str:
        stem = self.document.file.rpartition("/")[2].partition(".")[0]
        name = self.data.get("name", stem)
        if name is UNSET or ("name" not in self.data and not is_name(stem)):
            return "pipeline"
        if not isinstance(name, str) or not is_name(name):
            self._bad_name("pipeline", "name", key=False)
        summary = self.data.get("summary", "")
        if not isinstance(summary, str) and summary is not UNSET:
            self._wrong("summary", "a text", summary)
        return str(name)

    def _seed(self) -> int:
        seed = self.data.get("seed", 0)
        if isinstance(seed, int) and not isinstance(seed, bool):
            return seed
        if seed is not UNSET:
            self._wrong("seed", "int", seed)
        return 0

    # a step

    def _step(self, name: str, raw: Any) -> RawStep | None:
        path = f"steps.{name}"
        if not is_name(name):
            self._bad_name("step", path)
            return None
        if not isinstance(raw, dict):
            if raw is not UNSET:
                self._wrong(path, "a mapping with 'use' or 'of'", raw)
            return None
        near = self._unknown_keys(raw, STEP, path)
        use, of = self._reference(raw, "use", path), self._reference(raw, "of", path)
        if ("use" in raw) == ("of" in raw) and not near & {"use", "of"}:
            problem = "both 'use' and 'of'" if "use" in raw else "neither 'use' nor 'of'"
            message = f"step '{name}' has {problem}: expected one of them"
            self._note("E105", path, message, key=True)
        if bool(use) == bool(of):
            return None
        step = RawStep(name, use, of, written={*raw, *near}, unclear=near)
        step.unclear |= {k for k in STEP if k in raw and not _is_clear(k, raw[k])}
        step.unclear |= {k for k in STEP if self.document.torn & {path, f"{path}.{k}"}}
        step.with_ = self._mapping(raw, "with", path)
        step.call = self._call(raw, path)
        step.needs = self._needs(step, raw)
        step.each = self._each(step, raw)
        return step

    def _reference(self, raw: dict[str, Any], key: str, path: str) -> str:
        value = raw.get(key)
        if isinstance(value, str) and value:
            return value
        if key in raw and value is not UNSET:
            expected = "plugin.component" if key == "use" else "the name of a step"
            self._note("E106", f"{path}.{key}", f"expected {expected}, got {_told(value)}")
        return ""

    def _call(self, raw: dict[str, Any], path: str) -> str | None:
        call = raw.get("call")
        if "call" not in raw or isinstance(call, str) or call is UNSET:
            return call if isinstance(call, str) else None
        self._note("E406", f"{path}.call", f"expected the name of a call, got {_told(call)}")
        return None

    def _needs(self, step: RawStep, raw: dict[str, Any]) -> dict[str, list[str]]:
        needs = {}
        for port, source in self._mapping(raw, "needs", step.path).items():
            sources = source if isinstance(source, list) else [source]
            for i, value in enumerate(sources):
                index = f"[{i}]" if isinstance(source, list) else ""
                self._source(value, f"{step.path}.needs.{port}{index}")
            needs[port] = [s for s in sources if isinstance(s, str) and s]
            if len(needs[port]) < len(sources):
                step.unclear.add(f"needs.{port}")
        return needs

    def _source(self, value: Any, path: str) -> None:
        if value is not UNSET and not (isinstance(value, str) and value):
            self._note("E106", path, f"expected a step or step.port, got {_told(value)}")

    def _each(self, step: RawStep, raw: dict[str, Any]) -> dict[str, list[Any]]:
        each = {}
        for axis, values in self._mapping(raw, "each", step.path).items():
            if isinstance(values, list) and values:
                each[axis] = values
                continue
            step.unclear.add("each")
            if values is not UNSET:
                place = f"{step.path}.each.{axis}"
                self._wrong(place, "a list with at least one value", values)
        return each

    # an output

    def _output(self, name: str, raw: Any) -> RawOutput | None:
        path = f"outputs.{name}"
        if not is_name(name):
            self._bad_name("output", path)
            return None
        if isinstance(raw, str) and raw:
            return RawOutput(name, raw)
        if not isinstance(raw, dict):
            if raw is not UNSET:
                self._wrong(path, "step, step.port, or {from: …, gate: …}", raw)
            return None
        near = self._unknown_keys(raw, OUTPUT, path)
        source, gate = self._reference(raw, "from", path), self._reference(raw, "gate", path)
        if "from" not in raw and "from" not in near:
            self._note("E105", path, f"output '{name}' has no 'from'", key=True)
        return RawOutput(name, source, gate) if source else None

    # what they share

    def _unknown_keys(self, data: dict[str, Any], known: tuple[str, ...], path: str) -> set[str]:
        """E101 for each unknown key; the known keys, not written, that those come near to."""
        absent = [key for key in known if key not in data]
        unknown = [key for key in data if key not in known]
        for key in unknown:
            inner = f"{path}.{key}" if path else key
            hint = did_you_mean(key, known)
            self._note("E101", inner, f"unknown key '{key}'", hint, key=True)
        return {near for key in unknown if (near := closest(key, absent))}

    def _mapping(self, data: dict[str, Any], key: str, path: str) -> dict[str, Any]:
        value = data.get(key)
        if isinstance(value, dict):
            return value
        inner = f"{path}.{key}" if path else key
        if value is not None and value is not UNSET:
            self._wrong(inner, "a mapping", value)
        return {}

    def _wrong(self, path: str, expected: str, value: Any) -> None:
        self._note("E302", path, f"expected {expected}, got {_told(value)}")

    def _bad_name(self, what: str, path: str, *, key: bool = True) -> None:
        message = f"the name of a {what} is letters, digits, '-' and '_'"
        self._note("E302", path, message, key=key)

    def _note(
        self, code: str, path: str, message: str, hint: str = "", *, key: bool = False
    ) -> None:
        self.document.problem(code, path, message, hint, key=key)


def _is_clear(key: str, section: Any) -> bool:
    """Whether a section has the type it should have."""
    if key == "call":
        return isinstance(section, str)
    return section is None or isinstance(section, dict)


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:59] + '…'}"
