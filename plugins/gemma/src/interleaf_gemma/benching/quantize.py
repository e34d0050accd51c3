"""From a checkpoint to a quantised one."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from interleaf.errors import InvalidInput
from interleaf_gemma import gguf_file
from interleaf_gemma.calibrating import quantise_by_texts
from interleaf_gemma.documents import read_text
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantised import Quant, Quantised
from interleaf_gemma.quantising import quantise_model
from interleaf_gemma.tokenizer import Tokenizer

WINDOWS, WINDOW = 64, 512  # texts that matrices are calibrated on, and tokens of each


def quantize_files(
    weights: Path, out: Path, quant: Quant, texts: Path | None = None
) -> tuple[int, int]:
    """Write a checkpoint rounded, and its tokenizer; bytes of the weights before and after."""
    model = Gemma.load(weights)
    before = sum(p.nbytes for p in model.parameters())
    words = Tokenizer.beside(weights)
    tokenizer = Tokenizer.load(words) if words else None
    done = (
        quantise_by_texts(model, quant, windows(texts, tokenizer, model.config.context))
        if texts
        else quantise_model(model, quant)
    )
    for name in done:
        if sys.stderr.isatty():
            print(f"\r{name:60}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    if out.suffix == ".gguf":
        gguf_file.write(model.config, dict(model.state_dict()), out, tokenizer=tokenizer)
    else:
        model.save(out)
        if tokenizer:
            (out / "tokenizer.model").write_bytes(tokenizer.data)
    after = sum(
        p.panels.nbytes if isinstance(p, Quantised) else p.nbytes for p in model.parameters()
    )
    return before, after


def windows(texts: Path, tokenizer: Tokenizer | None, context: int) -> Tensor:
    """Ids [N, T] from all over a text file, each behind <bos>."""
    if tokenizer is None:
        raise InvalidInput("the checkpoint has no tokenizer, and texts cannot be read without one")
    size = min(WINDOW, context) - 1
    ids = tokenizer.encode(read_text(texts), bos=False)
    starts = range(0, len(ids) - size + 1, max(size, (len(ids) - size) // WINDOWS + 1))
    if not starts:
        raise InvalidInput(f"{texts} holds {len(ids)} tokens, and {size} at least are needed")
    return torch.tensor([[tokenizer.bos, *ids[i : i + size]] for i in starts])
