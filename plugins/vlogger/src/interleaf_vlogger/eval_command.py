"""``interleaf vlogger eval``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure
from interleaf.pipeline.files import write_atomic
from interleaf_vlogger.benchmarking import Benchmark
from interleaf_vlogger.video_config import BenchmarkConfig


def evaluate(
    true: Annotated[Path, typer.Argument(help="a folder of true clips, NAME.mp4 and NAME.yaml")],
    made: Annotated[Path, typer.Argument(help="generated clips of the same names")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="a .json to write")] = None,
    body: Annotated[str, typer.Option(help="anny or capsule")] = "anny",
    niqe: Annotated[
        Path | None, typer.Option(help="NIQE's model of natural pictures, .mat or .npz")
    ] = None,
) -> None:
    """The paper's nine metrics for generated clips, or stand-ins under their own names."""
    if body not in ("anny", "capsule"):
        raise InvalidInput(f"no body '{body}'", hint="anny or capsule")
    model = str(niqe) if niqe else None
    config = BenchmarkConfig(reference=str(true), made=str(made), body=body, niqe=model)  # type: ignore[arg-type]
    report = Benchmark(config).evaluate()
    for m in report.measures:
        print(f"{m.name:18} {_shown(m)}", file=sys.stderr if out else sys.stdout)
    if out:
        told = {
            m.name: {"value": m.value, "unit": m.unit, "reason": m.reason, "n": m.n}
            for m in report.measures
        }
        write_atomic(out, json.dumps(told, indent=1).encode())


def _shown(measure: Measure) -> str:
    if measure.value is None:
        return f"none: {measure.reason}"
    better = {"up": "higher is better", "down": "lower is better"}.get(measure.direction, "")
    return f"{measure.value:.4g} {measure.unit}".ljust(16) + better
