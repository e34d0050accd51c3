"""The smallest language model, for the conformance kit and tests."""

from __future__ import annotations

from torch import nn

from interleaf_continual.gpt import GPT, NextToken, Shape
from interleaf_training import TorchModel

SHAPE = Shape(layers=1, heads=2, width=16, context=16)


class ExampleGPT(TorchModel):
    """Bytes in, bytes out."""

    tokenizer_id = "bytes"

    def build(self) -> nn.Module:
        """A GPT of one layer; its own initial weights are drawn by torch."""
        return GPT(SHAPE)

    def objective(self) -> nn.Module:
        """Next-token prediction."""
        return NextToken(self.module)
