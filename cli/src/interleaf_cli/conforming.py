"""``interleaf check``: the conformance kit on installed plugins."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from interleaf.errors import CHECK_FAILED, OK, PluginMissing
from interleaf.registry import registry
from interleaf_cli.failing import say
from interleaf_cli.output import print_columns, print_json
from interleaf_cli.settings import Settings, UsageError

STATUSES = ("passed", "skipped", "excused", "failed")


def check_plugins(names: list[str], profile: str, verbose: bool, settings: Settings) -> int:
    """Check plugins by name or by folder, all installed ones when none is named; 5 on a failure."""
    if find_spec("hypothesis") is None and find_spec("interleaf.testing") is None:
        raise PluginMissing(
            "the conformance kit is not installed", hint="pip install interleaf-core"
        )
    from interleaf.testing.running import PROFILES, Result, Summary, check_plugin

    if profile not in PROFILES:
        raise UsageError(f"no profile '{profile}'", hint=f"--profile {' | '.join(PROFILES)}")

    def heard(result: Result) -> None:
        if settings.json or not (verbose or result.status in ("failed", "excused")):
            return
        say(f"{result.status:8}{result.component} {result.check}  {result.message}".rstrip())

    chosen = [plugin_of(n) for n in names] or list(registry().plugins)
    summaries = [check_plugin(name, profile, heard) for name in chosen]
    if settings.json:
        print_json([s.as_data() for s in summaries])
    else:
        for summary in summaries:
            _show(summary)
    return OK if all(isinstance(s, Summary) and s.ok for s in summaries) else CHECK_FAILED


def plugin_of(name: str) -> str:
    """The plugin that ``name`` is, or that lives in the folder it names."""
    folder = Path(name).resolve()
    if name not in registry().records and folder.is_dir():
        for record in registry().records.values():
            spec = find_spec(record.module.partition(".")[0])
            if spec and spec.origin and folder in Path(spec.origin).parents:
                return record.name
        raise UsageError(f"no installed plugin lives in {name}", hint=f"pip install -e {name}")
    return name


def _show(summary: object) -> None:
    from interleaf.testing.running import Summary

    assert isinstance(summary, Summary)
    components = list(dict.fromkeys(r.component for r in summary.results))
    rows: list[tuple[str, ...]] = [("", *STATUSES)]
    for component in [*components, ""]:
        counts = summary.counts(component)
        shown = (str(counts[s]) if counts[s] else "·" for s in STATUSES)
        rows.append((component or "in all", *shown))
    print_columns(rows)
    ran = summary.counts()["passed"] + summary.counts()["failed"]
    told = "ok" if summary.ok else "FAILED" if ran else "FAILED: no check ran"
    print(f"{summary.plugin}: {told} ({ran} checks, {summary.profile})")
