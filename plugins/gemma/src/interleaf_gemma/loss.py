"""Cross-entropy of the next token without the logits of all places at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from interleaf_gemma.model import Gemma

CHUNK = 1024  # places: 1024 × 256,000 logits are 1 GiB in float32


def chunked_cross_entropy(
    hidden: Tensor, table: Tensor, targets: Tensor, chunk: int = CHUNK
) -> Tensor:
    """−Σ log softmax(h · Eᵀ)[target] in nats: hidden [N, D], table [V, D], targets [N] (−100: not counted).

    Logits exist for ``chunk`` places at a time, and again while going back.
    """
    total = hidden.new_zeros((), dtype=torch.float32)
    for h, t in zip(hidden.split(chunk), targets.split(chunk), strict=True):
        if len(hidden) > chunk and torch.is_grad_enabled():
            total = total + checkpoint(_summed, h, table, t, use_reentrant=False)
        else:
            total = total + _summed(h, table, t)
    return total


def _summed(hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(
        F.linear(hidden, table).float(), targets, reduction="sum", ignore_index=-100
    )


class NextToken(nn.Module):
    """The objective of language modelling: ids [B, T + 1] to the summed loss in nats and its count."""

    def __init__(self, network: Gemma, chunk: int = CHUNK) -> None:
        super().__init__()
        self.network, self.chunk = network, chunk

    def forward(self, ids: Tensor, counted: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Each id but the first is predicted from those before it; ``counted`` [B, T + 1]: only these."""
        ids = ids.long()
        hidden = self.network.model(ids[:, :-1])
        targets = (
            ids[:, 1:] if counted is None else ids[:, 1:].masked_fill(~counted[:, 1:].bool(), -100)
        )
        table = self.network.model.embed_tokens.weight
        loss = chunked_cross_entropy(hidden.flatten(0, 1), table, targets.flatten(), self.chunk)
        return loss, (targets != -100).sum()
