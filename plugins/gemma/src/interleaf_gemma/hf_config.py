"""A decoder's sizes from a Hugging Face ``config.json`` and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleaf_gemma.architecture import GemmaConfig

FIELDS = {
    "vocab_size": "vocab_size",
    "hidden_size": "d_model",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "intermediate_size": "d_ff",
    "max_position_embeddings": "context",
    "rms_norm_eps": "eps",
    "pad_token_id": "pad",
    "eos_token_id": "eos",
    "bos_token_id": "bos",
}
REQUIRED = tuple(FIELDS)[:7]
ACTIVATIONS = {"gelu": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}
CONVENTIONS = ("norm_offset", "activation", "embed_scale", "rope_layout")


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a GemmaConfig; ValueError names what is missing or what cannot be computed."""
    if data.get("model_type") != "gemma":
        raise ValueError(f"model_type {data.get('model_type')!r}: expected 'gemma'")
    missing = [name for name in REQUIRED if data.get(name) is None]
    if missing:
        raise ValueError(f"without {', '.join(missing)}")
    _refuse_what_gemma_has_not(data)
    found = {
        ours: _number(data, name) for name, ours in FIELDS.items() if data.get(name) is not None
    }
    return {**found, "rope_base": _rope_base(data), "activation": _activation(data)}


def write(config: GemmaConfig, dtype: str) -> dict[str, Any]:
    """What transformers reads as this model."""
    unlike = [f.name for f in fields(config) if f.name in CONVENTIONS and _differs(config, f)]
    if unlike:
        raise ValueError(
            f"the format holds Gemma blocks, and this model's {', '.join(unlike)} differ"
        )
    return {
        "architectures": ["GemmaForCausalLM"],
        "model_type": "gemma",
        **{name: getattr(config, ours) for name, ours in FIELDS.items()},
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "rope_theta": config.rope_base,
        "rope_parameters": {"rope_theta": config.rope_base, "rope_type": "default"},
        "tie_word_embeddings": True,
        "torch_dtype": dtype,
        "use_cache": True,
    }


def _number(data: Mapping[str, Any], name: str) -> int | float:
    value = data[name]
    if isinstance(value, list) and name == "eos_token_id" and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} = {value!r}: expected a number")
    return value


def _rope_base(data: Mapping[str, Any]) -> float:
    """``rope_theta`` of old files, ``rope_parameters`` of new ones."""
    new = data.get("rope_parameters") or {}
    if data.get("rope_scaling") or new.get("rope_type", "default") != "default":
        raise ValueError("scaled rotary positions, which Gemma 1 does not have")
    return float(new.get("rope_theta") or data.get("rope_theta") or 10_000.0)


def _activation(data: Mapping[str, Any]) -> str:
    said = data.get("hidden_activation") or data.get("hidden_act") or "gelu_pytorch_tanh"
    if said not in ACTIVATIONS:
        raise ValueError(f"hidden_act {said!r}: expected one of {', '.join(ACTIVATIONS)}")
    if said == "gelu":
        warnings.warn(
            "hidden_act 'gelu' is read as gelu_pytorch_tanh, as Gemma means it", stacklevel=4
        )
    return ACTIVATIONS[said]


def _refuse_what_gemma_has_not(data: Mapping[str, Any]) -> None:
    for name in ("attention_bias", "mlp_bias"):
        if data.get(name):
            raise ValueError(f"{name} is set, and a Gemma has no biases")
    if data.get("tie_word_embeddings") is False:
        raise ValueError(
            "tie_word_embeddings is false, and a Gemma's embedding is its output layer"
        )


def _differs(config: GemmaConfig, field: Field[Any]) -> bool:
    return bool(getattr(config, field.name) != field.default)
