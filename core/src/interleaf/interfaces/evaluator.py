"""Evaluator: judges, and says how sure it is and what it could not judge."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from interleaf.interfaces.component import Component
from interleaf.interfaces.report import Report


class Evaluator(Component):
    """Gives a :class:`Report`; a value that cannot be had is None with a reason."""

    default_call: ClassVar[str] = "evaluate"

    def evaluate(self, *args: Any, **inputs: Any) -> Report:
        """Judge the declared inputs."""
        raise NotImplementedError


@runtime_checkable
class Streaming(Protocol):
    """Capability ``Streaming``: judge in parts; merging parts in any order equals one pass."""

    def start(self) -> Any: ...

    def update(self, state: Any, **inputs: Any) -> Any: ...

    def merge(self, left: Any, right: Any) -> Any: ...

    def finish(self, state: Any) -> Report: ...
