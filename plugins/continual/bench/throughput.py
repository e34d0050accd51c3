"""Training speed beside a plain loop: same model, weights, batches and threads, step by step in turn.

The peer is written after the published method of nanoGPT (a small readable GPT trainer): learnt
positions, one fused attention, exact GELU, AdamW as PyTorch gives it on a CPU, batches stacked item by
item from a memory map at random places, gradients clipped by ``clip_grad_norm_``, no autocast on a
CPU. Both begin with the same weights and see the same windows, so their losses can be compared.
CPU seconds of one process; each of our steps is followed by one of the peer's.

    python plugins/continual/bench/throughput.py [--steps 60] [--bf16] TEXT
"""

from __future__ import annotations

import argparse
import lzma
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interleaf.interfaces import Context
from interleaf_continual.gpt import GPT, NextToken, Shape
from interleaf_training import Recipe, train
from interleaf_training.engine import fast_bfloat16

CONTEXT, BATCH, LAYERS, HEADS, WIDTH = 256, 8, 4, 4, 256
LR, WARM = 1e-3, 10


class PeerBlock(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.qkv, self.proj = (nn.Linear(WIDTH, n * WIDTH, bias=False) for n in (3, 1))
        self.fc, self.out = (
            nn.Linear(WIDTH, 4 * WIDTH, bias=False),
            nn.Linear(4 * WIDTH, WIDTH, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.size()
        q, k, v = self.qkv(self.ln1(x)).split(c, dim=2)
        q, k, v = (z.view(b, t, HEADS, c // HEADS).transpose(1, 2) for z in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(b, t, c))
        return x + self.out(F.gelu(self.fc(self.ln2(x))))


class Peer(nn.Module):
    """Ids and targets to the mean loss."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(256, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.h = nn.ModuleList(PeerBlock() for _ in range(LAYERS))
        self.ln = nn.LayerNorm(WIDTH, bias=False)
        self.head = nn.Linear(WIDTH, 256, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.head(self.ln(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def same_weights(peer: Peer, ours: GPT) -> None:
    """Give the peer our weights."""
    pairs = [(peer.wte, ours.embedding), (peer.wpe, ours.positions), (peer.ln, ours.norm)]
    for a, b in zip(peer.h, ours.blocks, strict=True):
        pairs += [(a.ln1, b.norm1), (a.ln2, b.norm2), (a.qkv, b.attention.qkv)]
        pairs += [(a.proj, b.attention.out), (a.fc, b.up), (a.out, b.down)]
    with torch.no_grad():
        for to, source in pairs:
            to.weight.copy_(source.weight)


def rate(step: int, steps: int) -> float:
    """Linear warm-up, cosine to a tenth."""
    if step < WARM:
        return LR * (step + 1) / WARM
    return LR * (0.55 + 0.45 * math.cos(math.pi * (step - WARM) / (steps - WARM)))


class Windows:
    """Random places of the text, fixed beforehand for both."""

    def __init__(self, data: np.ndarray, steps: int) -> None:
        self.data = data
        self.places = np.random.default_rng(0).integers(0, len(data) - CONTEXT - 1, steps * BATCH)

    def batch(self, first: int, stop: int) -> tuple[Tensor, ...]:
        rows = self.places[first:stop, None] + np.arange(CONTEXT + 1)
        return (torch.from_numpy(self.data[rows].astype(np.int64)),)

    def fingerprint(self) -> str:
        return "bench"


class PeerLoop:
    """The plain loop, one step at a time."""

    def __init__(self, model: Peer, windows: Windows, steps: int) -> None:
        self.model, self.windows, self.steps, self.step = model, windows, steps, 0
        decay = [p for p in model.parameters() if p.dim() >= 2]
        rest = [p for p in model.parameters() if p.dim() < 2]
        groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.95))

    def get_batch(self) -> tuple[Tensor, Tensor]:
        places = self.windows.places[self.step * BATCH : (self.step + 1) * BATCH]
        data = self.windows.data
        x = torch.stack([torch.from_numpy(data[i : i + CONTEXT].astype(np.int64)) for i in places])
        y = torch.stack(
            [torch.from_numpy(data[i + 1 : i + 1 + CONTEXT].astype(np.int64)) for i in places]
        )
        return x, y

    def advance(self) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.step, self.steps)
        loss = self.model(*self.get_batch())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss.item()


class InTurn:
    """A monitor that makes a step of the peer after each of ours, and times both."""

    def __init__(self, peer: PeerLoop) -> None:
        self.peer, self.ours, self.theirs, self.losses = peer, [], [], []
        self.mark = time.process_time()

    def progress(self, done: float, total: float | None = None, **info: float) -> None:
        now = time.process_time()
        self.ours.append(now - self.mark)
        loss = self.peer.advance()
        self.losses.append((info["loss"], loss))
        self.mark = time.process_time()
        self.theirs.append(self.mark - now)

    def notice(self, message: str) -> None:
        print(message)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("text", type=Path)
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--bf16", action="store_true")
    given = options.parse_args()
    torch.set_num_threads(1)
    data = np.frombuffer(lzma.decompress(given.text.read_bytes()), np.uint8)
    windows = Windows(data, given.steps)
    torch.manual_seed(0)
    shape = Shape(context=CONTEXT, layers=LAYERS, heads=HEADS, width=WIDTH, rotary=0.0)
    ours, peer = GPT(shape), Peer()
    with torch.no_grad():
        for p in ours.parameters():
            if p.ndim >= 2:
                p.normal_(0, 0.02)
    same_weights(peer, ours)
    turns = InTurn(PeerLoop(peer, windows, given.steps))
    precision = "bfloat16" if given.bf16 else "float32"
    recipe = Recipe(steps=given.steps, batch=BATCH, precision=precision)
    train(
        NextToken(ours),
        windows,
        recipe,
        values={"lr": cosine(given.steps)},
        ctx=Context(threads=1, monitor=turns),
    )
    report(turns, precision)


def report(turns: InTurn, precision: str) -> None:
    """Medians after the first ten steps, and the losses of the last ten."""
    mine, theirs = (np.median(t[10:]) for t in (turns.ours, turns.theirs))
    a, b = np.mean(turns.losses[-10:], axis=0)
    print(f"bfloat16 instructions: {fast_bfloat16('cpu')}; threads 1; {precision}")
    print(f"ours {mine * 1e3:.1f} ms/step, peer {theirs * 1e3:.1f}: {theirs / mine:.3f}x")
    print(f"loss of the last ten steps: {a:.4f} and {b:.4f} ({100 * (a / b - 1):+.2f} %)")


def cosine(steps: int):
    """The peer's rate as a schedule."""
    from interleaf.interfaces import Domain, Schedule

    class Rate(Schedule):
        domain = property(lambda self: Domain(0, steps))

        def values(self, xs):
            return {"value": np.array([rate(int(x), steps) for x in xs])}

    return Rate()


if __name__ == "__main__":
    main()
