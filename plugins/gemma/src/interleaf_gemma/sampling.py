"""From logits to an id: the most probable one, or a draw from the cut distribution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """``temperature`` 0: the most probable id. Else the distribution is cut to the smallest set that holds
    ``top_p`` (at least one id), then to the ``top_k`` best (0: no cut), and drawn from with ``seed``."""

    temperature: float = 1.0
    top_k: int = 64
    top_p: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.temperature >= 0 or self.temperature == float("inf"):
            raise ValueError(f"temperature = {self.temperature}: expected 0 or a positive number")
        if self.top_k < 0:
            raise ValueError(f"top_k = {self.top_k}: expected 0 (no cut) or a positive number")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p = {self.top_p}: expected a number above 0, at most 1")


class Sampler:
    """Draws one sequence's ids; what it draws depends on nothing but its seed and its own logits."""

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.generator = torch.Generator().manual_seed(sampling.seed % 2**63)

    def __call__(self, logits: Tensor) -> int:
        """An id for logits [V]."""
        s = self.sampling
        if s.temperature == 0:
            return int(logits.argmax())
        probabilities, ids = cut(logits, s)
        u = torch.rand((), dtype=torch.float64, generator=self.generator) * probabilities.sum()
        place = int((probabilities.cumsum(0) <= u).sum())
        return int(ids[min(place, len(ids) - 1)])


def cut(logits: Tensor, s: Sampling) -> tuple[Tensor, Tensor]:
    """The probabilities that are left of logits [V], falling and not normalised, and their ids."""
    scaled = logits.double().cpu() / s.temperature
    best = (
        torch.topk(scaled, s.top_k) if 0 < s.top_k < len(scaled) else scaled.sort(descending=True)
    )
    probabilities = (best.values - scaled.logsumexp(0)).exp()
    kept = probabilities.cumsum(0) - probabilities < s.top_p
    kept[0] = True
    return probabilities[kept & (probabilities > 0)], best.indices[kept & (probabilities > 0)]
