"""pluggy hooks, where one event has many listeners. Loaded by ``run`` alone."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pluggy

PROJECT = "interleaf"
GROUP = "interleaf.hooks"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """What a listener may implement, each with ``@interleaf.registry.hooks.hookimpl``."""

    @hookspec
    def step_started(self, step: str, key: str) -> None:
        """A step (``name[axis=value]``) is about to be computed; hits do not start."""

    @hookspec
    def step_finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """A step's result is in the store."""

    @hookspec
    def step_failed(self, step: str, key: str, error: BaseException) -> None:
        """A step raised; the run stops after this."""

    @hookspec
    def run_finished(self, manifest: dict[str, Any]) -> None:
        """The run has ended and its manifest is written."""

    @hookspec(firstresult=True)
    def open_store(self, uri: str) -> Any:
        """A store for a URI this plugin understands, else None."""

    @hookspec(firstresult=True)
    def make_executor(self, uri: str, jobs: int, nproc: int) -> Any:
        """An executor for a URI this plugin understands, else None.

        At most ``jobs`` steps at a time (1: as it sees fit), ``nproc`` processes for each step of a
        ``Distributed`` component. A listener names those of these it wants.
        """


def load_hooks() -> pluggy.PluginManager:
    """A manager with every installed listener; one that fails to import is left out and noted.

    The names of those left out are in the manager's ``broken`` attribute.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    broken: dict[str, str] = {}
    for entry in metadata.entry_points(group=GROUP):
        try:
            manager.register(entry.load(), name=entry.name)
        except Exception as error:  # a stranger's listener must not stop a run
            broken[entry.name] = f"{type(error).__name__}: {error}"
    manager.broken = broken  # type: ignore[attr-defined]  # pluggy has no place for it
    return manager
