"""Low-rank adapters (Hu et al., 2021; arXiv 2106.09685) through peft: W + (alpha / rank) · B A."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interleaf.errors import InvalidInput, PluginMissing, did_you_mean
from interleaf_gemma.model import Gemma
from interleaf_training.model import seeded

if TYPE_CHECKING:
    from peft import PeftModel

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def attach(
    model: Gemma, rank: int, alpha: float = 0.0, dropout: float = 0.0,
    targets: Sequence[str] = PROJECTIONS, seed: int = 0,
) -> PeftModel:  # fmt: skip
    """Put adapters into a model's projections, in place; only they are trained from then on.

    alpha: 0 takes 2 · rank. The output is at first that of the model. InvalidInput for an unknown target.
    """
    try:
        import peft
    except ImportError as error:
        raise PluginMissing(
            "adapters need peft", hint="pip install 'interleaf-gemma[lora]'"
        ) from error
    for name in targets:
        if name not in PROJECTIONS:
            raise InvalidInput(f"no projection '{name}'", hint=did_you_mean(name, PROJECTIONS))
    config = peft.LoraConfig(
        r=rank, lora_alpha=alpha or 2 * rank, lora_dropout=dropout, target_modules=list(targets)
    )
    with seeded(seed):
        return peft.get_peft_model(model, config)


def merge(adapted: PeftModel) -> Gemma:
    """The model with its adapters added into the weights, and none left."""
    merged: Gemma = adapted.merge_and_unload(safe_merge=True)
    for weight in merged.parameters():
        weight.requires_grad_(True)
    return merged


def save(adapted: PeftModel, folder: Path) -> None:
    """Only the adapters, as peft writes and reads them."""
    adapted.save_pretrained(str(folder))
