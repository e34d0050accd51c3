"""``interleaf followclick train | eval``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput

Bench = Annotated[Path, typer.Option(help="prompts.json, NAME.png and NAME.mask.png")]
Report = Annotated[Path | None, typer.Option("--out", "-o", help="the report as JSON")]


def train(
    clips: Annotated[Path, typer.Argument(help="a folder of videos")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write")],
    held_out: Annotated[list[str], typer.Option(help="names of videos to leave out")] = [],  # noqa: B006
    steps: Annotated[int, typer.Option(min=1)] = 800,
    batch: Annotated[int, typer.Option(min=1)] = 16,
    width: Annotated[int, typer.Option(min=16, help="of the network")] = 64,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Learn motion from videos of your own; the same command again goes on after a stop."""
    from interleaf import run

    done = run(
        "followclick/train-small", out=out, seed=seed, device=device, clips=clips.resolve(),
        held_out=held_out, steps=steps, batch=batch, width=width,
    )  # fmt: skip
    del done
    weights = out / "outputs" / "model"
    print(
        f"{weights}\ninterleaf followclick animate photo.jpg … --motion learned --weights {weights}"
    )


def evaluate(
    methods: Annotated[list[Path], typer.Option(help="a folder of clips; more may follow")],
    benchmark: Bench,
    more: Annotated[list[Path] | None, typer.Argument(help="further methods (from DIR/*)")] = None,
    clip: Annotated[Path | None, typer.Option(help="a CLIP folder")] = None,
    i3d: Annotated[Path | None, typer.Option(help="the I3D file, for FVD")] = None,
    reference: Annotated[Path | None, typer.Option(help="real clips, for FVD")] = None,
    answers: Annotated[Path | None, typer.Option(help="of raters (media's rating page)")] = None,
    out: Report = None,
) -> None:  # fmt: skip
    """Judge the clips of any methods by the paper's eight metrics."""
    from interleaf_followclick.commands import replace, text
    from interleaf_followclick.config import EightConfig
    from interleaf_followclick.evaluating.methods import Eight
    from interleaf_media.measures import record

    folders = [m for m in (*methods, *(more or [])) if m.is_dir()]
    if not folders:
        raise InvalidInput("no folder of clips was given", hint="--methods DIR/*")
    if out is not None and not out.parent.is_dir():
        raise InvalidInput(f"{out.parent}: no such folder", hint="make it first")
    config = EightConfig(
        methods=tuple(map(str, folders)), benchmark=str(benchmark), clip=text(clip), i3d=text(i3d),
        reference=text(reference), answers=text(answers),
    )  # fmt: skip
    report = Eight(config).evaluate()
    _print(report.tables[0].columns)
    for line in dict.fromkeys(f"{m.name}: {m.reason}" for m in report.measures if m.value is None):
        print(line)
    if out is not None:
        shown = [record(m) for m in report.measures]
        replace(out, json.dumps(shown, indent=1, ensure_ascii=False).encode())
        print(out)


def _print(columns: Any) -> None:
    """A table with a line for each metric and a column for each method."""
    methods = columns["method"]
    wide = max(12, *(len(m) + 2 for m in methods))
    print(" " * 22 + "".join(f"{m:>{wide}}" for m in methods))
    for name, values in columns.items():
        if name != "method":
            told = ("–" if v is None else f"{v:.4f}" for v in values)
            print(f"{name:<22}" + "".join(f"{t:>{wide}}" for t in told))
