"""Running the checks of a plugin: selected, skipped, excused, counted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interleaf.errors import MISSING_CODES, InterleafError, Problem, ProblemsFound
from interleaf.pipeline.locate import pipelines_of
from interleaf.pipeline.plan import load_plan
from interleaf.registry import registry
from interleaf.testing import common, datasets, evaluators, models, renderers, schedules, together
from interleaf.testing.registry import CHECKS, ensure
from interleaf.testing.subject import Skip, Subject, temporary

PROFILES = {"quick": 10, "full": 200}
SPAWN_LIMIT = 300  # seconds for one plugin's fresh interpreter

_ = (
    common,
    datasets,
    evaluators,
    models,
    renderers,
    schedules,
    together,
)  # they register their checks


@dataclass(frozen=True, slots=True)
class Result:
    """One check of one component: passed, failed, skipped or excused, and why."""

    component: str
    check: str
    status: str
    message: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Summary:
    """All results of a plugin; ``ok`` when something was checked and nothing failed."""

    plugin: str
    profile: str
    results: list[Result] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """No failure, and at least one check that really ran."""
        statuses = self.counts()
        return statuses["failed"] == 0 and statuses["passed"] > 0

    def counts(self, component: str = "") -> Counter[str]:
        """How many of each status, for one component or all."""
        chosen = (r for r in self.results if not component or r.component == component)
        return Counter(r.status for r in chosen)

    @property
    def failures(self) -> list[Result]:
        """What failed."""
        return [r for r in self.results if r.status == "failed"]

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        rows = [asdict(r) for r in self.results]
        return {"plugin": self.plugin, "profile": self.profile, "ok": self.ok, "results": rows}


def conformance(plugin: str, profile: str = "quick") -> Callable[[], None]:
    """A pytest function that checks an installed plugin: ``test_conformance = conformance("blur")``."""

    def test_conformance() -> None:
        summary = check_plugin(plugin, profile)
        told = "\n".join(f"{r.component} {r.check}: {r.message}" for r in summary.failures)
        ensure(summary.ok, told or f"'{plugin}': no check ran")

    return test_conformance


def check_plugin(
    name: str, profile: str = "quick", heard: Callable[[Result], None] = lambda result: None
) -> Summary:
    """Every check of every component of an installed plugin; ``heard`` is told each result.

    Raises ProblemsFound (E2xx) for a plugin that is not there or cannot be loaded.
    """
    descriptor = registry().plugin(name)
    if isinstance(descriptor, Problem):
        raise ProblemsFound([descriptor])
    summary, excuses = Summary(name, profile), read_excuses(registry().module_of(name))
    refs = [f"{name}.{c.name}" for c in descriptor.components]
    fresh = fresh_interpreter(name, refs)

    def note(result: Result) -> None:
        result = excused(result, excuses)
        summary.results.append(result)
        heard(result)

    note(attempt(name, "light_import", lambda: light_import(fresh)))
    note(attempt(name, "pipelines_are_valid", lambda: pipelines_are_valid(name)))
    for ref in refs:
        for result in check_component(ref, PROFILES[profile], fresh):
            note(result)
    known = {(r.component, r.check) for r in summary.results}
    for component, check in excuses:
        if (component, check) not in known:
            note(Result(component, check, "failed", "an excuse for a check that does not exist"))
    return summary


def check_component(ref: str, tries: int, fresh: Mapping[str, Any]) -> Iterator[Result]:
    """Results of one component; a missing extra is one visible skip."""
    try:
        subject = Subject.of(ref)
    except ProblemsFound as error:
        yield Result(ref, "import", "skipped", error.problems[0].message)
        return
    except Exception as error:
        yield Result(ref, "has_examples", "failed", f"{type(error).__name__}: {error}")
        return
    yield from check_subject(subject, tries)
    seen = fresh["components"].get(ref, {"error": "the fresh interpreter did not get to it"})
    yield attempt(ref, "survives_spawn", lambda: survives_spawn(subject, seen))
    yield attempt(ref, "constructor_does_no_io", lambda: constructor_does_no_io(seen))


def check_subject(subject: Subject, tries: int) -> Iterator[Result]:
    """Every check that needs no second process."""
    for check in CHECKS:
        if not check.applies(subject):
            continue
        if check.name != "has_examples" and not subject.examples.configs:
            yield Result(subject.ref, check.name, "skipped", "there are no examples")
        else:
            yield attempt(subject.ref, check.name, lambda c=check: c.run(subject, tries))  # type: ignore[misc]


def attempt(component: str, check: str, run: Callable[[], None]) -> Result:
    """Run one check; whatever it raises becomes its result."""
    began = time.perf_counter()
    try:
        run()
    except Skip as skip:
        return Result(component, check, "skipped", str(skip))
    except AssertionError as error:
        return Result(component, check, "failed", str(error), time.perf_counter() - began)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return Result(component, check, "failed", message, time.perf_counter() - began)
    return Result(component, check, "passed", "", time.perf_counter() - began)


def fresh_interpreter(name: str, refs: list[str]) -> dict[str, Any]:
    """What one new process finds out about all components of a plugin."""
    with temporary() as folder:
        file = folder / "found.json"
        command = [sys.executable, "-m", "interleaf.testing.spawned", name, str(file), *refs]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SPAWN_LIMIT)
        except subprocess.TimeoutExpired:
            return {"error": f"a fresh interpreter took over {SPAWN_LIMIT} s", "components": {}}
        if not file.is_file():
            return {"error": done.stderr[-400:] or "a fresh interpreter died", "components": {}}
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found


def light_import(fresh: Mapping[str, Any]) -> None:
    """The descriptor imports the standard library and interleaf only, and prints nothing."""
    ensure("error" not in fresh, fresh.get("error", ""))
    found = fresh["light"]
    ensure(not found["heavy"], f"importing the descriptor loads {', '.join(found['heavy'])}")
    ensure(not found["printed"], f"importing the descriptor prints {found['printed']!r}")


def pipelines_are_valid(name: str) -> None:
    """Every pipeline the plugin ships can be planned with what is installed; ``???`` may stay open."""
    shipped = pipelines_of(name)
    if not shipped:
        raise Skip("ships no pipelines")
    for pipeline, file in shipped.items():
        ensure(file.is_file(), f"the pipeline '{pipeline}' is not in the package: {file.name}")
        try:
            load_plan(file, unset_vars=True)
        except ProblemsFound as error:
            told = "; ".join(map(str, error.problems))
            if all(p.code in MISSING_CODES for p in error.problems):
                raise Skip(f"{pipeline}: {told}") from error
            ensure(False, f"{pipeline}: {told}")


def survives_spawn(subject: Subject, seen: Mapping[str, Any]) -> None:
    """A fresh interpreter, with another hash seed, gives the same bytes and fingerprints."""
    ensure("error" not in seen, seen.get("error", ""))
    if subject.spec.deterministic:
        here = [subject.digest(*case) for case in subject.cases()]
        ensure(here == seen["digests"], "another process gives other bytes")
    if seen["fingerprints"]:
        marks = [[d.fingerprint(), datasets.content(d)] for d in datasets.all_opened(subject)]
        ensure(marks == seen["fingerprints"], "another process gives another fingerprint")


def constructor_does_no_io(seen: Mapping[str, Any]) -> None:
    """Making an instance opens no file, no connection and no process."""
    ensure("error" not in seen, seen.get("error", ""))
    ensure(not seen["io"], f"the constructor does I/O: {', '.join(seen['io'][:3])}")


def read_excuses(module: str) -> dict[tuple[str, str], str]:
    """``[tool.interleaf.excuses]`` of the plugin's pyproject: ``"blur.blur same_seed" = "why"``."""
    spec = find_spec(module.partition(".")[0])
    origin = Path(spec.origin) if spec and spec.origin else None
    for folder in list(origin.parents)[:4] if origin else ():
        file = folder / "pyproject.toml"
        if file.is_file():
            tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
            return _parsed(tool.get("interleaf", {}).get("excuses", {}), file)
    return {}


def _parsed(raw: Any, file: Path) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for name, reason in raw.items():
        component, _, check = name.partition(" ")
        if not (component and check and isinstance(reason, str) and reason.strip()):
            raise InterleafError(
                f"{file}: '{name}' is no excuse", hint='write "plugin.component check" = "reason"'
            )
        found[component, check] = reason
    return found


def excused(result: Result, excuses: Mapping[tuple[str, str], str]) -> Result:
    """A failure with an excuse is excused; an excused check that passes fails."""
    reason = excuses.get((result.component, result.check))
    if reason is None or result.status == "skipped":
        return result
    if result.status == "failed":
        return Result(result.component, result.check, "excused", reason, result.seconds)
    message = "passes, so its excuse must go"
    return Result(result.component, result.check, "failed", message, result.seconds)
