"""The Gemma decoder (arXiv 2403.08295, section 2), as the paper and the released weights define it.

    x = E[ids] · √d
    per layer:  x += Attention(RMS(x; w₁));   x += MLP(RMS(x; w₂))
    logits = RMS(x; w_f) · Eᵀ

Shapes: B sequences, T tokens, D = d_model, H query heads, G key/value heads, K = head_dim, S cached
tokens, V ids. There is no bias anywhere. Conventions that a block may differ in stand in GemmaConfig.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.cache import KVCache

if TYPE_CHECKING:
    from interleaf_gemma.generation import Steps

__all__ = ["Gemma", "GemmaConfig", "KVCache"]

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
}


class RMSNorm(nn.Module):
    """RMS(x; w) = x / √(mean(x²) + eps) · (1 + w): in float32, rounded once, at the end.

    The weight is stored around 0; ``offset`` is the 1.
    """

    def __init__(self, size: int, eps: float, offset: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((size,), 1.0 - offset))
        self.eps, self.offset = eps, offset

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        normed = x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + self.eps)
        return (normed * (self.offset + self.weight.float())).type_as(x)


def angles(positions: Tensor, head_dim: int, base: float) -> Tensor:
    """position · base^(−2i/K) for i = 0 … K/2 − 1, in float32: [..., T] → [..., T, K/2]."""
    i = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32)
    return positions[..., None].float() * base ** (-i / head_dim)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, layout: str) -> Tensor:
    """Rotary positions: [a, b] → [a cos − b sin, b cos + a sin].

    x [B, T, H, K]; cos and sin [B, T, 1, K/2]. ``halves``: a and b are the two halves of a head's
    numbers (Gemma); ``pairs``: those at even and at odd places (Llama 2 as published). Computed in the
    dtype of cos and sin, rounded to that of x.
    """
    y = x.to(cos.dtype)
    a, b = y.chunk(2, -1) if layout == "halves" else (y[..., ::2], y[..., 1::2])
    turned = (a * cos - b * sin, b * cos + a * sin)
    whole = torch.cat(turned, -1) if layout == "halves" else torch.stack(turned, -1).flatten(-2)
    return whole.type_as(x)


class Place:
    """Where the tokens of a call stand: their rotations, their slots in the cache, what they may see.

    ``allowed`` [B, 1, T, S] says which keys a query sees; None with ``causal``: all before it and itself.
    """

    def __init__(
        self,
        c: GemmaConfig,
        ids: Tensor,
        dtype: torch.dtype,
        positions: Tensor | None,
        mask: Tensor | None,
        cache: KVCache | None,
    ) -> None:
        self.cache, tokens = cache, ids.shape[1]
        before = cache.lengths[:, None] if cache is not None else ids.new_zeros(1, 1)
        self.slots = before + torch.arange(tokens, device=ids.device)  # [B or 1, T]
        padding = mask if mask is not None and mask.dim() == 2 else None
        if positions is None:
            positions = (
                self.slots if padding is None else before + padding.cumsum(1).sub(1).clamp(min=0)
            )
        turn = angles(positions, c.head_dim, c.rope_base).unsqueeze(-2)  # [B, T, 1, K/2]
        exact = c.precision == "reference"
        self.cos, self.sin = (f if exact else f.to(dtype) for f in (turn.cos(), turn.sin()))
        first = cache is None or cache.longest == 0
        self.causal = mask is None and first and tokens > 1
        self.allowed = None if self.causal else self._allowed(mask, padding, tokens)

    def _allowed(self, mask: Tensor | None, padding: Tensor | None, tokens: int) -> Tensor | None:
        if mask is not None and padding is None:
            return mask.bool().unsqueeze(1) if mask.dim() == 3 else mask.bool()
        end = tokens if self.cache is None else self.cache.longest + tokens
        if padding is None and tokens == 1 and (self.cache is None or self.cache.even):
            return None  # one token sees everything
        keys = torch.arange(end, device=self.slots.device)
        allowed = keys <= self.slots[..., None]  # [B or 1, T, S]
        if padding is not None and self.cache is None:
            # a padding token sees itself, so that no row is empty
            own = torch.eye(tokens, dtype=torch.bool, device=keys.device)
            allowed = allowed & (padding.bool()[:, None, :] | own)
        return allowed.unsqueeze(1)


class Attention(nn.Module):
    """softmax(q·k / √K) · v over what came before; G = 1 is multi-query, G = H multi-head attention."""

    def __init__(self, c: GemmaConfig) -> None:
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.d_model, c.heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.d_model, c.kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.d_model, c.kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.heads * c.head_dim, c.d_model, bias=False)

    def forward(self, x: Tensor, place: Place, layer: int) -> Tensor:
        q, k, v = (
            p(x).unflatten(-1, (-1, self.c.head_dim))
            for p in (self.q_proj, self.k_proj, self.v_proj)
        )  # [B, T, H or G, K]
        q, k = (rotate(y, place.cos, place.sin, self.c.rope_layout) for y in (q, k))
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # [B, H or G, T, K]
        if place.cache is not None:
            k, v = place.cache.append(layer, k, v, place.slots)  # [B, G, S, K]
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=place.allowed, is_causal=place.causal, enable_gqa=True
        )  # scale 1/√K; softmax in float32
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """W_down (GELU(W_gate h) ⊙ W_up h): the approximated GELU of the paper's GeGLU."""

    def __init__(self, c: GemmaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.up_proj = nn.Linear(c.d_model, c.d_ff, bias=False)
        self.down_proj = nn.Linear(c.d_ff, c.d_model, bias=False)
        self.activation = ACTIVATIONS[c.activation]

    def forward(self, h: Tensor) -> Tensor:
        return self.down_proj(self.activation(self.gate_proj(h)) * self.up_proj(h))


class Block(nn.Module):
    """One layer: two norms, both before what they feed."""

    def __init__(self, c: GemmaConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(c.d_model, c.eps, c.norm_offset)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c.d_model, c.eps, c.norm_offset)
        self.mlp = MLP(c)

    def forward(self, x: Tensor, place: Place, layer: int) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), place, layer)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Embedding, layers and the last norm: ids [B, T] → hidden states [B, T, D]."""

    def __init__(self, c: GemmaConfig) -> None:
        super().__init__()
        self.c = c
        table = torch.empty(c.vocab_size, c.d_model)  # a draw on meta would import torch's compiler
        self.embed_tokens = nn.Embedding.from_pretrained(table, freeze=False)
        self.layers = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.d_model, c.eps, c.norm_offset)
        self.gradient_checkpointing = False

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        x = self.embed_tokens(ids)
        if self.c.embed_scale:  # √d is rounded to the dtype first: trained with 55.5
            x = x * torch.tensor(self.c.d_model**0.5, dtype=x.dtype)
        place = Place(self.c, ids, x.dtype, positions, mask, cache)
        for n, layer in enumerate(self.layers):
            if self.gradient_checkpointing and torch.is_grad_enabled():
                x = checkpoint(layer, x, place, n, use_reentrant=False)
            else:
                x = layer(x, place, n)
        if cache is not None:
            cache.advance(ids, mask)
        return self.norm(x)


class Gemma(nn.Module):
    """A decoder with its output layer, which is the embedding.

    Weights have the names that Hugging Face gives them. May be made on the meta device; there is no
    buffer to restore. ``Gemma.load`` reads a checkpoint, ``Gemma(config)`` starts at random.
    """

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):  # torch's own initial draw would move global random state
            self.model = Decoder(config)
        device = torch.get_default_device()
        if device.type != "meta":
            self.to_empty(device=device)
            self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Begin anew: matrices normal with deviation 0.02, norms at identity.

        Without a generator the draw starts at a fixed seed: global random state is neither read nor moved.
        """
        generator = generator or torch.Generator(self.device).manual_seed(0)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=0.02, generator=generator)
            else:
                nn.init.constant_(weight, 1.0 - self.config.norm_offset)

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KVCache | None = None,
        logits_to_keep: int = 0,
    ) -> tuple[Tensor, KVCache | None]:
        """Logits [B, T, V] of the next token after each of ids [B, T], and the cache to go on with.

        positions [B, T] int64 (default: counted from what the cache holds). mask: [B, T], which ids are
        tokens and not padding (with a cache, padding stands at the right); or [B, T, S], which keys
        each query may see. logits_to_keep: only the last n positions (0: all). With a cache its keys are
        prepended and it grows by these tokens. Without one a cache is made, except while training and
        with a mask.
        """
        if cache is None and mask is None and not (self.training and torch.is_grad_enabled()):
            cache = KVCache(self.config, len(ids), ids.shape[1], self.dtype, self.device)
        hidden = self.model(ids, positions, mask, cache)
        return self.head(hidden[:, -logits_to_keep:] if logits_to_keep else hidden), cache

    def head(self, hidden: Tensor) -> Tensor:
        """RMS(x) · Eᵀ: hidden states [..., D] → logits [..., V]."""
        return F.linear(hidden, self.model.embed_tokens.weight)

    @property
    def dtype(self) -> torch.dtype:
        """That of the weights and activations."""
        return self.model.embed_tokens.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.embed_tokens.weight.device

    def generate(
        self,
        ids: Sequence[int] | Sequence[Sequence[int]],
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int = 64,
        top_p: float = 0.95,
        seed: int | Sequence[int] = 0,
        stop: Iterable[int] | None = None,
        stream: bool = False,
    ) -> Any:
        """New ids for one prompt (a list of ids) or for each of several, without the prompt.

        temperature 0 takes the most probable id; otherwise the distribution is cut to ``top_p``, then to
        the ``top_k`` best (0: no cut; defaults: those of the official code). Each prompt draws with a
        generator of its own seed (one for all, or one each), so that a batch gives what each prompt
        gives alone. Ends at an id in ``stop`` (default: the config's eos), which is left out, after
        ``max_new_tokens`` or at the end of the context. ``stream``: instead an iterator over
        (row, id) as they come. Raises InvalidInput for prompts that are empty, too long or hold unknown ids.
        """
        from interleaf_gemma.generation import collected, generate

        single = not ids or isinstance(ids[0], int)
        prompts: Any = [ids] if single else ids
        steps: Steps = generate(
            self, prompts, max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k,
            top_p=top_p, seed=seed, stop=stop,
        )  # fmt: skip
        if stream:
            return steps
        found = collected(steps, len(prompts))
        return found[0] if single else found

    @classmethod
    def load(
        cls,
        path: str | Path,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str = "cpu",
        quant: Literal["int8", "int4"] | None = None,
        mmap: bool = True,
    ) -> Self:
        """A checkpoint: a Hugging Face folder, an official ``.ckpt`` or a ``.gguf`` file.

        dtype: None keeps that of the file. quant: round the matrices, unless the file holds them so.
        ``mmap``: weights in the file's dtype stay mapped to it. Raises
        InvalidInput for what is missing, mis-shaped or of another kind, CorruptData for what is cut.
        """
        from interleaf_gemma.checkpoints import load

        return load(cls, Path(path), dtype, device, mmap, quant)

    def save(self, path: str | Path, format: Literal["hf", "official", "gguf"] = "hf") -> None:
        """Write a checkpoint that the official code, transformers or llama.cpp reads."""
        from interleaf_gemma.checkpoints import save

        save(self, Path(path), format)
