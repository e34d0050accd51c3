"""Checkpoints from one format to another, and what a model weighs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from interleaf.errors import InvalidInput
from interleaf_gemma.architecture import SIZES, GemmaConfig
from interleaf_gemma.checkpoints import format_of
from interleaf_gemma.model import Gemma
from interleaf_gemma.tokenizer import Tokenizer

FORMATS = ("hf", "official", "gguf")


def convert(
    source: Path,
    target: Path,
    to: str,
    dtype: str = "",
    quantise: str = "",
    tokenizer: Path | None = None,
) -> dict[str, Any]:
    """Write ``source`` as ``target``; what was written. InvalidInput for what cannot be."""
    if to not in FORMATS:
        raise InvalidInput(f"no format '{to}'", hint=", ".join(FORMATS))
    if quantise and (to != "gguf" or quantise not in ("Q8_0", "Q4_0")):
        raise InvalidInput(
            f"'{quantise}' is not written to {to}", hint="--to gguf --quantise Q8_0 or Q4_0"
        )
    model = Gemma.load(source, dtype=dtype or None)
    words = _words(source, tokenizer)
    if to == "gguf":
        from interleaf_gemma import gguf_file

        found = Tokenizer.load(words) if words else None
        gguf_file.write(model.config, dict(model.state_dict()), target, quantise, found)
    else:
        model.save(target, to)  # type: ignore[arg-type]
        if words:
            file = (target if target.is_dir() else target.parent) / "tokenizer.model"
            if file.resolve() != words.resolve():
                file.write_bytes(Tokenizer.load(words).data)
    size = sum(f.stat().st_size for f in ([target] if target.is_file() else target.iterdir()))
    return {
        "source": str(source), "format": format_of(target), "target": str(target), "bytes": size,
        "dtype": quantise or str(model.dtype).removeprefix("torch."),
        "tokenizer": str(words) if words else "none",
    }  # fmt: skip


def _words(source: Path, named: Path | None) -> Path | None:
    """Where the tokenizer is: the one named, or the one that belongs to the source."""
    if named is not None:
        Tokenizer.load(named)
    return named or Tokenizer.beside(source)


def counted(preset: str, vocabulary: int = 0) -> dict[str, Any]:
    """Numbers of a preset or checkpoint; nothing is allotted."""
    changes = {"vocab_size": vocabulary} if vocabulary else {}
    if preset in SIZES and preset != "llama2":
        config = GemmaConfig.preset(preset, **changes)
    else:
        from interleaf_gemma.checkpoints import read

        config = read(Path(preset)).config.with_(**changes)
    with torch.device("meta"):
        model = Gemma(config)
    total = sum(p.numel() for p in model.parameters())
    table = model.model.embed_tokens.weight.numel()
    cache = 2 * 2 * config.layers * config.kv_heads * config.head_dim
    return {
        "embedding": table,
        "non_embedding": total - table,
        "total": total,
        "bytes_bfloat16": 2 * total,
        "cache_bytes_per_token": cache,
        "cache_bytes_at_context": cache * config.context,
    }
