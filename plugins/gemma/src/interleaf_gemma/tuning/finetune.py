"""Supervised fine-tuning on conversations: the loss counts what the model says, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Fitted, Model, ModelHandle, Schedule
from interleaf.values import Table
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.tuning import lora
from interleaf_gemma.tuning.config import ConversationsConfig, FinetuneConfig, LoraSettings
from interleaf_gemma.tuning.conversations import EXAMPLES, Conversations
from interleaf_training import DatasetSource, Recipe, mean_loss, own_copy, train


class Finetune(Model):
    """Trains a copy of a decoder; with ``lora.rank`` above 0 adapters, which are merged at the end."""

    Config = FinetuneConfig

    def fit(
        self,
        model: ModelHandle | Decoder,
        data: Dataset,
        held_out: Dataset | None = None,
        lr: Schedule | None = None,
        ctx: Context | None = None,
    ) -> Fitted:
        """The tuned decoder and the log; ``held_out`` adds a column, loss per token of the model's turns."""
        trained, log = tuned(model, data, held_out, self.config, lr, ctx or Context())
        return Fitted(trained, log)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        sizes: Any = {
            "layers": 1,
            "d_model": 16,
            "heads": 2,
            "head_dim": 8,
            "d_ff": 32,
            "context": 128,
        }
        recipe = Recipe(steps=3, batch=2, log_every=1, checkpoint_every=1)
        data = Conversations(ConversationsConfig(path=str(EXAMPLES / "conversations.jsonl")))
        inputs = {
            "model": Decoder(DecoderConfig(preset="tiny", **sizes)),
            "data": data,
            "held_out": data,
        }
        configs = [
            FinetuneConfig(recipe=recipe),
            FinetuneConfig(recipe=recipe, lora=LoraSettings(rank=2)),
        ]
        return {"configs": configs, "calls": {"fit": [inputs]}}


def tuned(
    model: ModelHandle | Decoder,
    data: Dataset,
    held_out: Dataset | None,
    config: FinetuneConfig,
    lr: Schedule | None,
    ctx: Context,
    adapter: Path | None = None,
) -> tuple[Decoder, Table]:
    """A tuned copy of a decoder and the log; ``adapter``: where to keep the adapters by themselves, too."""
    trained = own_copy(model, ctx.seed)
    if not isinstance(trained, Decoder):
        raise InvalidInput("only a gemma.decoder can be tuned here")
    trained.gemma.model.gradient_checkpointing = config.checkpoint_blocks
    adapted = _adapted(trained, config.lora, ctx.seed) if config.lora.rank else None
    source = DatasetSource(data, trained.collate, ctx.seed)
    values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
    outcome = train(
        trained.objective(), source, config.recipe, values=values,
        validate=_loss(held_out, trained), ctx=ctx,
    )  # fmt: skip
    trained.gemma.model.gradient_checkpointing = False
    if adapted is not None:
        if adapter is not None:
            lora.save(adapted, adapter)
        lora.merge(adapted)
    return trained, outcome.log


def _adapted(model: Decoder, settings: LoraSettings, seed: int) -> Any:
    targets = settings.targets or lora.PROJECTIONS
    return lora.attach(model.gemma, settings.rank, settings.alpha, settings.dropout, targets, seed)


def _loss(data: Dataset | None, model: Decoder) -> Any:
    if data is None:
        return None
    source = DatasetSource(data, model.collate, shuffle=False)

    def measured(objective: nn.Module, step: int) -> dict[str, float]:
        return {"held_out": mean_loss(objective, source, source.order.size)}

    return measured
