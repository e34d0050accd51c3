"""A model's sizes and the addresses of its weights, as the compiled step takes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from interleaf_gemma.kernels.attention import SPAN
from interleaf_gemma.kernels.elementwise import GELU, HALVES, PAIRS, SILU
from interleaf_gemma.kernels.products import BFLOAT16, FLOAT32, Vector
from interleaf_gemma.kernels.room import Room
from interleaf_gemma.kernels.step import Numbers, Own, Shape, Shared, Weights
from interleaf_gemma.quantised import Quantised

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma

LAYOUTS = {torch.float32: FLOAT32, torch.bfloat16: BFLOAT16}


def padded(size: int) -> int:
    return (size + 63) // 32 * 32


def kind(weight: Tensor) -> tuple[int, int] | None:
    if isinstance(weight, Quantised):
        return weight.layout, weight.group
    plain = type(weight) in (Tensor, nn.Parameter) and weight.dtype in LAYOUTS
    return (LAYOUTS[weight.dtype], 0) if plain else None


def matrices(block: Any) -> list[Tensor]:
    a, m = block.self_attn, block.mlp
    modules = (a.q_proj, a.k_proj, a.v_proj, a.o_proj, m.gate_proj, m.up_proj, m.down_proj)
    # an adapter around a matrix has no weight of its own, or another class: torch computes it
    return [p.weight if type(p) is nn.Linear else torch.empty(0, dtype=torch.bool) for p in modules]


def address(weight: Tensor) -> int:
    return int(weight.panels.ctypes.data) if isinstance(weight, Quantised) else weight.data_ptr()


def size(model: Gemma) -> int:
    """Bytes of the matrices that a token reads."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    return sum(p.panels.nbytes if isinstance(p, Quantised) else p.nbytes for p in matrices)


def shape(model: Gemma) -> Shape:
    c = model.config
    layout, group = kind(model.model.embed_tokens.weight) or (0, 0)
    return Shape(
        d_model=c.d_model, layers=c.layers, heads=c.heads, kv_heads=c.kv_heads, head_dim=c.head_dim,
        d_ff=c.d_ff, vocabulary=c.vocab_size, layout=layout, group=group,
        cache_layout=LAYOUTS[model.dtype], activation=SILU if c.activation == "silu" else GELU,
        rope=HALVES if c.rope_layout == "halves" else PAIRS, streams=1,
    )  # fmt: skip


def weights(model: Gemma, room: Room) -> Weights:
    c, decoder = model.config, model.model
    norms = np.zeros((2 * c.layers + 2, padded(c.d_model)), np.float32)
    for n, block in enumerate(decoder.layers):
        norms[2 * n, : c.d_model] = _norm(block.input_layernorm)
        norms[2 * n + 1, : c.d_model] = _norm(block.post_attention_layernorm)
    norms[2 * c.layers, : c.d_model] = _norm(decoder.norm)
    places = np.array([[address(w) for w in matrices(b)] for b in decoder.layers], np.int64)
    room.kept += [norms, places]
    table = address(decoder.embed_tokens.weight)
    return Weights(places.ctypes.data, norms.ctypes.data, norms.strides[0], table)


def numbers(model: Gemma) -> Numbers:
    c = model.config
    # √d is rounded to the dtype, as the model does
    scale = float(torch.tensor(math.sqrt(c.d_model), dtype=model.dtype)) if c.embed_scale else 1.0
    return Numbers(np.float32(scale), np.float32(c.eps), np.float32(c.rope_base))


def _norm(module: Any) -> np.ndarray:
    found: np.ndarray = (module.offset + module.weight.detach().float()).numpy()
    return found


def shared(s: Shape, tokens: int, spans: int) -> tuple[Shared, Room]:
    """What the threads share, for so many tokens and spans of the cache."""
    room, wide, part = Room(), widest(s), s.head_dim + 16
    x, q, k, v, gate, up = (room.zeros(tokens * wide) for _ in range(6))
    parts = room.zeros(tokens * s.heads * spans * part)
    return Shared(x, q, k, v, gate, up, 4 * wide, parts, 4 * part, spans, room.zeros(2)), room


def own(s: Shape, tokens: int) -> tuple[Own, Vector, Room]:
    """What a thread has for itself."""
    room, wide = Room(), widest(s)
    h, q, k, mixed = (room.zeros(n) for n in (wide, tokens * wide, wide, wide))
    turn, scores = room.zeros(tokens * s.head_dim), room.zeros(SPAN)
    return Own(h, q, k, mixed, turn, scores), room.vector(wide, tokens), room


def widest(s: Shape) -> int:
    """Of the vectors in a step, with zeros after it."""
    return padded(max(s.d_model, s.d_ff, s.heads * s.head_dim))
