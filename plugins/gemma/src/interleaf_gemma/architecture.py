"""The sizes and the conventions of a decoder: what must be known before a weight is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

Activation = Literal["gelu_tanh", "gelu", "silu"]
Precision = Literal["reference", "hf"]
PAPER_VOCABULARY = (256_000, 256_128)  # rows of the released tables, and as the paper counts them

SIZES: Mapping[str, Mapping[str, Any]] = {
    "2b": {"d_model": 2048, "layers": 18, "heads": 8, "kv_heads": 1, "head_dim": 256, "d_ff": 16_384},
    "7b": {"d_model": 3072, "layers": 28, "heads": 16, "kv_heads": 16, "head_dim": 256, "d_ff": 24_576},
    "tiny": {
        "d_model": 128, "layers": 4, "heads": 4, "kv_heads": 1, "head_dim": 32, "d_ff": 512,
        "vocab_size": 2048, "context": 512,
    },
    "llama2": {  # Llama 2's block, as published: what differs from Gemma's
        "norm_offset": 0.0, "activation": "silu", "embed_scale": False, "rope_layout": "pairs", "eps": 1e-5,
        "pad": 0, "bos": 1, "eos": 2,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmaConfig:
    """A decoder's sizes (defaults: Gemma 2B, table 1 of the paper) and conventions.

    ``d_ff`` is the width of each of the two branches of the MLP (the paper prints their sum).
    ``head_dim`` is a size of its own: 7B has heads × head_dim = 4096 and d_model = 3072.
    ``precision``: ``reference`` rotates queries and keys in float32 as the official code does, ``hf``
    in the dtype of the activations, as transformers does. ``tokenizer_size``: ids from there on are
    never sampled (0: all may be).
    """

    vocab_size: int = 256_000
    d_model: int = 2048
    layers: int = 18
    heads: int = 8
    kv_heads: int = 1
    head_dim: int = 256
    d_ff: int = 16_384
    context: int = 8192
    rope_base: float = 10_000.0
    eps: float = 1e-6
    norm_offset: float = 1.0
    activation: Activation = "gelu_tanh"
    embed_scale: bool = True
    rope_layout: Literal["halves", "pairs"] = "halves"
    precision: Precision = "reference"
    pad: int = 0
    eos: int = 1
    bos: int = 2
    tokenizer_size: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (value < 0 or (value == 0 and field.name not in _MAY_BE_0)):
                raise ValueError(f"{field.name} = {value}: expected a positive number")
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.kv_heads} key/value heads")
        if self.head_dim % 2:
            raise ValueError(f"head_dim = {self.head_dim}: rotary positions need an even one")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """``2b``, ``7b``, ``tiny``, or ``llama2``, another family's block; ``changes`` win over them."""
        if name not in SIZES:
            raise ValueError(f"no preset '{name}': {', '.join(SIZES)}")
        return cls(**{**SIZES[name], **changes})

    @property
    def sampled(self) -> int:
        """How many ids may be sampled: those the tokenizer knows."""
        known = PAPER_VOCABULARY[0] if self.vocab_size == PAPER_VOCABULARY[1] else self.vocab_size
        return min(self.tokenizer_size or known, self.vocab_size)

    def with_(self, **changes: Any) -> Self:
        """The same with other fields."""
        return replace(self, **changes)

    def wider(self, factor: float) -> Self:
        """``factor`` times as wide: d_model, d_ff and heads, each at least 1; heads of the same size.

        Key/value heads stay, unless they no longer divide the heads: then there is one.
        """
        if factor == 1.0:
            return self
        heads = max(1, round(self.heads * factor))
        return self.with_(
            d_model=max(1, round(self.d_model * factor)),
            d_ff=max(1, round(self.d_ff * factor)),
            heads=heads,
            kv_heads=self.kv_heads if heads % self.kv_heads == 0 else 1,
        )

    @classmethod
    def from_hf(cls, data: Mapping[str, Any]) -> Self:
        """From the content of a Hugging Face ``config.json``; ValueError says what does not fit."""
        from interleaf_gemma.hf_config import read

        return cls(**read(data))

    def to_hf(self, dtype: str = "float32") -> dict[str, Any]:
        """The content of a Hugging Face ``config.json``; ValueError if it has no words for this model."""
        from interleaf_gemma.hf_config import write

        return write(self, dtype)


_MAY_BE_0 = ("pad", "eos", "bos", "tokenizer_size")
