"""A reward for replies, learnt from which of two people preferred (Bradley and Terry, 1952).

P(chosen ≻ rejected) = σ(r(chosen) − r(rejected));   loss = −log P
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interleaf_gemma.generation import padded
from interleaf_gemma.model import Gemma


class RewardNet(nn.Module):
    """A Gemma whose hidden state at the last token is mapped to one number."""

    def __init__(self, network: Gemma) -> None:
        super().__init__()
        self.network = network
        self.score = nn.Parameter(
            torch.zeros(network.config.d_model)
        )  # at first all are worth the same

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Rewards [B] of conversations ids [B, T], padded at the right."""
        hidden = self.network.model(ids, mask=mask)  # [B, T, D]
        last = hidden[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]
        return last.float() @ self.score

    @torch.no_grad()
    def of(self, conversations: Sequence[Sequence[int]], batch: int = 32) -> Tensor:
        """Rewards of conversations of any lengths."""
        found = []
        for first in range(0, len(conversations), batch):
            part = conversations[first : first + batch]
            ids, mask = padded(part, self.network.config.pad, self.network.device)
            found.append(self(ids, mask))
        return torch.cat(found)


class BradleyTerry(nn.Module):
    """The objective: rows of ``chosen`` and ``rejected`` belong together."""

    def __init__(self, net: RewardNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, chosen: Tensor, chosen_mask: Tensor, rejected: Tensor, rejected_mask: Tensor
    ) -> tuple[Tensor, int]:
        """−Σ log σ(r(chosen) − r(rejected)) in nats, and how many pairs."""
        margin = self.net(chosen, chosen_mask) - self.net(rejected, rejected_mask)
        return -F.logsigmoid(margin).sum(), len(margin)
