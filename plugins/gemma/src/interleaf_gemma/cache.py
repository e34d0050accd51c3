"""Keys and values of what was read, so that it is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from interleaf_gemma.architecture import GemmaConfig


class KVCache:
    """Keys and values of every layer, [L, B, G, S, K], and how many tokens each sequence holds.

    ``context`` tokens are allotted at once; more double the space. A sequence's token n lies in slot n.
    ``longest`` is the most that any sequence holds; ``even``: all hold as many.
    """

    def __init__(
        self,
        config: GemmaConfig,
        rows: int,
        context: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (config.layers, rows, config.kv_heads, context, config.head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.lengths = torch.zeros(rows, dtype=torch.int64, device=device)
        self.longest, self.even = 0, True

    @property
    def rows(self) -> int:
        """How many sequences."""
        return len(self.lengths)

    @property
    def bytes(self) -> int:
        """Of the space allotted."""
        return 2 * self.keys.nbytes

    def append(self, layer: int, k: Tensor, v: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Keep k and v [B, G, T, K] in slots [B, T]; all of the layer's keys and values, [B, G, S, K]."""
        end = self.longest + k.shape[2]
        if layer == 0:
            self.reserve(end)
        for kept, new in ((self.keys[layer], k), (self.values[layer], v)):
            if self.even:
                kept[:, :, self.longest : end] = new.detach()
            else:
                rows = torch.arange(self.rows, device=slots.device)[:, None]
                kept[rows, :, slots] = new.detach().transpose(1, 2)
        if self.longest == 0:
            return k, v  # with their gradients
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, ids: Tensor, mask: Tensor | None = None) -> None:
        """The tokens of a call, or those that ``mask`` [B, T] leaves, are now held."""
        if mask is None or mask.dim() != 2:
            self.lengths += ids.shape[1]
            self.longest += ids.shape[1]
        else:
            self.lengths += mask.sum(1)
            self.measure()

    def reserve(self, context: int) -> None:
        """Make room for that many tokens, at least doubling what there is."""
        had = self.keys.shape[3]
        if context <= had:
            return
        more = max(context, 2 * had) - had
        pad = (0, 0, 0, more)
        self.keys, self.values = (
            torch.nn.functional.pad(kept, pad) for kept in (self.keys, self.values)
        )

    def widen(self, rows: int) -> None:
        """Make room for that many more sequences."""
        pad = (0, 0, 0, 0, 0, 0, 0, rows)
        self.keys, self.values = (
            torch.nn.functional.pad(kept, pad) for kept in (self.keys, self.values)
        )
        self.lengths = torch.nn.functional.pad(self.lengths, (0, rows))
        self.measure()

    def rollback(self, tokens: int, row: int | None = None) -> None:
        """Forget the last ``tokens`` of every sequence, or of one."""
        part = slice(None) if row is None else slice(row, row + 1)
        if tokens < 0 or (self.lengths[part] < tokens).any():
            raise ValueError(f"cannot forget {tokens} tokens of {self.lengths[part].tolist()}")
        self.lengths[part] -= tokens
        self.measure()

    def select(self, rows: Sequence[int]) -> Self:
        """A new cache of these sequences, in this order; one may stand several times (a shared prefix)."""
        at = torch.tensor(rows, dtype=torch.int64, device=self.lengths.device)
        return self._like(self.keys[:, at], self.values[:, at], self.lengths[at])

    def first(self, rows: int) -> Self:
        """A view of the first sequences. What is appended through it is here too, after ``measure``."""
        return self._like(self.keys[:, :rows], self.values[:, :rows], self.lengths[:rows])

    def put(self, row: int, other: KVCache, at: int = 0) -> None:
        """Copy a sequence of another cache over one of this."""
        length = int(other.lengths[at])
        self.reserve(length)
        self.keys[:, row, :, :length] = other.keys[:, at, :, :length]
        self.values[:, row, :, :length] = other.values[:, at, :, :length]
        self.lengths[row] = length
        self.measure()

    def _like(self, keys: Tensor, values: Tensor, lengths: Tensor) -> Self:
        other = object.__new__(type(self))
        other.keys, other.values, other.lengths = keys, values, lengths
        other.measure()
        return other

    def measure(self) -> None:
        """Look at the lengths again."""
        held = self.lengths.tolist()
        self.longest, self.even = max(held, default=0), len(set(held)) <= 1
