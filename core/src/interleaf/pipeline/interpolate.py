"""Command-line settings and ``${…}`` references, resolved in place by OmegaConf.

Only references to the document itself are followed: resolvers (``${name:…}``) would run code and
are refused. A reference to a var that is still ``???`` leaves :data:`~interleaf.pipeline.params.UNSET`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import Problem, ProblemsFound, did_you_mean
from interleaf.pipeline.document import Document, scalar
from interleaf.pipeline.params import UNSET

_REFERENCE = re.compile(r"\$\{\s*([^:{}$]+?)\s*\}")
_RESOLVER = re.compile(r"\$\{\s*[^}]*:")


def apply_settings(document: Document, settings: Mapping[str, Any]) -> None:
    """Set vars (no dot) and paths (with dots) of a parsed document; unknown ones are errors.

    Text is read as a YAML scalar. Places set here are noted in ``document.given``, since their
    relative paths start from the working directory.
    """
    data = document.data if isinstance(document.data, dict) else {}
    for name, value in settings.items():
        path = name if "." in name else f"vars.{name}"
        owner, key = _owner(data, path)
        if owner is None or ("." not in name and key not in owner):
            raise ProblemsFound([_unknown(data, name)])
        owner[key] = scalar(value) if isinstance(value, str) else value
        document.given.add(path)
        document.interpolated |= isinstance(value, str) and "${" in value


def _owner(data: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    """The mapping that holds the last part of ``path``; ``with`` and ``vars`` are made if absent."""
    *parents, key = path.split(".")
    for parent in parents:
        if parent == "with":
            data.setdefault(parent, {})
        if not isinstance(data.get(parent), dict):
            return None, key
        data = data[parent]
    return data, key


def _unknown(data: dict[str, Any], name: str) -> Problem:
    where = "<command line>"
    if "." not in name:
        known = data.get("vars") or {}
        hint = did_you_mean(name, known) or "this pipeline has no vars; set a parameter by its path"
        return Problem("E301", f"no var '{name}' in this pipeline", f"vars.{name}", where, hint=hint)
    steps = data.get("steps") or {}
    first, _, rest = name.partition(".")
    step = rest.partition(".")[0]
    if first == "steps" and isinstance(steps, dict) and step not in steps:
        return Problem("E401", f"no step '{step}'", name, where, hint=did_you_mean(step, steps))
    return Problem("E101", f"no place '{name}' in this pipeline", name, where,
                   hint="settings look like points=500 or steps.NAME.with.PARAMETER=500")  # fmt: skip


def resolve(document: Document) -> None:
    """Replace every ``${…}`` in ``document.data``; E107 unknown reference, E108 cycle."""
    data = document.data
    if not isinstance(data, dict):
        return
    if isinstance(data.get("vars"), dict):
        data["vars"] = {k: UNSET if v == "???" else v for k, v in data["vars"].items()}
    if document.interpolated:
        _Resolver(document).run()


def base_folder(document: Document, path: str) -> Path:
    """Where a relative path standing at a YAML path starts from."""
    given = any(path == g or path.startswith((f"{g}.", f"{g}[")) for g in document.given)
    return Path.cwd() if given else document.folder


class _Resolver:
    def __init__(self, document: Document) -> None:
        from omegaconf import OmegaConf

        self.document = document
        self.config = OmegaConf.create(_for_omegaconf(document.data), flags={"allow_objects": True})
        self.texts = {path: text for path, text in _leaves(document.data, "") if "${" in text}
        self.reported: set[str] = set()

    def run(self) -> None:
        cyclic = self._cycles()
        values = {path: UNSET if path in cyclic else self._value(path, text) for path, text in self.texts.items()}
        self.document.data = _replaced(self.document.data, "", values)

    def _value(self, path: str, text: str) -> Any:
        if _RESOLVER.search(text):
            self._problem("E107", path, f"'{text}' calls a resolver: only references like ${{vars.name}} are read")
            return UNSET
        references = _REFERENCE.findall(text)
        if any(self._tainted(r, set()) for r in references):
            self.document.given.add(path)
        missing = [r for r in references if not r.startswith(".") and not self._exists(r)]
        if missing:
            known = [f"vars.{v}" for v in self.document.data.get("vars") or {}]
            self._problem("E107", path, f"'${{{missing[0]}}}' refers to nothing", did_you_mean(missing[0], known))
            return UNSET
        return self._select(path, text)

    def _select(self, path: str, text: str) -> Any:
        from omegaconf import Container, OmegaConf
        from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

        node: Any = self.config
        try:
            for key in _keys(path):
                node = node[key]
            return OmegaConf.to_container(node, resolve=True) if isinstance(node, Container) else node
        except InterpolationToMissingValueError:
            return UNSET
        except RecursionError:
            self._problem("E108", path, f"'{text}' refers to itself")
        except OmegaConfBaseException as error:
            if not _REFERENCE.search(text) or all(self._exists(r) for r in _REFERENCE.findall(text)):
                if any(r in self.texts for r in _REFERENCE.findall(text)):
                    return UNSET  # what it refers to is wrong and says so itself
            self._problem("E107", path, f"'{text}' cannot be read: {str(error).splitlines()[0]}")
        return UNSET

    def _exists(self, reference: str) -> bool:
        node: Any = self.document.data
        for key in _keys(reference):
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                return self._through_text(reference)
        return True

    def _through_text(self, reference: str) -> bool:
        """Whether a shorter prefix is itself a ``${…}`` text, so that only OmegaConf can tell."""
        return any(reference.startswith((f"{p}.", f"{p}[")) for p in self.texts)

    def _tainted(self, reference: str, seen: set[str]) -> bool:
        if reference in self.document.given:
            return True
        if reference in seen or reference not in self.texts:
            return False
        return any(self._tainted(r, seen | {reference}) for r in _REFERENCE.findall(self.texts[reference]))

    def _cycles(self) -> set[str]:
        """The texts on a cycle of references; each cycle is reported once, at its first place."""
        cyclic: set[str] = set()
        for start in self.texts:
            loop = self._loop(start)
            if loop and not loop & cyclic:
                self._problem("E108", start, f"'{self.texts[start]}' refers to itself in a circle")
            cyclic |= loop
        return cyclic

    def _loop(self, start: str) -> set[str]:
        stack: list[tuple[str, tuple[str, ...]]] = [(start, ())]
        visited: set[str] = set()
        while stack:
            path, trail = stack.pop()
            for reference in _REFERENCE.findall(self.texts.get(path, "")):
                if reference == start:
                    return {*trail, path, start}
                if reference in self.texts and reference not in visited:
                    visited.add(reference)
                    stack.append((reference, (*trail, path)))
        return set()

    def _problem(self, code: str, path: str, message: str, hint: str = "") -> None:
        self.document.problem(code, path, message, hint)


def _for_omegaconf(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _for_omegaconf(v) for k, v in data.items()}
    if isinstance(data, list):
        return [_for_omegaconf(v) for v in data]
    return "???" if data is UNSET else data


def _leaves(data: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _leaves(value, f"{path}[{index}]")
    elif isinstance(data, str):
        yield path, data


def _keys(path: str) -> list[Any]:
    return [int(k) if k.isdigit() and b else k for b, k in re.findall(r"(\[|\.|^)([^.\[\]]+)", path)
            for b in [b == "["]]  # fmt: skip


def _replaced(data: Any, path: str, values: Mapping[str, Any]) -> Any:
    if isinstance(data, dict):
        return {k: _replaced(v, f"{path}.{k}" if path else k, values) for k, v in data.items()}
    if isinstance(data, list):
        return [_replaced(v, f"{path}[{i}]", values) for i, v in enumerate(data)]
    return values.get(path, data) if isinstance(data, str) else data
