"""``interleaf run``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import BLOCKED, INTERRUPTED, OK, REVIEW
from interleaf.pipeline.locate import find_pipeline
from interleaf.pipeline.plan import load_plan
from interleaf_cli.failing import say
from interleaf_cli.output import print_columns, print_json
from interleaf_cli.progress import progress
from interleaf_cli.settings import Settings, parse_settings

MOST_METRICS = 40  # of a run, on a terminal


def run_pipeline(
    pipeline: str, words: list[str], settings: Settings, extra: Mapping[str, Any]
) -> int:
    """Run a file or ``plugin/pipeline``; the exit code that its gates ask for."""
    file, shown = find_pipeline(pipeline)
    plan = load_plan(file, parse_settings(words), shown=shown, seed=settings.seed)
    from interleaf.pipeline.runner import RunOptions, run_plan

    options = RunOptions(
        store=settings.store,
        device=settings.device,
        dtype=settings.dtype,
        threads=settings.threads,
        jobs=settings.jobs,
        nproc=settings.nproc,
        **extra,
    )
    try:
        with progress(settings) as listener:
            result = run_plan(plan, options, listener)
    except KeyboardInterrupt:
        say("interrupted: the same command continues where this run stopped")
        return INTERRUPTED
    if settings.json:
        print_json(result.manifest)
    else:
        _show(result.manifest, result.folder)
    _say_gates(result.manifest["outputs"], result.exit_code)
    return result.exit_code


def _show(manifest: Mapping[str, Any], folder: Path) -> None:
    metrics = {n: m for n, m in manifest["metrics"].items() if "/" not in n}
    rows = [(n, _value(m), m["reason"]) for n, m in list(metrics.items())[:MOST_METRICS]]
    print_columns(rows)
    if len(metrics) > MOST_METRICS:
        print(f"… {len(metrics) - MOST_METRICS} more in {folder / 'manifest.json'}")
    for output in manifest["outputs"].values():
        for file in output["files"]:
            print(folder / "outputs" / file)
    print(folder / "manifest.json")


def _value(metric: Mapping[str, Any]) -> str:
    return "–" if metric["value"] is None else f"{metric['value']:.6g} {metric['unit']}".strip()


def _say_gates(outputs: Mapping[str, Any], code: int) -> None:
    for name, output in outputs.items():
        if code in (BLOCKED, REVIEW) and output.get("gate", "pass") != "pass":
            say(f"output '{name}' is withheld: its gate says {output['gate']}")
            for reason in output["reasons"]:
                say(f"    {reason}")
    assert code in (OK, BLOCKED, REVIEW)
