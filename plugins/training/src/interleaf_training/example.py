"""The smallest things that can be trained: a picture classifier and pictures to classify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf.values import Image, Table
from interleaf_training.model import TorchModel

SIDE = 8


class Dots(Dataset):
    """Pairs of a noisy 8×8 grey picture and the quarter (0 to 3) in which it is bright."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[Image, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        rng = np.random.default_rng(index)
        pixels = rng.uniform(0, 0.6, (SIDE, SIDE, 1)).astype(np.float32)
        row, column = divmod(index % 4, 2)
        pixels[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] += 0.4
        return Image(pixels), index % 4

    def __iter__(self) -> Iterator[tuple[Image, int]]:
        return (self[i] for i in range(len(self)))

    def fingerprint(self) -> str:
        """It never changes."""
        return "dots.1"


class Loss(nn.Module):
    """Summed cross-entropy of pictures B×1×H×W and labels B, and B."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Loss sum and count."""
        scores = self.network(pictures)
        return nn.functional.cross_entropy(scores, labels, reduction="sum"), len(labels)


class SmallClassifier(TorchModel):
    """Two convolutions, dropout and a linear map to four classes."""

    def build(self) -> nn.Module:
        """Weights from torch's generator."""
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(16 * 4, 4),
        )  # fmt: skip

    def objective(self) -> nn.Module:
        """Cross-entropy around the network."""
        return Loss(self.module)

    def collate(self, items: Sequence[Any]) -> tuple[torch.Tensor, ...]:
        """Pictures B×1×H×W in 0..1 and labels B; InvalidInput for anything else."""
        try:
            pictures = [np.moveaxis(image.pixels, 2, 0) for image, _ in items]
            labels = [int(label) for _, label in items]
            return torch.from_numpy(np.stack(pictures)), torch.tensor(labels)
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidInput(f"expected pairs of picture and label: {error}") from None

    def apply(self, image: Image) -> Table:
        """The probability of each class."""
        self.module.eval()
        with torch.no_grad():
            scores = self.module(torch.from_numpy(np.moveaxis(image.pixels, 2, 0)[None]))
        return Table({"p": scores.softmax(-1)[0].tolist()})
