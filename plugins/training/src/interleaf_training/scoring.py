"""Mean loss of an objective over samples that it is not trained on."""

from __future__ import annotations

import torch
from torch import nn

from interleaf_training.model import seeded
from interleaf_training.sources import Source, call, moved


@torch.no_grad()
def mean_loss(
    objective: nn.Module, source: Source, samples: int, batch: int = 32, seed: int = 0
) -> float:
    """Loss per count over the first ``samples`` of a source, in evaluation mode.

    Noise that the objective draws comes from ``seed``, so that two measurements compare.
    """
    device = next(objective.parameters()).device
    total = count = 0.0
    mode = objective.training
    objective.eval()
    try:
        with seeded(seed):
            for first in range(0, samples, batch):
                found = source.batch(first, min(first + batch, samples))
                loss, n = call(objective, moved(found, device))
                total, count = total + float(loss), count + float(n)
    finally:
        objective.train(mode)
    return total / count
