"""``training.fit``: any TorchModel, fitted to an indexed dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from interleaf.interfaces import Context, Dataset, Fitted, Model, ModelHandle, Schedule
from interleaf_training.config import FitConfig, Recipe
from interleaf_training.loop import Validate, train
from interleaf_training.model import TorchModel, own_copy
from interleaf_training.scoring import mean_loss
from interleaf_training.sources import DatasetSource


class Fit(Model):
    """Trains a copy of the model it is given."""

    Config = FitConfig

    def fit(
        self,
        model: ModelHandle | TorchModel,
        data: Dataset,
        held_out: Dataset | None = None,
        lr: Schedule | None = None,
        ctx: Context | None = None,
    ) -> Fitted:
        """The trained model, and a log with a row every ``log_every`` steps.

        ``data`` is indexed, its items are what the model's ``collate`` takes; ``held_out``, if given,
        adds the column ``held_out`` (mean loss over all of it). InvalidInput for a model that is no
        TorchModel, and for a dataset without items or index.
        """
        c, ctx = self.config, ctx or Context()
        trained = own_copy(model, ctx.seed)
        source = DatasetSource(data, trained.collate, ctx.seed, c.shuffle)
        values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
        done = train(
            trained.objective(), source, c.recipe, values=values,
            validate=_held_out(held_out, trained), ctx=ctx,
        )  # fmt: skip
        return Fitted(trained, done.log)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_training.example import Dots, SmallClassifier

        recipe = Recipe(steps=6, batch=8, micro=3, ema=0.9, log_every=2, checkpoint_every=1)
        configs = [
            FitConfig(recipe=recipe),
            FitConfig(recipe=Recipe(steps=3, batch=4), shuffle=False),
        ]
        inputs = {"model": SmallClassifier(), "data": Dots(), "held_out": Dots()}
        return {"configs": configs, "calls": {"fit": [inputs]}}


def _held_out(data: Dataset | None, model: TorchModel) -> Validate | None:
    if data is None:
        return None
    source = DatasetSource(data, model.collate, shuffle=False)

    def measured(objective: nn.Module, step: int) -> dict[str, float]:
        return {"held_out": mean_loss(objective, source, source.order.size)}

    return measured
