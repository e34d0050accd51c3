"""One step being planned: what it says, what it may look at, where its problems go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interleaf.errors import Problem, did_you_mean
from interleaf.pipeline.document import Document
from interleaf.pipeline.plan import Axis, Step, Wire
from interleaf.pipeline.settings import base_folder
from interleaf.pipeline.shape import RawStep, Shape


@dataclass(slots=True)
class Site:
    """``steps`` are those planned before this one, ``pending`` those not tried yet."""

    document: Document
    shape: Shape
    steps: Mapping[str, Step]
    pending: frozenset[str]
    axes: dict[str, Axis]
    raw: RawStep

    def problem(
        self, code: str, path: str, message: str, hint: str = "", *, key: bool = False
    ) -> None:
        """Note a problem at a path within the step (``needs.data``)."""
        self.document.problem(code, f"{self.raw.path}.{path}", message, hint, key=key)

    def found(self, problem: Problem, path: str) -> None:
        """Note a problem of the registry at a path within the step."""
        self.problem(problem.code, path, problem.message, problem.hint)

    def complain(self, code: str, path: str, message: str, hint: str) -> None:
        """Note a problem of a parameter at a full path; an unknown one stands at its key."""
        self.document.problem(code, path, message, hint, key=code == "E301")

    def base(self, path: str) -> Path:
        """Where a relative path at a full YAML path starts from."""
        return base_folder(self.document, path)

    def wire(self, source: str, path: str) -> Wire | None:
        """The output ``source`` names, for a path within the step."""
        full = f"{self.raw.path}.{path}"
        if source.partition(".")[0] in self.pending and path.startswith("each."):
            self.document.problem("E402", full, f"'{source}' needs this step in turn")
            return None
        return find_wire(self.document, self.steps, self.shape, source, full)


def find_wire(
    document: Document, steps: Mapping[str, Step], shape: Shape, source: str, path: str
) -> Wire | None:
    """The output that ``step`` or ``step.port`` names; E401 unknown step, E404 unknown output."""
    name, _, port = source.partition(".")
    if name not in steps:
        if name not in shape.steps and not shape.is_unread(name):
            document.problem("E401", path, f"no step '{name}'", did_you_mean(name, shape.steps))
        return None  # otherwise that step's own problems are already noted
    gives = steps[name].gives
    if not port and len(gives) == 1:
        port = next(iter(gives))
    if port in gives:
        return Wire(name, port, gives[port])
    if port:
        message, hint = f"step '{name}' has no output '{port}'", did_you_mean(port, gives)
    else:
        message = f"step '{name}' gives {', '.join(gives) or 'nothing'}"
        hint = f"name one of them: {name}.{next(iter(gives))}" if gives else ""
    document.problem("E404", path, message, hint)
    return None
