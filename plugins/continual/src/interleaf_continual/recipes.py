"""A run on the command line: what was asked for, in one file beside its checkpoints.

``run.json`` holds everything a run depends on, so that to resume it is to call it again, to add data
is to add a stage, and to branch is to train on from one of its checkpoints under another rate.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import interleaf
from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context, Schedule
from interleaf.pipeline.files import write_atomic
from interleaf.values import Item, Table
from interleaf_continual.config import (
    AnnealConfig,
    InfiniteConfig,
    RewarmConfig,
    StableConfig,
    TextConfig,
    TokenFileConfig,
)
from interleaf_continual.reading import HEADER
from interleaf_continual.schedules import Anneal, Infinite, Rewarm, Stable
from interleaf_continual.sources import Corpus, Text, TokenFile

RUN, CHECKPOINTS = "run.json", "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One stage: a text or token file, its steps, and the part of them that replays the past."""

    data: str
    steps: int
    replay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A run. ``schedule`` is ``rewarm`` or ``wsd`` (each stage anew), or ``infinite`` (one through all)."""

    turns: tuple[Turn, ...]
    model: str = "continual.gpt"
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    schedule: str = "rewarm"
    peak: float = 3e-3
    constant: float = 1.65e-3
    floor: float = 3e-4
    warmup: float = 0.02
    cooldown: int = 0
    window: int = 128
    batch: int = 16
    seed: int = 0
    tokenizer: str | None = None
    checkpoint_every: int = 100
    keep: int = 3


def corpus_of(recipe: Recipe, path: str, part: str = "train") -> Corpus:
    """A token folder as it is, a text's part otherwise."""
    if (Path(path) / HEADER).is_file():
        return TokenFile(TokenFileConfig(path=path))
    return Text(TextConfig(path=path, part=part, tokenizer=recipe.tokenizer))  # type: ignore[arg-type]


def rates_of(recipe: Recipe) -> list[Schedule]:
    """A schedule for each stage, or one for all."""
    r = recipe
    begins = [0.0, *[r.floor] * (len(r.turns) - 1)]
    if r.schedule == "rewarm":
        return [
            Rewarm(
                RewarmConfig(steps=t.steps, peak=r.peak, floor=r.floor, start=s, warmup=r.warmup)
            )
            for t, s in zip(r.turns, begins, strict=True)
        ]
    if r.schedule == "wsd":
        return [
            Stable(
                StableConfig(steps=t.steps, peak=r.peak, floor=r.floor, start=s, warmup=r.warmup)
            )
            for t, s in zip(r.turns, begins, strict=True)
        ]
    if r.schedule == "infinite":
        first = r.turns[0].steps
        cooldown = r.cooldown or round(0.6 * first)
        return [Infinite(InfiniteConfig(
            steps=first, cooldown=cooldown, hold=0, constant=r.constant, floor=r.floor,
            peak=r.peak, warmup=r.warmup, endless=True,
        ))]  # fmt: skip
    raise InvalidInput(f"no schedule '{r.schedule}'", hint="rewarm, infinite or wsd")


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """``run.json``."""
    told = json.dumps(dataclasses.asdict(recipe), indent=1)
    write_atomic(folder / RUN, told.encode() + b"\n")


def read_recipe(folder: Path) -> Recipe:
    """What :func:`write_recipe` wrote; InvalidInput for a folder that holds no run."""
    file = folder / RUN
    if not file.is_file():
        raise InvalidInput(f"{folder} holds no {RUN}", hint="interleaf continual run … --out DIR")
    try:
        raw = json.loads(file.read_bytes())
        return Recipe(**{**raw, "turns": tuple(Turn(**t) for t in raw["turns"])})
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptData(f"{file} cannot be read: {error}", hint="restore it") from None


def trainer(recipe: Recipe) -> Any:
    """The trainer of a run."""
    from interleaf_continual.trainer import Trainer
    from interleaf_continual.trainer_config import StageConfig, TrainerConfig

    stages = tuple(StageConfig(steps=t.steps, replay=t.replay) for t in recipe.turns)
    return Trainer(TrainerConfig(
        stages=stages, clock="run" if recipe.schedule == "infinite" else "stage",
        window=recipe.window, batch=recipe.batch, checkpoint_every=recipe.checkpoint_every,
        keep=recipe.keep, validate_every=max(1, min(t.steps for t in recipe.turns) // 10),
    ))  # fmt: skip


def train(folder: Path, recipe: Recipe, ctx: Context) -> Table:
    """Train, or go on; writes ``model/`` and ``log.csv``."""
    ctx = dataclasses.replace(ctx, seed=recipe.seed, resume=folder / CHECKPOINTS)
    held = [Item(corpus_of(recipe, t.data, "valid"), Path(t.data).name) for t in recipe.turns
            if not (Path(t.data) / HEADER).is_file()]  # fmt: skip
    done = trainer(recipe).fit(
        model=_model(recipe),
        data=[corpus_of(recipe, t.data) for t in recipe.turns], lr=rates_of(recipe),
        held_out=held, ctx=ctx,
    )  # fmt: skip
    write_result(folder, done)
    log: Table = done["log"]
    return log


def _model(recipe: Recipe) -> Any:
    return interleaf.load(recipe.model, **recipe.parameters)


def write_result(folder: Path, done: Mapping[str, Any]) -> None:
    """The trained model and its log."""
    from interleaf.pipeline.files import folder_atomic, remove

    target = folder / "model"
    if target.exists():
        remove(target)
    with folder_atomic(target) as place:
        done["model"].save(place)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(done["log"].columns)
    writer.writerows(row.values() for row in done["log"].rows)
    write_atomic(folder / "log.csv", out.getvalue().encode())


def branch(folder: Path, at: int, steps: int, stage: int | None, ctx: Context) -> Path:
    """Train on from step ``at`` of a stage, its rate falling to the floor in ``steps``; the run
    itself is left as it was. The result lies in ``branch-STAGE-AT/``."""
    from interleaf_continual.stages import plan_stages
    from interleaf_continual.trainer import Trainer
    from interleaf_continual.trainer_config import StageConfig

    recipe = read_recipe(folder)
    number = len(recipe.turns) - 1 if stage is None else stage
    checkpoint = kept_checkpoint(folder, number, at)
    main = trainer(recipe)
    data = [corpus_of(recipe, t.data) for t in recipe.turns]
    planned = list(plan_stages(main.config, data, rates_of(recipe), recipe.seed))[number]
    assert planned.lr is not None
    here = planned.lr.at(planned.clock + at)["value"]
    turn = StageConfig(steps=steps, init="checkpoint", checkpoint=str(checkpoint))
    config = dataclasses.replace(main.config, stages=(turn,), clock="stage")
    target = folder / f"branch-{number}-{at}"
    ctx = dataclasses.replace(ctx, seed=recipe.seed, resume=target / CHECKPOINTS)
    done = Trainer(config).fit(
        model=_model(recipe), mixture=planned.mix,
        lr=[Anneal(AnnealConfig(steps=steps, start=here, floor=recipe.floor))], ctx=ctx,
    )  # fmt: skip
    write_result(target, done)
    return target


def kept_checkpoint(folder: Path, stage: int, at: int) -> Path:
    """A stage's checkpoint at a step; InvalidInput names those that were kept."""
    place = folder / CHECKPOINTS / f"stage-{stage}"
    kept = {int(f.name.removeprefix("step-")): f for f in place.glob("step-*") if f.is_dir()}
    if at not in kept:
        told = ", ".join(map(str, sorted(kept))) or "none"
        raise InvalidInput(
            f"stage {stage} of {folder} has no checkpoint at step {at}",
            hint=f"kept: {told}; run with --checkpoint-every and --keep for more",
        )
    return kept[at]
