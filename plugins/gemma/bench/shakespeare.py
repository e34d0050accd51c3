"""Characters of Tiny Shakespeare in nanoGPT's CPU setting: ``python bench/shakespeare.py FILE [STEPS]``.

4 layers, d 128, context 64, batch 12, 2,000 steps; the first 90 % are trained on, the rest is measured
once at the end, all of it. nanoGPT's README gives 1.88 for this setting. The MLP is 352 wide, so that three
matrices hold what nanoGPT's two do.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.loss import NextToken

WINDOW, BATCH, PEAK, LAST, WARM = 64, 12, 1e-3, 1e-4, 100


def main(file: Path, steps: int) -> None:
    """Train, then print the held-out loss in nats per character."""
    text = file.read_text("utf-8")
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(c) for c in text])
    train, held = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)) :]
    model = Gemma(
        GemmaConfig(
            vocab_size=len(letters), d_model=128, layers=4, heads=4, kv_heads=4, head_dim=32, d_ff=352,
            context=WINDOW,
        )
    ).train()  # fmt: skip
    objective = NextToken(model)
    adam = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.99), weight_decay=0.1)
    generator = torch.Generator().manual_seed(1337)
    began = time.process_time()
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = rate(step, steps)
        loss, count = objective(batch(train, generator))
        adam.zero_grad()
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if step % 100 == 99:
            print(f"step {step + 1}: {float(loss / count):.3f}", file=sys.stderr, flush=True)
    spent = time.process_time() - began
    size = sum(p.numel() for p in model.parameters())
    print(
        f"{size:,} parameters, {steps} steps, {spent:.0f} s of CPU: held out {measured(model, held):.4f} nats"
    )


def rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to a tenth."""
    if step < WARM:
        return PEAK * (step + 1) / (WARM + 1)
    share = (step - WARM) / max(steps - WARM, 1)
    return LAST + 0.5 * (1 + math.cos(math.pi * share)) * (PEAK - LAST)


def batch(ids: Tensor, generator: torch.Generator) -> Tensor:
    """Windows that begin anywhere."""
    first = torch.randint(len(ids) - WINDOW, (BATCH,), generator=generator)
    return torch.stack([ids[i : i + WINDOW + 1] for i in first.tolist()])


@torch.no_grad()
def measured(model: Gemma, ids: Tensor) -> float:
    """Over all windows of the held-out part, laid end to end."""
    objective, total, count = NextToken(model.eval()), 0.0, 0
    rows = ids[: (len(ids) - 1) // WINDOW * WINDOW + 1].unfold(0, WINDOW + 1, WINDOW)
    for part in rows.split(64):
        loss, n = objective(part)
        total, count = total + float(loss), count + int(n)
    return total / count


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
