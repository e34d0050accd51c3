"""Training: clips → copies → windows → weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Schedule
from interleaf.values import Table as Log
from interleaf_training.config import Recipe
from interleaf_training.loop import train
from interleaf_training.model import seeded
from interleaf_trumans.motion.cleaning import distinct, wrong
from interleaf_trumans.motion.diffusion import Denoising, Walker
from interleaf_trumans.motion.material import copies
from interleaf_trumans.motion.solving import solved
from interleaf_trumans.motion.windows import Table, Windows, table
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import Clip


def usable(
    clips: Sequence[Clip], held: Sequence[Clip], notice: Callable[[str], None]
) -> list[Clip]:
    """The clips to learn from; those left out are told, with why. InvalidInput where none is left."""
    good = []
    for clip in clips:
        if reason := wrong(clip):
            notice(f"{clip.name} is not learnt from: {reason}")
        else:
            good.append(clip)
    kept = distinct(good, held)
    for clip in good:
        if clip not in kept:
            notice(f"{clip.name} is not learnt from: the same take as another clip")
    if not kept:
        raise InvalidInput(
            f"none of {len(clips)} clips can be learnt from", hint="whole walks of 1.5 s and more"
        )
    return kept


def material(clips: Sequence[Clip], *, count: int, around: float, seed: int) -> Table:
    """The windows of clips, `copies` for their sense."""
    made = table(copies(clips, clips[0].offsets, count=count, around=around, seed=seed))
    if not len(made.starts):
        raise InvalidInput("the clips are shorter than a window of 30 frames")
    return made


def untrained(found: Table, source: Windows, width: int, depth: int, seed: int) -> Walker:
    """A network in the units of its windows."""
    with seeded(seed):
        walker = Walker(width, depth)
    middle, scale = found.scale
    done = solved(source, middle, scale)
    known = {"middle": middle, "scale": scale, "view": done.view, "plane": done.plane,
             "guess": done.guess, "basis": done.basis, "mean": found.mean, "stand": found.stand,
             "launch": found.launch}  # fmt: skip
    for name, values in known.items():
        getattr(walker, name).copy_(torch.from_numpy(np.asarray(values, np.float32)))
    return walker


def fitted(
    clips: Sequence[Clip], *, held: Sequence[Clip] = (), width: int, depth: int, count: int,
    around: float, recipe: Recipe, lr: Schedule | None, ctx: Context,
) -> tuple[dict[str, Array], Log]:  # fmt: skip
    """Weights by their names, and the log."""
    kept = usable(clips, held, ctx.monitor.notice)
    found = material(kept, count=count, around=around, seed=ctx.seed % 2**32)
    source = Windows(found, ctx.seed % 2**32)
    walker = untrained(found, source, width, depth, ctx.seed)
    objective = Denoising(walker, kept[0].offsets, found.mean)
    values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
    done = train(objective, source, recipe, values=values, ctx=ctx)
    state = {k: v.detach().cpu().numpy().copy() for k, v in walker.state_dict().items()}
    return state, done.log
