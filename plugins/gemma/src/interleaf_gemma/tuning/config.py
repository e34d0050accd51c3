"""Parameters of fine-tuning, of rewards and of policy gradient."""

from dataclasses import dataclass, field
from typing import Annotated

from interleaf.params import Ge, Gt, InFile, Lt
from interleaf_training.config import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationsConfig:
    """``path``: JSON lines. ``prompts``: they end with the user's turn and are to be answered."""

    path: InFile
    prompts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesConfig:
    """``path``: JSON lines with prompt, chosen and rejected."""

    path: InFile


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings:
    """``rank`` of the adapters (0: none, all weights are trained); ``alpha`` (0: 2 · rank).

    ``targets``: which projections (none named: all seven).
    """

    rank: Annotated[int, Ge(0)] = 0
    alpha: Annotated[float, Ge(0)] = 0.0
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneConfig:
    """``recipe``: how to train. ``lora``: adapters instead of all weights.

    ``checkpoint_blocks``: activations are computed again while going back, which takes less memory and a
    third more time.
    """

    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=100, batch=8, lr=1e-4, weight_decay=0.0)
    )
    lora: LoraSettings = field(default_factory=LoraSettings)
    checkpoint_blocks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardConfig:
    """``recipe``: how to train on preferences; the rate of the whole network and its head."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=100, batch=16, lr=1e-4, weight_decay=0.0)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """``recipe``: how to train; a step's ``batch`` are prompts, each answered ``samples`` times.

    ``beta``: weight of the KL divergence from the model at the start, in reward per nat.
    ``max_new_tokens``: of an answer.
    """

    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=60, batch=8, lr=2e-5, weight_decay=0.0, log_every=1)
    )
    samples: Annotated[int, Ge(2)] = 4
    beta: Annotated[float, Ge(0)] = 0.05
    max_new_tokens: Annotated[int, Ge(1)] = 64
    temperature: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GainConfig:
    """``samples`` answers to each prompt, of at most ``max_new_tokens``."""

    samples: Annotated[int, Ge(1)] = 4
    max_new_tokens: Annotated[int, Ge(1)] = 64
    temperature: Annotated[float, Gt(0)] = 1.0
