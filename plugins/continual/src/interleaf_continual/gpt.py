"""A small GPT: pre-norm blocks, one fused attention, a head tied to the embedding. Plain PyTorch.

Shapes: B sequences, T tokens, C width, H heads, V vocabulary. By default the vocabulary is bytes, so
that text of any language and script goes in as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """``rotary`` is the part of each head that RoPE turns; 0 gives learnt positions instead."""

    vocabulary: int = 256
    context: int = 256
    layers: int = 4
    heads: int = 4
    width: int = 256
    rotary: float = 1.0
    tied: bool = True
    parallel: bool = False  # attention and MLP both read the block's input, as in GPT-J
    bias: bool = False


class Attention(nn.Module):
    """Causal self-attention of H heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.turned = 2 * int(shape.rotary * (shape.width // shape.heads) / 2)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=shape.bias)
        self.out = nn.Linear(shape.width, shape.width, bias=shape.bias)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """B×T×C to B×T×C."""
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if self.turned:
            q, k = rotate(q, turn, self.turned), rotate(k, turn, self.turned)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(b, t, c))


def rotate(x: Tensor, turn: tuple[Tensor, Tensor], width: int) -> Tensor:
    """RoPE (arXiv 2104.09864, equation 34) on the first ``width`` dimensions of every head."""
    cos, sin = turn  # T×width/2
    a, b, rest = x[..., : width // 2], x[..., width // 2 : width], x[..., width:]
    turned = torch.cat((a * cos - b * sin, b * cos + a * sin), -1).type_as(x)
    return torch.cat((turned, rest), -1) if rest.size(-1) else turned


class Block(nn.Module):
    """Attention, then an MLP of four times the width, each on a normed input and added."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        c, bias = shape.width, shape.bias
        self.norm1, self.norm2 = (nn.LayerNorm(c, bias=bias) for _ in range(2))
        self.attention = Attention(shape)
        self.up, self.down = nn.Linear(c, 4 * c, bias=bias), nn.Linear(4 * c, c, bias=bias)
        self.parallel = shape.parallel

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """B×T×C to B×T×C."""
        attended = self.attention(self.norm1(x), turn)
        if self.parallel:
            return x + attended + self._mlp(self.norm2(x))
        x = x + attended
        return x + self._mlp(self.norm2(x))

    def _mlp(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class GPT(nn.Module):
    """Token ids to logits of the next token."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = None if shape.rotary else nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width, bias=shape.bias)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        if shape.tied:
            self.head.weight = self.embedding.weight

    def initialise(self) -> None:
        """Normal(0, 0.02), and 0.02 / √(2 · layers) where a block adds to its input; norms to 1.

        Drawn from torch's generator.
        """
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif p.ndim < 2:
                nn.init.ones_(p)
            else:
                adds = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / sqrt(2 * self.shape.layers) if adds else 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """B×T ids to B×T×V logits."""
        t = ids.size(1)
        x = self.embedding(ids)
        if self.positions is not None:
            x = x + self.positions.weight[:t]
        turn = self.turns(t, x.device)
        for block in self.blocks:
            x = block(x, turn)
        return self.head(self.norm(x))

    def turns(self, t: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and sines of position times frequency, each T×(turned / 2)."""
        width = self.blocks[0].attention.turned if self.shape.layers else 0
        even = torch.arange(0, width, 2, device=device, dtype=torch.float32)
        frequency = 10000.0 ** (-even / max(width, 1))
        angle = torch.arange(t, device=device, dtype=torch.float32)[:, None] * frequency
        return angle.cos(), angle.sin()


# Presets by name. `405m` and `10b` are the two sizes of the paper's section 5: 405M as in Pythia-410M
# with the GPT-NeoX vocabulary; `tiny` trains within minutes on a CPU.
PRESETS = {
    "tiny": Shape(context=128, layers=2, heads=2, width=64),
    "small": Shape(context=256, layers=4, heads=4, width=256),
    "405m": Shape(
        vocabulary=50304, context=2048, layers=24, heads=16, width=1024, rotary=0.25, tied=False,
        parallel=True, bias=True,
    ),
    "10b": Shape(
        vocabulary=50304, context=2048, layers=36, heads=36, width=4608, rotary=0.25, tied=False,
        parallel=True, bias=True,
    ),
}  # fmt: skip


class NextToken(nn.Module):
    """The objective of language modelling: B×(T+1) ids to the summed loss in nats, and its count."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Each id but the first is predicted from those before it."""
        ids = ids.long()
        logits = self.model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="sum")
        return loss, loss.new_tensor(targets.numel())
