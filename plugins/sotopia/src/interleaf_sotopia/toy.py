"""A model over bytes that learns from conversations: small enough to try training on anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interleaf.interfaces import Dataset
from interleaf.pipeline.collection import Collection
from interleaf_training import TorchModel


class Parrot(TorchModel):
    """Predicts a byte from the one before."""

    def build(self) -> nn.Module:
        """A table of bytes and a map back."""
        return nn.Sequential(nn.Embedding(256, 8), nn.Linear(8, 256))

    def objective(self) -> nn.Module:
        """Cross-entropy where it counts."""
        return _Loss(self.module)

    def collate(self, items: Sequence[Any]) -> tuple[Tensor, ...]:
        """Conversations as bytes, and which of them the model said."""
        rows = [_bytes(turns) for turns in items]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([i + [0] * (longest - len(i)) for i, _ in rows])
        return ids, torch.tensor([o + [False] * (longest - len(o)) for _, o in rows])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """None: it stands in for others'."""
        return {}


class _Loss(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        wanted = torch.where(counted[:, 1:], ids[:, 1:], -100)
        logits = self.net(ids[:, :-1])
        return functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="sum", ignore_index=-100
        ), counted[:, 1:].sum()


def _bytes(turns: Sequence[Mapping[str, str]]) -> tuple[list[int], list[bool]]:
    ids: list[int] = []
    own: list[bool] = []
    for turn in turns:
        found = list(turn["content"].encode())
        ids += found
        own += [turn["role"] == "model"] * len(found)
    return ids, own


def toy_pairs(n: int = 6) -> Dataset:
    """A few pairs of prompt and action."""
    return Collection.of([
        [{"role": "user", "content": f"Turn {i}"}, {"role": "model", "content": '{"action_type": "none"}'}]
        for i in range(n)
    ])  # fmt: skip
