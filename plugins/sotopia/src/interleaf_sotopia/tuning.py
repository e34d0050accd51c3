"""Behaviour cloning and self-reinforcement on any torch model that learns from conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.interfaces import Context, Dataset, Model, ModelHandle
from interleaf.interfaces.dataset import Indexed
from interleaf.values import Table
from interleaf_sotopia.config import TuneConfig
from interleaf_training import DatasetSource, Recipe, TorchModel, mean_loss, own_copy, seeded, train


class Clone(Model):
    """Behaviour cloning: a copy of the model, trained on pairs of prompt and action. The loss counts the
    agent's turns alone, which is the model's own affair (``collate``)."""

    Config = TuneConfig

    def fit(
        self, model: ModelHandle | TorchModel, data: Dataset, held_out: Dataset | None = None,
        ctx: Context | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The trained copy, the log, and the lineage: what was learnt from, on top of what."""
        return _tuned(self.config, model, data, None, held_out, ctx or Context())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_sotopia.toy import Parrot, toy_pairs

        configs = [TuneConfig(steps=2, batch=2)]
        return {"configs": configs, "calls": {"fit": [{"model": Parrot(), "data": toy_pairs()}]}}


class Reinforce(Model):
    """Self-reinforcement: the same on what the model did itself, some of the ``earlier`` data among it."""

    Config = TuneConfig

    def fit(
        self, model: ModelHandle | TorchModel, data: Dataset, earlier: Dataset | None = None,
        held_out: Dataset | None = None, ctx: Context | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """As ``Clone``; ``replay`` of each batch, on average, is earlier data."""
        return _tuned(self.config, model, data, earlier, held_out, ctx or Context())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_sotopia.toy import Parrot, toy_pairs

        inputs = {"model": Parrot(), "data": toy_pairs(), "earlier": toy_pairs(3)}
        return {"configs": [TuneConfig(steps=2, batch=2)], "calls": {"fit": [inputs]}}


def _tuned(
    c: TuneConfig,
    model: Any,
    data: Dataset,
    earlier: Dataset | None,
    held_out: Dataset | None,
    ctx: Context,
) -> dict[str, Any]:
    trained = own_copy(model, ctx.seed)
    adapted = _adapted(trained, c, ctx.seed) if c.rank else None
    mixed = data if earlier is None else _Mixed(data, earlier, c.replay)
    source = DatasetSource(mixed, trained.collate, ctx.seed)
    recipe = Recipe(steps=c.steps, batch=c.batch, micro=c.micro, lr=c.lr, weight_decay=0.0,
                    log_every=max(1, c.steps // 20))  # fmt: skip
    done = train(trained.objective(), source, recipe, validate=_loss(held_out, trained), ctx=ctx)
    if adapted is not None:
        adapted.merge_and_unload()
        for weight in trained.module.parameters():
            weight.requires_grad_(True)
    return {"model": trained, "log": done.log, "lineage": _lineage(model, data, earlier, c)}


class _Mixed(Dataset):
    """New items once, and as many of the earlier ones, evenly spread, as their share asks for."""

    def __init__(self, new: Dataset, earlier: Dataset, share: float) -> None:
        super().__init__()
        if not isinstance(new, Indexed) or not isinstance(earlier, Indexed):
            raise InvalidInput("data to learn from has an index", hint="a sotopia.pairs step")
        self.new, self.earlier = new, earlier
        self.more = round(len(new) * share / (1 - share)) if len(earlier) else 0
        self.share = share

    def __len__(self) -> int:
        return len(self.new) + self.more

    def __getitem__(self, index: int) -> Any:
        if index < len(self.new):
            return self.new[index]
        place = index - len(self.new)
        return self.earlier[
            place * len(self.earlier) // self.more
            if self.more < len(self.earlier)
            else place % len(self.earlier)
        ]

    def fingerprint(self) -> str:
        """Of both."""
        return f"{self.new.fingerprint()}.{self.earlier.fingerprint()}.{self.share}"


def _adapted(model: TorchModel, c: TuneConfig, seed: int) -> Any:
    """LoRA adapters (arXiv 2106.09685) put into the model's module, in place."""
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError:
        raise PluginMissing(
            "adapters need peft", hint="pip install 'interleaf-sotopia[lora]'"
        ) from None
    names = {n.rsplit(".", 1)[-1] for n, _ in model.module.named_modules()}
    missing = [t for t in c.targets if t not in names]
    if missing:
        raise InvalidInput(
            f"the model has no projection '{missing[0]}'",
            hint=f"targets among {', '.join(sorted(names)[:12])}",
        )
    config = LoraConfig(
        r=c.rank, lora_alpha=c.alpha, lora_dropout=c.dropout, target_modules=list(c.targets)
    )
    with seeded(seed):
        return LoraModel(model.module, config, "default")


def _loss(data: Dataset | None, model: TorchModel) -> Any:
    if data is None:
        return None
    source = DatasetSource(data, model.collate, shuffle=False)
    return lambda objective, step: {"held_out": mean_loss(objective, source, source.order.size)}


def _lineage(model: Any, data: Dataset, earlier: Dataset | None, c: TuneConfig) -> Table:
    parent = model.digest if isinstance(model, ModelHandle) else "in memory"
    return Table.from_rows([{
        "parent": parent, "data": data.fingerprint(), "pairs": _size(data),
        "earlier": earlier.fingerprint() if earlier is not None else None,
        "steps": c.steps, "batch": c.batch, "lr": c.lr, "rank": c.rank,
    }])  # fmt: skip


def _size(data: Any) -> int:
    sized: Sequence[Any] = data
    return len(sized)
