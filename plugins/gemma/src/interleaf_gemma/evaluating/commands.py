"""``interleaf gemma eval TASK``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.interfaces.report import Report


def evaluate(
    task: Annotated[
        str, typer.Argument(help="a task file (YAML, JSON), a folder of them, eighteen, or safety")
    ],
    weights: Annotated[
        Path | None, typer.Option(help="Hugging Face folder, .ckpt or .gguf")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="folder of the tasks' documents (default: beside the task)")
    ] = None,
    limit: Annotated[int, typer.Option(help="documents of each task; 0: all")] = 0,
    shots: Annotated[
        int, typer.Option(help="examples before each question; -1: as the task says")
    ] = -1,
    batch: Annotated[int, typer.Option(help="sequences at once")] = 16,
    seed: Annotated[int, typer.Option(help="of the choice of examples")] = 0,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16")] = "",
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Measure a model on local tasks in the format of lm-eval-harness. Nothing is downloaded."""
    if limit < 0 or batch < 1:
        raise InvalidInput(f"limit {limit}, batch {batch}: expected at least 0 and 1")
    from interleaf_gemma.evaluating.tasks import read_tasks

    tasks = read_tasks(task, data)
    if all(t.unavailable for t in tasks):
        raise InvalidInput(tasks[0].unavailable, hint="--data FOLDER with the tasks' documents")
    measured, harness = _measuring()
    from interleaf_gemma.serving.commands import opened

    model, tokenizer = opened(weights, dtype, device)
    report = measured(harness(model, tokenizer, batch), tasks, limit, shots, seed)
    _print(report, as_json)


def _measuring() -> tuple[Any, Any]:
    try:
        from interleaf_gemma.evaluating.harness import Harness
        from interleaf_gemma.evaluating.measuring import measured
    except ImportError as error:
        hint = "pip install 'interleaf-gemma[eval]'"
        raise PluginMissing(f"tasks need {error.name}", hint=hint) from error
    return measured, Harness


def _print(report: Report, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "task": m.group or "mean", "metric": m.name, "value": m.value, "interval": m.interval,
            "n": m.n, "shots": m.settings.get("shots"), "reason": m.reason,
        }
        for m in report.measures
        if not (m.name == "score" and m.group and m.value is not None)
    ]  # fmt: skip
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in [*rows[1:], rows[0]]:
        told = f"{row['value']:.4f}" if row["value"] is not None else f"–  {row['reason']}"
        sure = _interval(row["interval"])
        shots = f"  {row['shots']} shots" if row["shots"] is not None else ""
        print(f"{row['task']:18} {row['metric']:22} {told}{sure}  n={row['n']}{shots}")


def _interval(ends: tuple[float, float] | None) -> str:
    return f"  [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""
