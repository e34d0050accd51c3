"""``interleaf trumans train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    motion: Annotated[Path, typer.Argument(help="a folder of clips (.bvh, .amc) of walking")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the folder to write")],
    scenes: Annotated[
        Path | None, typer.Option(help="meshes to judge walks in; MOTION/scenes where there is one")
    ] = None,
    held: Annotated[
        list[str] | None, typer.Option(help="ends of names of clips to leave out; may be repeated")
    ] = None,
    source: Annotated[str, typer.Option(help="only clips of this 'source' in the manifest")] = "",
    steps: Annotated[int, typer.Option(min=1)] = 10_000,
    pairs: Annotated[int, typer.Option(min=1, help="walks that are judged")] = 100,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Learn to walk from clips of your own; the same command again goes on after a stop."""
    from interleaf import run
    from interleaf.errors import InvalidInput

    if not motion.is_dir():
        raise InvalidInput(
            f"{motion}: no such folder", hint="a folder of clips (.bvh, .amc) of walking"
        )
    place = scenes or motion / "scenes"
    if not place.exists():
        raise InvalidInput(f"{place}: no meshes to judge walks in", hint="--scenes house.ply")
    run(
        "trumans/train-small", out=out, seed=seed, motion=motion.resolve(), scenes=place.resolve(),
        steps=steps, pairs=pairs, source=source, held=held or [],
    )  # fmt: skip
    weights = out / "outputs" / "model"
    print(f"{weights}\ninterleaf trumans generate SCENE --timeline … --weights {weights}")
