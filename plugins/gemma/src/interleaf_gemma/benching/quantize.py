"""From a checkpoint to a quantised one."""

from __future__ import annotations

import sys
from pathlib import Path

from interleaf_gemma import gguf_file
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantised import Quant, Quantised
from interleaf_gemma.quantising import quantise_model
from interleaf_gemma.tokenizer import Tokenizer


def quantize_files(weights: Path, out: Path, quant: Quant) -> tuple[int, int]:
    """Write a checkpoint rounded, and its tokenizer; bytes of the weights before and after."""
    model = Gemma.load(weights)
    before = sum(p.nbytes for p in model.parameters())
    for name in quantise_model(model, quant):
        if sys.stderr.isatty():
            print(f"\r{name:60}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    words = Tokenizer.beside(weights)
    tokenizer = Tokenizer.load(words) if words else None
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
