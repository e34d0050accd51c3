"""Progress on stderr: bars on a terminal, one JSON object a line otherwise."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from interleaf.pipeline.monitor import Quiet
from interleaf_cli.failing import say
from interleaf_cli.settings import Settings

EVERY = 1.0  # seconds between two progress lines of one step


class Lines(Quiet):
    """A JSON object for every event."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.last: dict[str, float] = {}

    def _write(self, event: str, **what: Any) -> None:
        say(json.dumps({"event": event, **what}, ensure_ascii=False, default=str))

    def started(self, step: str, key: str) -> None:
        """``{"event": "started", …}``."""
        if self.settings.shows("info"):
            self._write("started", step=step, key=key)

    def progress(
        self, step: str, done: float, total: float | None, info: Mapping[str, Any]
    ) -> None:
        """At most one line a second for each step, and the last one."""
        now = time.monotonic()
        if not self.settings.shows("info") or (
            now - self.last.get(step, 0) < EVERY and done != total
        ):
            return
        self.last[step] = now
        self._write("progress", step=step, done=done, total=total, **info)

    def finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """``hit`` says that the result was in the store."""
        if self.settings.shows("info"):
            self._write("finished", step=step, key=key, hit=hit, seconds=round(seconds, 3))

    def notice(self, message: str) -> None:
        """A message for people."""
        if self.settings.shows("warning"):
            self._write("notice", message=message)


class Bars(Quiet):
    """rich's bars, one for each running step; a line for each finished one."""

    def __init__(self, settings: Settings, display: Any) -> None:
        self.settings, self.display = settings, display
        self.tasks: dict[str, Any] = {}

    def started(self, step: str, key: str) -> None:
        """A new bar."""
        self.tasks[step] = self.display.add_task(step, total=None, info="")

    def progress(
        self, step: str, done: float, total: float | None, info: Mapping[str, Any]
    ) -> None:
        """Move the bar; numbers stand behind it."""
        shown = "  ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in info.items()
        )
        if step in self.tasks:
            self.display.update(self.tasks[step], completed=done, total=total, info=shown)

    def finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """The bar goes, a line stays."""
        if step in self.tasks:
            self.display.remove_task(self.tasks.pop(step))
        took = "stored" if hit else f"{seconds:.1f} s"
        self.display.console.print(f"[green]✓[/] {_escaped(step)}  [dim]{took}[/]", highlight=False)

    def failed(self, step: str, error: BaseException) -> None:
        """The bar goes; the error is shown at the end."""
        if step in self.tasks:
            self.display.remove_task(self.tasks.pop(step))

    def notice(self, message: str) -> None:
        """A line above the bars."""
        if self.settings.shows("warning"):
            self.display.console.print(_escaped(message), highlight=False)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


@contextmanager
def progress(settings: Settings) -> Iterator[Quiet]:
    """The listener that suits stderr and the wanted level."""
    if not (sys.stderr.isatty() and settings.shows("info")):
        yield Lines(settings)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[info]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        yield Bars(settings, display)
