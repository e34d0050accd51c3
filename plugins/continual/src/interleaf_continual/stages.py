"""Stages in a row: each data set's turn, with what came before replayed, exactly resumable.

The order of work (arXiv 2403.08763, section 4): take the weights of the stage before, warm the rate
up again and decay it, replace a share of the new windows by windows that were consumed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Schedule
from interleaf.interfaces.component import Monitor
from interleaf_continual.config import ReplayConfig
from interleaf_continual.replay import ReplayMix
from interleaf_continual.trainer_config import StageConfig, TrainerConfig
from interleaf_training import Checkpoint, Recipe, TorchModel, find_checkpoint, train
from interleaf_training.checkpoint import read_checkpoint
from interleaf_training.loop import Outcome, Validate

RECIPE = (
    "batch", "micro", "lr", "betas", "eps", "weight_decay", "clip", "precision", "ema", "shard",
    "compile", "workers", "log_every", "validate_every", "checkpoint_every", "checkpoint_seconds",
    "keep", "keep_at",
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """A stage made ready: its mixture, its rate, how long it is, where it begins.

    Step ``s`` takes samples ``first + s·batch`` onwards and the rate at ``clock + s``.
    """

    number: int
    config: StageConfig
    mix: ReplayMix
    lr: Schedule | None
    steps: int
    clock: int = 0
    first: int = 0
    begin: Checkpoint | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Also of its folder."""
        return f"stage-{self.number}"


class Samples:
    """A mixture as the trainer reads it, from sample ``first`` on."""

    def __init__(self, mix: ReplayMix, first: int) -> None:
        self.mix, self.first = mix, first

    def batch(self, first: int, stop: int) -> tuple[torch.Tensor, ...]:
        """Ids, n×(window + 1)."""
        ids = self.mix.batch(self.first + first, self.first + stop)
        return (torch.from_numpy(ids.astype(np.int64)),)

    def fingerprint(self) -> str:
        """Of the mixture and the first sample."""
        return f"{self.mix.fingerprint()}+{self.first}"


def plan_stages(
    config: TrainerConfig,
    data: Sequence[Dataset],
    lr: Sequence[Schedule],
    seed: int,
    start: Checkpoint | None = None,
) -> Iterator[Stage]:
    """The stages in order; InvalidInput for numbers of data, stages and schedules that do not fit."""
    turns = config.stages or tuple(StageConfig() for _ in data)
    if len(turns) != len(data) or len(lr) not in (0, 1, len(data)):
        raise InvalidInput(
            f"{len(data)} data sets, {len(turns)} stages and {len(lr)} schedules do not go together",
            hint="a stage for each data set, and one schedule for all or one for each",
        )
    earlier: list[ReplayMix] = []
    clock = int(start.note.get("clock", 0)) if start and config.clock == "run" else 0
    for number, (turn, new) in enumerate(zip(turns, data, strict=True)):
        begin = _begin(turn, start if number == 0 else None)
        order = int(begin.note.get("seed", seed + number)) if begin else seed + number
        mix = _mixture(config, turn, new, earlier, order % 2**63, number)
        first = _continued(mix, begin)
        rate = lr[min(number, len(lr) - 1)] if lr else None
        steps = _steps(config, turn, mix, rate, clock, first)
        yield Stage(number, turn, mix, rate, steps, clock, first, begin)
        earlier.append(_consumed(mix, first + steps * config.batch))
        clock += steps if config.clock == "run" else 0


def _begin(turn: StageConfig, start: Checkpoint | None) -> Checkpoint | None:
    if turn.init != "checkpoint":
        return start if turn.init == "prev" else None
    if turn.checkpoint is None:
        raise InvalidInput(
            "a stage is to start from a checkpoint and names none", hint="checkpoint: …"
        )
    folder = Path(turn.checkpoint)
    if (folder / "state.json").is_file():
        return read_checkpoint(folder)
    found = find_checkpoint(folder)
    if found is None:
        raise InvalidInput(
            f"{folder} holds no whole checkpoint", hint="name a folder step-…, or its parent"
        )
    return found


def _mixture(
    config: TrainerConfig,
    turn: StageConfig,
    new: Dataset,
    earlier: list[ReplayMix],
    seed: int,
    number: int,
) -> ReplayMix:
    """A given mixture as it is; other data with the replayed share of what came before."""
    if isinstance(new, ReplayMix):
        if turn.replay:
            raise InvalidInput(
                "the data of this stage is a mixture already", hint="leave replay out, or mix here"
            )
        return new
    if turn.replay and not earlier:
        raise InvalidInput(
            f"stage {number} is to replay {turn.replay:g} and nothing came before it",
            hint="the first stage has no replay",
        )
    made = ReplayConfig(fraction=turn.replay, window=config.window, batch=config.batch, seed=seed)
    return ReplayMix(made).open(new=new, old=earlier if turn.replay else [])


def _consumed(mix: ReplayMix, samples: int) -> ReplayMix:
    """The mixture as long as a stage read it: what a later stage replays is exactly this."""
    return ReplayMix(replace(mix.config, samples=samples)).open(new=mix._new, old=mix._old)


def _continued(mix: ReplayMix, begin: Checkpoint | None) -> int:
    """The first sample: behind what a checkpoint has seen where it is of this very mixture."""
    ledger = begin.note.get("ledger", {}) if begin else {}
    return int(ledger["position"]) if ledger.get("config") == mix.fingerprint() else 0


def _steps(
    config: TrainerConfig,
    turn: StageConfig,
    mix: ReplayMix,
    lr: Schedule | None,
    clock: int,
    first: int,
) -> int:
    if turn.steps or turn.tokens:
        return turn.steps or ceil(turn.tokens / (config.batch * mix.config.window))
    if lr is not None and lr.domain.stop is not None and config.clock == "stage":
        return int(lr.domain.stop)
    left = (len(mix) - first) // config.batch
    if left < 1:
        raise InvalidInput(
            f"{len(mix) - first} windows are fewer than a batch of {config.batch}",
            hint="a smaller batch, or say how many steps",
        )
    return left


def run_stages(
    model: TorchModel,
    stages: Sequence[Stage],
    config: TrainerConfig,
    folder: Path,
    ctx: Context,
    validate: Callable[[TorchModel], Validate] | None = None,
) -> Iterator[tuple[Stage, Outcome]]:
    """Train ``model`` in place, stage after stage; the same call in the same folder goes on.

    Each stage keeps its checkpoints in ``folder/stage-N``; those of a finished stage say so and are
    not trained again.
    """
    before: Checkpoint | None = None
    total, finished = sum(s.steps for s in stages), 0
    for stage in stages:
        if stage.config.init == "scratch":
            model.initialise(ctx.seed + 1 + stage.number)
            before = None
        begin = stage.begin or (before if stage.config.init == "prev" else None)
        recipe = Recipe(steps=stage.steps, **{name: getattr(config, name) for name in RECIPE})
        done = train(
            model.objective(), Samples(stage.mix, stage.first), recipe,
            values={"lr": stage.lr} if stage.lr else {}, offset=stage.clock,
            validate=validate(model) if validate else None, begin=begin,
            fresh_optimiser=stage.config.reset_optimizer, folder=folder / stage.name,
            note=_note(stage, config),
            ctx=replace(ctx, monitor=Whole(ctx.monitor, finished, total)),
        )  # fmt: skip
        assert done.checkpoint
        finished += stage.steps
        before = read_checkpoint(done.checkpoint)
        yield stage, done


@dataclass(frozen=True)
class Whole:
    """A stage's progress as part of that of all stages."""

    monitor: Monitor
    before: int
    total: int

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """The seconds left are those of all stages, at the pace of this one."""
        left = info.get("seconds_left")
        if left and total and total > done:
            info["seconds_left"] = left * (self.total - self.before - done) / (total - done)
        self.monitor.progress(self.before + done, self.total, **info)

    def notice(self, message: str) -> None:
        """Passed on."""
        self.monitor.notice(message)


def _note(stage: Stage, config: TrainerConfig) -> Callable[[int], Mapping[str, Any]]:
    """What a checkpoint also says: the ledger of the data, and the run's clock."""

    def told(step: int) -> dict[str, Any]:
        position = stage.first + step * config.batch
        ledger = dict(stage.mix.at(position, stage.name))
        return {"ledger": ledger, "clock": stage.clock + step, "seed": stage.mix.config.seed}

    return told
