"""``interleaf vlogger build``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from interleaf_vlogger.building import build as built
from interleaf_vlogger.shots import Limits


def build(
    videos: Annotated[Path, typer.Argument(help="a folder of videos, with keypoints beside them")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the folder to write")],
    consent: Annotated[
        str, typer.Option(help="what everyone in the videos agreed to, who has no NAME.json")
    ] = "",
    body: Annotated[str, typer.Option(help="anny or capsule")] = "anny",
    seconds: Annotated[float, typer.Option(help="that a shot lasts at least", min=0.2)] = 2.0,
    smooth: Annotated[float, typer.Option(help="of poses over time, in frames", min=0)] = 1.0,
) -> None:
    """Videos as data to learn from: shots, smoothed fits, filters with counts, a manifest (JSONL).

    The same line again goes on where it stopped. People without consent are left out.
    """
    report = built(
        videos, out, consent, body, Limits(seconds=seconds), smooth,
        told=lambda line: print(line, file=sys.stderr, flush=True),
    )  # fmt: skip
    print(json.dumps(report, indent=1))
