"""Installed plugins, each imported in isolation: a broken one becomes a record, never a crash."""

from __future__ import annotations

import importlib
import io
import signal
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from interleaf.errors import Problem, did_you_mean
from interleaf.plugin import API, ComponentSpec, Plugin
from interleaf.registry.catalogue import catalogue

GROUP = "interleaf.plugins"
LIMIT = 5.0  # seconds for importing a descriptor, which should take 5 ms


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """An installed plugin: its descriptor, or the problem that keeps it from being used."""

    name: str
    distribution: str
    version: str
    module: str
    plugin: Plugin | None = None
    problem: Problem | None = None
    printed: str = ""


class Records(Mapping[str, PluginRecord]):
    """The installed plugins by name; a descriptor is imported when it is first asked for."""

    def __init__(self, entries: Mapping[str, list[metadata.EntryPoint]]) -> None:
        self._entries, self._loaded = dict(entries), dict[str, PluginRecord]()

    def __getitem__(self, name: str) -> PluginRecord:
        if name not in self._loaded:
            self._loaded[name] = _record(name, self._entries[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def distributions(self) -> dict[str, tuple[str, str]]:
        """Version and top-level package by distribution; imports nothing."""
        entries = (e for found in self._entries.values() for e in found if e.dist)
        return {
            e.dist.name: (e.dist.version, e.module.partition(".")[0]) for e in entries if e.dist
        }

    def distribution_of(self, name: str) -> str:
        """The distribution of a plugin; imports nothing."""
        dist = self._entries[name][0].dist
        return dist.name if dist else "?"

    @property
    def packages(self) -> set[str]:
        """The top-level packages of all plugins; imports nothing."""
        return {e.module.partition(".")[0] for found in self._entries.values() for e in found}


class Registry:
    """All installed plugins by name. Looking something up gives a Problem rather than raising."""

    def __init__(self, records: Records) -> None:
        self.records = records

    @property
    def plugins(self) -> dict[str, Plugin]:
        """The usable descriptors by name."""
        return {n: r.plugin for n, r in self.records.items() if r.plugin}

    def find(self, ref: str) -> ComponentSpec | Problem:
        """The declaration of ``plugin.component``, or why there is none (E106, E201 to E206)."""
        plugin_name, _, name = ref.partition(".")
        if not (plugin_name.isidentifier() and name.isidentifier()):
            return Problem(
                "E106",
                f"'{ref}' is not a reference: expected plugin.component",
                hint="`interleaf list` shows the components that are installed",
            )
        plugin = self.plugin(plugin_name)
        if isinstance(plugin, Problem):
            return plugin
        if name in plugin.by_name:
            return plugin.by_name[name]
        return Problem(
            "E203",
            f"plugin '{plugin_name}' has no component '{name}'",
            hint=did_you_mean(name, plugin.by_name),
        )

    def plugin(self, name: str) -> Plugin | Problem:
        """The descriptor of a plugin, or why it cannot be used."""
        record = self.records.get(name)
        if record and record.plugin:
            return record.plugin
        if record and record.problem:
            return record.problem
        entry = catalogue().get(name)
        if entry is None:
            known = {*self.records, *catalogue()}
            return Problem("E201", f"no plugin '{name}'", hint=did_you_mean(name, known))
        if entry.status == "planned":
            return Problem("E202", f"plugin '{name}' is planned and not available yet")
        return Problem(
            "E202",
            f"plugin '{name}' is known but not installed",
            hint=f"interleaf install {name}    (pip install {entry.distribution})",
        )

    def module_of(self, plugin: str) -> str:
        """The light module that holds a plugin's descriptor."""
        return self.records[plugin].module


@cache
def registry() -> Registry:
    """The plugins of this interpreter, discovered once per process."""
    found: dict[str, list[metadata.EntryPoint]] = defaultdict(list)
    for entry in metadata.entry_points(group=GROUP):
        found[entry.name].append(entry)
    return Registry(Records(dict(sorted(found.items()))))


def _record(name: str, entries: list[metadata.EntryPoint]) -> PluginRecord:
    dists = {e.dist.name: e for e in entries if e.dist}
    entry = entries[0]
    dist = entry.dist
    distribution, version = (dist.name, dist.version) if dist else ("?", "?")
    plugin: Plugin | None = None
    printed = io.StringIO()
    if len(dists) > 1:
        problem: Problem | None = Problem(
            "E206",
            f"plugin name '{name}' is claimed by {' and '.join(sorted(dists))}",
            hint=f"uninstall one of them: pip uninstall {sorted(dists)[-1]}",
        )
    else:
        with redirect_stdout(printed), redirect_stderr(printed), _limited():
            plugin, problem = _load(name, entry.module, distribution)
    told = printed.getvalue()[:200]
    return PluginRecord(name, distribution, version, entry.module, plugin, problem, told)


@contextmanager
def _limited() -> Iterator[None]:
    """Interrupt a descriptor that hangs, where alarms exist and nobody else has set one."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def hung(number: int, frame: object) -> None:
        raise TimeoutError(f"importing it took longer than {LIMIT:g} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _load(name: str, module: str, distribution: str) -> tuple[Plugin | None, Problem | None]:
    try:
        plugin = importlib.import_module(module).PLUGIN
    except (Exception, SystemExit) as error:  # any fault of a stranger's module must stay its own
        return None, import_problem(name, module, error)
    if not isinstance(plugin, Plugin) or plugin.name != name:
        shown = getattr(plugin, "name", type(plugin).__name__)
        return None, Problem(
            "E204",
            f"'{module}.PLUGIN' describes '{shown}', its entry point is named '{name}'",
            hint=f"this is a fault of {distribution}: report it to its authors",
        )
    if plugin.api != API:
        older = "interleaf-core" if plugin.api > API else distribution
        return None, Problem(
            "E205",
            f"plugin '{name}' speaks API {plugin.api}, this interleaf-core speaks {API}",
            hint=f"pip install --upgrade {older}",
        )
    return plugin, None


def import_problem(name: str, module: str, error: BaseException, extra: str = "") -> Problem:
    """E204: what could not be imported, in which file, and what would bring it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next(
        (
            f"{Path(f.filename).name}:{f.lineno}"
            for f in reversed(frames)
            if "importlib" not in f.filename
        ),
        module,
    )
    if isinstance(error, ModuleNotFoundError) and error.name:
        wanted = f"interleaf-{name}[{extra}]" if extra else error.name
        return Problem(
            "E204",
            f"plugin '{name}' is installed, but it needs the module '{error.name}', which is not "
            f"(imported in {place})",
            hint=f"pip install '{wanted}'",
        )
    return Problem(
        "E204",
        f"plugin '{name}' failed to import {module}: {type(error).__name__}: {error} ({place})",
        hint=f"python -c 'import {module}' shows the whole trace",
    )
