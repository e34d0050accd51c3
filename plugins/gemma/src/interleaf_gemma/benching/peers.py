"""Those who decode: each reads a prompt of random ids, then gives a token at a time."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from torch import nn

from interleaf_gemma import gguf_file
from interleaf_gemma.addresses import size
from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.cache import KVCache
from interleaf_gemma.fast import Decode, Decoder, plain
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantised import GROUPS, Quant, Quantised
from interleaf_gemma.quantising import LIMITS
from interleaf_gemma.reading import reading

SHAPES = {
    "128m": GemmaConfig(
        vocab_size=32_000, d_model=768, layers=12, heads=3, kv_heads=1, head_dim=256, d_ff=3072
    ),
    "2b": GemmaConfig(),
    "tiny": GemmaConfig.preset("tiny"),
}
Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Peer:
    """``read`` begins anew with a prompt; ``step`` takes a token and computes the next one's logits."""

    name: str
    kind: str  # bf16, int8 or int4, as ours
    bytes: int  # of weights that a token reads
    read: Callable[[Ids], object]
    step: Callable[[int], object]


def random_model(config: GemmaConfig) -> Gemma:
    """Random weights in bfloat16."""
    with torch.device("meta"):
        model = Gemma(config)
    model = model.bfloat16().to_empty(device="cpu")
    model.reset_parameters()
    return model.eval().requires_grad_(False)


def ours(model: Gemma, kind: str, threads: int) -> Peer:
    """The kernels; prompts as ``generation`` reads them."""
    return _of_model(f"interleaf {kind}", kind, model, Decoder(model, threads), reading)


def torch_alone(model: Gemma) -> Peer:
    """The model without kernels."""
    return _of_model("plain torch bf16", "bf16", model, plain(model), lambda _: nullcontext())


def _of_model(name: str, kind: str, model: Gemma, decode: Decode, context: Any) -> Peer:
    kept: list[KVCache] = []

    def read(ids: Ids) -> None:
        cache = KVCache(model.config, 1, len(ids) + 512, model.dtype)
        with torch.inference_mode(), context(model):
            model.head(model.model(torch.tensor([ids]), cache=cache)[:, -1])
        kept[:] = [cache]

    def step(token: int) -> None:
        with torch.inference_mode():
            decode([token], kept[0])

    return Peer(name, kind, size(model), read, step)


def quantised(model: Gemma, quant: Quant) -> Gemma:
    """The same sizes with random quantised matrices: rounding billions of random numbers takes minutes."""
    with torch.device("meta"):
        copy = Gemma(model.config)
    copy.load_state_dict(dict(model.state_dict()), assign=True)
    random, (least, most) = np.random.default_rng(0), LIMITS[quant]
    for module in copy.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            rows, columns = module.weight.shape
            numbers = random.integers(least, most, (rows, columns), np.int8, endpoint=True)
            steps = np.full((rows, -(-columns // GROUPS[quant])), 0.035 / most, np.float16)
            rounded = Quantised(numbers, steps, quant, GROUPS[quant], model.dtype)
            module.weight = nn.Parameter(rounded, requires_grad=False)
    return copy.eval()


def transformers(model: Gemma) -> Peer | None:
    """transformers' Gemma with the same weights; None if it is not installed."""
    try:
        from transformers import DynamicCache, GemmaForCausalLM
    except ImportError:
        return None
    warnings.filterwarnings("ignore", "`past_key_values` is deprecated")
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        theirs = GemmaForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    kept: list[Any] = []

    def read(ids: Ids) -> None:
        kept[:] = [DynamicCache()]
        with torch.inference_mode():
            theirs(torch.tensor([ids]), past_key_values=kept[0], use_cache=True, logits_to_keep=1)

    def step(token: int) -> None:
        with torch.inference_mode():
            theirs(torch.tensor([[token]]), past_key_values=kept[0], use_cache=True)

    return Peer("transformers bf16", "bf16", size(model), read, step)


def llama_cpp(model: Gemma, kind: str, threads: int, context: int) -> Peer | None:
    """llama.cpp with the same weights as bf16, q8_0 or q4_0; None if llama-cpp-python is not installed."""
    try:
        import llama_cpp as library
    except ImportError:
        return None
    name, quantise = {"bf16": ("bf16", ""), "int8": ("q8_0", "Q8_0"), "int4": ("q4_0", "Q4_0")}[
        kind
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.gguf"
        gguf_file.write(model.config, dict(model.state_dict()), file, quantise=quantise)
        size = sum(t.n_bytes for t in gguf.GGUFReader(file).tensors if len(t.shape) > 1)
        llama: Any = library.Llama(
            str(file),
            n_ctx=context + 512,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )

    def read(ids: Ids) -> None:
        llama.reset()
        llama.eval(list(ids))

    return Peer(f"llama.cpp {name}", kind, int(size), read, lambda token: llama.eval([token]))
