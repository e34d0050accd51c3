"""The decoder's one-token step through the compiled kernels, where they can do it.

``decoding(model)`` gives what ``generation`` calls for every token: the kernels for a model on the CPU in
bfloat16, float32 or quantised, else the model itself. Weights and cache are read where torch keeps them.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from interleaf_gemma import addresses
from interleaf_gemma.cache import KVCache
from interleaf_gemma.kernels.attention import SPAN
from interleaf_gemma.kernels.instructions import announce
from interleaf_gemma.kernels.room import Room
from interleaf_gemma.kernels.step import Call, step
from interleaf_gemma.kernels.team import calibrated, in_team

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma

Decode = Callable[[Sequence[int], KVCache], Tensor]


def decoding(model: Gemma, threads: int | None = None) -> Decode:
    """What gives the logits [B, V] of the next token for the ids [B] just taken and their cache.

    threads: None takes as many as help, at most torch's.
    """
    return plain(model) if unsupported(model) else Decoder(model, threads)


def plain(model: Gemma) -> Decode:
    """The same through torch alone."""

    def decode(ids: Sequence[int], cache: KVCache) -> Tensor:
        hidden = model.model(torch.tensor(ids, device=model.device)[:, None], cache=cache)
        return model.head(hidden[:, -1])

    return decode


def unsupported(model: Gemma) -> str:
    """Why the kernels cannot decode this model; empty if they can."""
    c = model.config
    weights = [w for block in model.model.layers for w in addresses.matrices(block)]
    table = model.model.embed_tokens.weight
    kinds = {addresses.kind(w) for w in [table, *weights]}
    if model.device.type != "cpu" or any(w.device.type != "cpu" for w in weights):
        return f"it is on {model.device}"
    if len(kinds) > 1 or None in kinds or any(not w.is_contiguous() for w in weights):
        return "its matrices are not all float32, all bfloat16 or all quantised alike"
    if c.head_dim % 16:
        return f"head_dim {c.head_dim} is not a multiple of 16"
    if c.activation not in ("gelu_tanh", "silu"):
        return f"activation {c.activation}"
    if c.precision == "hf" and model.dtype != torch.float32:
        return "precision hf rounds as transformers does"
    return ""


class Decoder:
    """The compiled step of one model. Made anew for every generation: it copies only the norms."""

    def __init__(self, model: Gemma, threads: int | None = None) -> None:
        announce()
        self.model, self.room = model, Room()  # must outlive the addresses below
        self.shape, self.numbers = addresses.shape(model), addresses.numbers(model)
        self.weights = addresses.weights(model, self.room)
        wanted = torch.get_num_threads() if threads is None else threads
        streams, best = calibrated(self.shape, addresses.size(model), wanted)
        self.shape = self.shape._replace(streams=streams)
        self.threads = best if threads is None else threads
        self.tokens = self.spans = 0
        self._make_room(1, 1)

    def __call__(self, ids: Sequence[int], cache: KVCache) -> Tensor:
        self.shape = self.shape._replace(cache_layout=addresses.LAYOUTS[cache.keys.dtype])
        held = cache.lengths.tolist()
        cache.reserve(max(held) + 1)
        self._make_room(len(ids), -(-(max(held) + 1) // SPAN))
        logits = torch.empty(len(ids), addresses.padded(self.shape.vocabulary))
        rows = [[i, *places, n] for i, places, n in zip(ids, _places(cache), held, strict=True)]
        table, size = np.array(rows, np.int64), cache.keys.element_size()
        call = Call(
            len(ids), table.ctypes.data, cache.keys.stride(0) * size, cache.keys.stride(2) * size
        )
        self._together(call, logits)
        cache.advance(logits[:, :1])
        return logits[:, : self.shape.vocabulary]

    def _make_room(self, tokens: int, spans: int) -> None:
        if tokens > self.tokens or spans > self.spans:
            self.tokens = max(tokens, self.tokens)
            self.spans = 2 * spans if spans > self.spans else self.spans
            self.shared, self.shared_room = addresses.shared(self.shape, self.tokens, self.spans)
            self.own = [addresses.own(self.shape, self.tokens) for _ in range(self.threads)]

    def _together(self, call: Call, logits: Tensor) -> None:
        def work(part: int) -> None:
            own, ready, _ = self.own[part]
            step(
                self.shape, self.weights, self.numbers, self.shared, own, ready, call,
                logits.data_ptr(), 4 * logits.stride(0), part, self.threads,
            )  # fmt: skip

        in_team(work, self.threads)


def _places(cache: KVCache) -> list[tuple[int, int]]:
    """Where the keys and values of each sequence begin."""
    k, v = cache.keys, cache.values
    far = k.stride(1) * k.element_size()
    return [(k.data_ptr() + far * row, v.data_ptr() + far * row) for row in range(k.shape[1])]
