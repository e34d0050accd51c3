"""From a checkpoint to a quantised one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from interleaf_gemma import gguf_file
from interleaf_gemma.model import Gemma
from interleaf_gemma.quantised import Quant, Quantised
from interleaf_gemma.quantising import quantise_model
from interleaf_gemma.tokenizer import Tokenizer

TOKENIZERS = (
    "tokenizer.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


def quantize_files(weights: Path, out: Path, quant: Quant) -> tuple[int, int]:
    """Write a checkpoint rounded, and its tokenizer; bytes of the weights before and after."""
    model = Gemma.load(weights)
    before = sum(p.nbytes for p in model.parameters())
    for name in quantise_model(model, quant):
        if sys.stderr.isatty():
            print(f"\r{name:60}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    folder = weights if weights.is_dir() else weights.parent
    if out.suffix == ".gguf":
        file = folder / TOKENIZERS[0]
        tokenizer = Tokenizer.load(file) if file.is_file() else None
        gguf_file.write(model.config, dict(model.state_dict()), out, tokenizer=tokenizer)
    else:
        model.save(out)
        for name in TOKENIZERS:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, out / name)
    after = sum(
        p.panels.nbytes if isinstance(p, Quantised) else p.nbytes for p in model.parameters()
    )
    return before, after
