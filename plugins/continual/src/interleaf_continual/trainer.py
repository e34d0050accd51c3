"""``continual.trainer``: any language model, through one data set after another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Model, ModelHandle, Schedule
from interleaf.values import Item, Table
from interleaf_continual.config import ReplayConfig
from interleaf_continual.replay import ReplayMix
from interleaf_continual.stages import Samples, Stage, plan_stages, run_stages
from interleaf_continual.state import TrainingState
from interleaf_continual.trainer_config import StageConfig, TrainerConfig
from interleaf_training import Checkpoint, TorchModel, mean_loss, own_copy
from interleaf_training.checkpoint import read_checkpoint
from interleaf_training.loop import Outcome, Validate

Given = Sequence[Item | Any]


class Trainer(Model):
    """Continues the training of the model it is given, on a copy.

    The model is a TorchModel whose ``objective().forward(ids)`` takes B×(T + 1) ids and returns the
    summed loss in nats and its count.
    """

    Config = TrainerConfig

    def fit(
        self,
        model: ModelHandle | TorchModel,
        data: Given = (),
        mixture: Dataset | None = None,
        lr: Given = (),
        rate: Schedule | None = None,
        held_out: Given = (),
        state: TrainingState | None = None,
        ctx: Context | None = None,
    ) -> Mapping[str, Any]:
        """The trained model, its log (``tokens``: predicted so far), and with ``keep_state`` the state to
        branch from.

        ``data``: datasets of tokens, or mixtures of ``continual.replay``, a stage each, in order.
        ``lr``: their schedules, or one for all. ``mixture`` and ``rate``: one more data set and one more
        schedule, the last; a pipeline that fans them out fans this training out with them.
        ``held_out``: further datasets whose mean loss (nats per token) becomes a column of the log
        each. ``state``: an earlier training's, with which the first stage goes on. InvalidInput for
        what does not fit together: another tokenizer, a window longer than the data, a replay
        without a past, a checkpoint of another model.
        """
        ctx = ctx or Context()
        trained = own_copy(model, ctx.seed)
        sources = [_value(d) for d in (*data, *([] if mixture is None else [mixture]))]
        for source in (*sources, *(_value(h) for h in held_out)):
            same_tokenizer(trained, source)
        checks = [held(h, self.config, n) for n, h in enumerate(held_out)]
        rates = [*map(_value, lr), *([] if rate is None else [rate])]
        stages = list(plan_stages(self.config, sources, rates, ctx.seed, checkpoint_of(state)))
        rows: list[dict[str, Any]] = []
        before = 0  # tokens of the stages before
        with kept_in(ctx.resume) as folder:
            last: tuple[Stage, Outcome] | None = None
            for last in run_stages(
                trained, stages, self.config, folder, ctx, lambda m: measured(checks)
            ):
                rows += [
                    {"stage": last[0].number, **row,
                     "tokens": before + row["samples"] * self.config.window}
                    for row in last[1].log.rows
                ]  # fmt: skip
                before = rows[-1]["tokens"] if rows else 0
            if last is None:
                raise InvalidInput("there is no data to train on", hint="needs: {data: …}")
            given = state_of(*last, whole=self.config.keep_state)
        return {"model": trained, "log": Table.from_rows(rows), "state": given}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.example import ExampleGPT
        from interleaf_continual.sources import Text

        english, part = (Text(c) for c in Text.examples()["configs"])
        stages = (StageConfig(steps=3), StageConfig(steps=2, replay=0.3, reset_optimizer=True))
        size: dict[str, Any] = {"window": 16, "batch": 2, "log_every": 1, "held_windows": 2}
        size["checkpoint_every"] = 1
        configs = [
            TrainerConfig(stages=stages, keep_state=True, **size),
            TrainerConfig(stages=stages, clock="run", ema=0.5, micro=1, **size),
        ]
        inputs = {"model": ExampleGPT(), "data": [english, part], "held_out": [part]}
        return {"configs": configs, "calls": {"fit": [inputs]}}


def _value(given: Item | Any) -> Any:
    return given.value if isinstance(given, Item) else given


@contextmanager
def kept_in(folder: Path | None) -> Iterator[Path]:
    """The folder itself, or one that vanishes."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def same_tokenizer(model: TorchModel, data: Dataset) -> None:
    """InvalidInput where a model says how its tokens are made and data were made otherwise."""
    mine, theirs = getattr(model, "tokenizer_id", ""), getattr(data, "tokenizer", "")
    if mine and isinstance(theirs, str) and theirs and theirs != mine:
        raise InvalidInput(
            f"the model reads tokens of '{mine}', {type(data).__name__} holds those of '{theirs}'",
            hint="tokenize the text as the model does",
        )


def held(given: Item | Dataset, config: TrainerConfig, number: int) -> tuple[str, Samples, int]:
    """A held-out set: its column, its windows, and how many of them are measured."""
    name = f"held_out.{given.label if isinstance(given, Item) else number}"
    made = ReplayConfig(window=config.window, last="drop")
    mix = ReplayMix(made).open(new=_value(given))
    return name, Samples(mix, 0), min(config.held_windows, len(mix))


def measured(checks: Sequence[tuple[str, Samples, int]]) -> Validate:
    """Mean loss on every held-out set, nats per token."""

    def found(objective: nn.Module, step: int) -> dict[str, float]:
        return {name: mean_loss(objective, samples, size) for name, samples, size in checks}

    return found


def checkpoint_of(state: TrainingState | None) -> Checkpoint | None:
    """A state as a checkpoint to begin from; InvalidInput for one that holds no weights."""
    if state is None:
        return None
    if not state.weights:
        raise InvalidInput("this state holds no weights", hint="train with keep_state: true")
    parts = {"weights": state.weights, "optimiser": state.optimiser, "average": state.average}
    tensors = {
        n: {k: torch.from_numpy(np.array(a)) for k, a in p.items()} for n, p in parts.items()
    }
    note = {"ledger": dict(state.ledger), "clock": state.clock, "seed": state.seed}
    return Checkpoint(state.step, {}, note=note, held=tensors)


def state_of(stage: Stage, done: Outcome, whole: bool) -> TrainingState:
    """Where a training stands; with its tensors if ``whole``."""
    assert done.checkpoint
    found = read_checkpoint(done.checkpoint)
    names = ("weights", "optimiser", "average") if whole else ()
    arrays = {n: {k: t.numpy() for k, t in found.tensors(n).items()} for n in names}
    note = found.note
    return TrainingState(found.step, note["clock"], note["seed"], note["ledger"], **arrays)
