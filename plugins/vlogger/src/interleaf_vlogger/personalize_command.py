"""``interleaf vlogger personalize``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.pipeline.collection import Collection
from interleaf_training import Recipe
from interleaf_vlogger.filmed import filmed, rows
from interleaf_vlogger.video_config import PersonalConfig, VideoConfig


def personalize(
    data: Annotated[
        Path, typer.Argument(help="what 'interleaf vlogger build' made of one person's videos")
    ],
    videos: Annotated[Path, typer.Argument(help="the folder of those videos")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the folder to write adapters into")],
    weights: Annotated[Path | None, typer.Option(help="a trained vlogger.video")] = None,
    base: Annotated[
        Path | None, typer.Option(help="a folder of Stable Diffusion it was trained beside")
    ] = None,
    side: Annotated[int, typer.Option(help="pixels of the longer side", min=16)] = 32,
    rank: Annotated[int, typer.Option(help="of the adapters", min=1, max=256)] = 4,
    steps: Annotated[int, typer.Option(min=1)] = 200,
    frames: Annotated[int, typer.Option(help="of each shot, 0 for all", min=0)] = 0,
    seed: int = 0,
) -> None:
    """Make a renderer of video one person's own: adapters, to be taken off again, the rest stays as it is."""
    who = sorted({r["identity"] for r in rows(data)})
    if len(who) != 1:
        raise InvalidInput(f"{data} holds {len(who)} people", hint="one person's videos")
    if not weights:
        raise InvalidInput("nothing to personalize", hint="--weights of a trained vlogger.video")
    try:
        from interleaf_vlogger.video.own import Personal
    except ImportError as error:
        from interleaf.errors import PluginMissing

        raise PluginMissing(
            "personalize needs diffusers", hint="pip install 'interleaf-vlogger[video]'"
        ) from error
    config: dict[str, Any] = {"weights": str(weights), "base": str(base) if base else None}
    model = Personal(PersonalConfig(side=side, rank=rank, **config))
    step = 64 if base else 2 ** (len(VideoConfig().widths) - 1)
    people = list(filmed(data, videos, side, frames, step))
    recipe = Recipe(steps=steps, batch=8, lr=2e-3, weight_decay=0.0, log_every=20)
    ctx = Context(seed=seed, resume=out / "training")
    done = model.fit(Collection.of(people), None, recipe, ctx)
    (out / "adapters").mkdir(parents=True, exist_ok=True)
    done.model.save(out / "adapters")
    assert done.log
    loss = done.log.columns["loss"]
    print(f"{out / 'adapters'}: loss {loss[0]:.4f} to {loss[-1]:.4f}", file=sys.stderr)
