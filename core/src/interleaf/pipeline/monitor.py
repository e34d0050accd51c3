"""What a run tells while it runs: a listener for all steps, a monitor for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Listener(Protocol):
    """Hears of a run's progress, always on the thread that called the runner."""

    def started(self, step: str, key: str) -> None:
        """``step`` (``fit[points=500]``) is about to be computed."""

    def progress(
        self, step: str, done: float, total: float | None, info: Mapping[str, Any]
    ) -> None:
        """``done`` of ``total`` units of a step are finished."""

    def finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """A step's result is in the store, found there (``hit``) or computed."""

    def failed(self, step: str, error: BaseException) -> None:
        """A step raised."""

    def notice(self, message: str) -> None:
        """Something a user should know and need not act on."""


class Quiet:
    """A listener that shows nothing."""

    def started(self, step: str, key: str) -> None:
        """Discard it."""

    def progress(
        self, step: str, done: float, total: float | None, info: Mapping[str, Any]
    ) -> None:
        """Discard it."""

    def finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """Discard it."""

    def failed(self, step: str, error: BaseException) -> None:
        """Discard it."""

    def notice(self, message: str) -> None:
        """Discard it."""


class StepMonitor:
    """The Monitor a component is lent; ``item`` of ``items`` scales the progress of mapped calls."""

    def __init__(self, listener: Listener, step: str, item: int = 0, items: int = 1) -> None:
        self.listener, self.step, self.item, self.items = listener, step, item, items

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Pass it on; within a mapped call the unit is one item."""
        if self.items > 1:
            done, total = self.item + (done / total if total else 0.0), self.items
        self.listener.progress(self.step, done, total, info)

    def notice(self, message: str) -> None:
        """Pass it on, with the step's name."""
        self.listener.notice(f"{self.step}: {message}")
