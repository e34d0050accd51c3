"""GGUF files as llama.cpp reads them: arch ``gemma``, norm weights stored with 1 added."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch
from torch import Tensor

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.checkpoints import EMBEDDING, Found, replacing
from interleaf_gemma.official import config_is_gemma
from interleaf_gemma.quantised import Quant, Quantised
from interleaf_gemma.quantised_files import KINDS, from_blocks, to_blocks

if TYPE_CHECKING:
    from interleaf_gemma.tokenizer import Tokenizer

ARCH = "gemma"
OUTSIDE = {EMBEDDING: "token_embd.weight", "model.norm.weight": "output_norm.weight"}
INSIDE = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_HF_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)\.weight")
_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.weight")
KEYS = {
    "context": "context_length",
    "d_model": "embedding_length",
    "layers": "block_count",
    "d_ff": "feed_forward_length",
    "heads": "attention.head_count",
    "kv_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "eps": "attention.layer_norm_rms_epsilon",
}
VOCABULARY = {f"tokenizer.ggml.{name}" for name in ("tokens", "scores", "token_type", "merges")}
TYPES = {
    torch.float32: gguf.GGMLQuantizationType.F32,
    torch.float16: gguf.GGMLQuantizationType.F16,
    torch.bfloat16: gguf.GGMLQuantizationType.BF16,
}


def read(path: Path, quant: Quant | None = None) -> Found:
    """The sizes and tensors of a file; quantised ones become float32, unless ``quant`` is what they are."""
    try:
        file = gguf.GGUFReader(path, "c")  # copy on write: views that torch may own
        fields = {n: f.contents() for n, f in file.fields.items() if n not in VOCABULARY}
        tensors = {_hf_name(t.name): _tensor(t, quant) for t in file.tensors}
    except (ValueError, IndexError, KeyError, OSError, OverflowError, UnicodeDecodeError) as error:
        raise CorruptData(f"{path} is no whole GGUF file: {error}", hint="copy it again") from error
    config = _config(fields, tensors, path)
    return Found(config, {n: t - 1 if _is_norm(n) else t for n, t in tensors.items()}, path)


def fields_of(path: Path) -> dict[str, Any]:
    """What a file says beside its tensors, its vocabulary included; CorruptData for what is no whole file."""
    try:
        file = gguf.GGUFReader(path)
        return {name: field.contents() for name, field in file.fields.items()}
    except (ValueError, IndexError, KeyError, OSError, OverflowError, UnicodeDecodeError) as error:
        raise CorruptData(f"{path} is no whole GGUF file: {error}", hint="copy it again") from error


def write(
    config: GemmaConfig,
    tensors: dict[str, Tensor],
    path: Path,
    quantise: str = "",
    tokenizer: Tokenizer | None = None,
) -> None:
    """Write a file that llama.cpp runs.

    ``quantise``: ``Q8_0`` or ``Q4_0`` for the matrices ("": as they are). Without a tokenizer the file
    has none, and takes and gives ids.
    """
    config_is_gemma(config)
    with replacing(path) as new:
        file = gguf.GGUFWriter(new, ARCH)
        _write_fields(file, config)
        _write_tokenizer(file, config, tokenizer)
        for name, tensor in tensors.items():
            if _is_norm(name):
                tensor = tensor.float() + 1
            data, kind = _array(name, tensor, quantise)
            file.add_tensor(_gguf_name(name), data, raw_dtype=kind)
        file.write_header_to_file()
        file.write_kv_data_to_file()
        file.write_tensors_to_file()
        file.close()


def _is_norm(name: str) -> bool:
    return name.endswith("norm.weight")


def _hf_name(name: str) -> str:
    outside = {v: k for k, v in OUTSIDE.items()}
    if match := _BLOCK.fullmatch(name):
        inside = {v: k for k, v in INSIDE.items()}
        return f"model.layers.{match[1]}.{inside.get(match[2], match[2])}.weight"
    return outside.get(name, "lm_head.weight" if name == "output.weight" else name)


def _gguf_name(name: str) -> str:
    if match := _HF_LAYER.fullmatch(name):
        return f"blk.{match[1]}.{INSIDE[match[2]]}.weight"
    return OUTSIDE[name]


def _tensor(t: Any, quant: Quant | None) -> Tensor:
    shape = [int(n) for n in reversed(t.shape)]
    if quant and t.tensor_type == KINDS[quant]:
        return from_blocks(t.data, quant, torch.bfloat16)
    views = {"F32": (np.float32, torch.float32), "F16": (np.float16, torch.float16)}
    if t.tensor_type.name in views:
        return _mapped(t.data.view(views[t.tensor_type.name][0])).reshape(shape)
    if t.tensor_type.name == "BF16":
        return _mapped(t.data.view(np.uint8)).view(torch.bfloat16).reshape(shape)
    try:
        return torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type)).reshape(shape)
    except NotImplementedError as error:
        raise ValueError(
            f"{t.name} is stored as {t.tensor_type.name}, which is not read"
        ) from error


def _mapped(array: np.ndarray[Any, Any]) -> Tensor:
    """A view of the mapped file."""
    return torch.from_numpy(np.asarray(array).reshape(-1))


def _config(fields: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> GemmaConfig:
    arch = fields.get("general.architecture")
    if arch != ARCH:
        raise InvalidInput(f"{path} holds the architecture '{arch}', expected '{ARCH}'")
    missing = [key for key in KEYS.values() if f"{ARCH}.{key}" not in fields]
    if missing or EMBEDDING not in tensors:
        raise InvalidInput(f"{path} is without {', '.join(missing) or 'token_embd.weight'}")
    found = {ours: fields[f"{ARCH}.{key}"] for ours, key in KEYS.items()}
    ids = {n: fields.get(f"tokenizer.ggml.{n}_token_id") for n in ("bos", "eos")}
    ids["pad"] = fields.get("tokenizer.ggml.padding_token_id")
    base = fields.get(f"{ARCH}.rope.freq_base", 10_000.0)
    try:
        return GemmaConfig(
            vocab_size=len(tensors[EMBEDDING]), rope_base=float(base),
            **{**found, "eps": _decimal(found["eps"])}, **{n: i for n, i in ids.items() if i is not None},
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{path}: {error}") from error


def _decimal(x: float) -> float:
    """The number that was rounded to float32: 9.99999997e-07 is 1e-06."""
    return float(f"{x:.6g}")


def _write_fields(file: Any, config: GemmaConfig) -> None:
    file.add_name("gemma")
    file.add_context_length(config.context)
    file.add_embedding_length(config.d_model)
    file.add_block_count(config.layers)
    file.add_feed_forward_length(config.d_ff)
    file.add_head_count(config.heads)
    file.add_head_count_kv(config.kv_heads)
    file.add_key_length(config.head_dim)
    file.add_value_length(config.head_dim)
    file.add_layer_norm_rms_eps(config.eps)
    file.add_rope_freq_base(config.rope_base)
    file.add_rope_dimension_count(config.head_dim)
    file.add_vocab_size(config.vocab_size)


def _write_tokenizer(file: Any, config: GemmaConfig, tokenizer: Tokenizer | None) -> None:
    if tokenizer is None:
        file.add_tokenizer_model("no_vocab")
    else:
        pieces = tokenizer.pieces(config.vocab_size)
        file.add_tokenizer_model("llama")
        file.add_tokenizer_pre("default")
        file.add_token_list([p.text for p in pieces])
        file.add_token_scores([p.score for p in pieces])
        file.add_token_types([p.type for p in pieces])
        file.add_add_space_prefix(False)
        file.add_add_bos_token(True)
        file.add_unk_token_id(tokenizer.unk)
    file.add_bos_token_id(config.bos)
    file.add_eos_token_id(config.eos)
    file.add_pad_token_id(config.pad)


def _array(name: str, tensor: Tensor, quantise: str) -> tuple[np.ndarray[Any, Any], Any]:
    if isinstance(tensor, Quantised):
        return to_blocks(name, tensor)
    tensor = tensor.detach().cpu().contiguous()
    if quantise and tensor.dim() == 2:
        kind = gguf.GGMLQuantizationType[quantise]
        block = gguf.GGML_QUANT_SIZES[kind][0]
        if tensor.shape[1] % block:
            raise InvalidInput(
                f"{name} has rows of {tensor.shape[1]}, and {quantise} needs multiples of {block}"
            )
        return gguf.quants.quantize(tensor.float().numpy(), kind), kind
    kind = TYPES[tensor.dtype]
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint8).numpy(), kind
    return tensor.numpy(), kind
