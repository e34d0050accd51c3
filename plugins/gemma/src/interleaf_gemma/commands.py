"""``interleaf gemma generate | convert | count | tokenizer``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="a Hugging Face folder, a .ckpt or a .gguf; default: the package's small model"
    ),
]


def generate(
    prompt: Annotated[str, typer.Argument(help="the text to continue")],
    weights: Weights = None,
    tokenizer: Annotated[Path | None, typer.Option(help="a SentencePiece model")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 200,
    temperature: Annotated[float, typer.Option(min=0)] = 0.8,
    top_k: Annotated[int, typer.Option(min=0)] = 64,
    top_p: Annotated[float, typer.Option(min=0, max=1)] = 0.95,
    seed: int = 0,
    stop: Annotated[
        list[str] | None, typer.Option(help="a text that ends it, several times")
    ] = None,
    dtype: str = "",
    device: str = "cpu",
    as_json: Json = False,
) -> None:
    """Continue a text, shown as it comes."""
    from interleaf_gemma.text import Prose, continued, streamed

    decoder = _decoder(weights, tokenizer, dtype)
    model = decoder.gemma.eval().to(device)
    ids = decoder.tokenizer.encode(prompt)
    prose = Prose(max_new_tokens, temperature, top_k, top_p, tuple(stop or ()), seed)
    if as_json:
        said = continued(model, decoder.tokenizer, [ids], prose)[0]
        usage = {"prompt_tokens": len(ids), "completion_tokens": said.tokens}
        print(
            json.dumps({"prompt": prompt, "text": said.text, "finish": said.finish, "usage": usage})
        )
        return
    print(prompt, end="", flush=True)
    for piece in streamed(model, decoder.tokenizer, ids, prose):
        print(piece, end="", flush=True)
    print()


def convert(
    source: Annotated[Path, typer.Argument(help="a Hugging Face folder, a .ckpt or a .gguf")],
    target: Annotated[Path, typer.Argument(help="the file or folder to write")],
    to: Annotated[str, typer.Option(help="hf, official or gguf")] = "hf",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16; empty: as it is")] = "",
    quantise: Annotated[str, typer.Option(help="gguf alone: Q8_0 or Q4_0")] = "",
    tokenizer: Annotated[
        Path | None, typer.Option(help="default: the one beside the source")
    ] = None,
    force: Annotated[bool, typer.Option(help="write over what is there")] = False,
    as_json: Json = False,
) -> None:
    """Write a checkpoint in another format, its tokenizer with it."""
    from interleaf_gemma.converting import convert as write

    if target.exists() and not force and (target.is_file() or any(target.iterdir())):
        raise InvalidInput(f"{target} is there already", hint="--force writes over it")
    told = write(source, target, to, dtype, quantise.upper(), tokenizer)
    print(json.dumps(told) if as_json else _lines(told))


def count(
    preset: Annotated[str, typer.Argument(help="2b, 7b, tiny, or a checkpoint's path")] = "2b",
    vocabulary: Annotated[int, typer.Option(help="rows of the embedding; 0: the preset's")] = 0,
    as_json: Json = False,
) -> None:
    """Parameters, bytes of weights and of cache, without making a tensor."""
    from interleaf_gemma.converting import counted

    told = counted(preset, vocabulary)
    print(json.dumps(told) if as_json else _lines(told))


def tokenizer(
    texts: Annotated[list[Path], typer.Argument(help="text files")],
    out: Annotated[Path, typer.Option(help="the tokenizer.model to write")],
    size: Annotated[int, typer.Option(help="pieces")] = 2048,
) -> None:
    """Train a SentencePiece vocabulary with Gemma's control tokens."""
    from interleaf_gemma.checkpoints import replacing
    from interleaf_gemma.documents import read_text
    from interleaf_gemma.vocabulary import train

    data = train((read_text(file) for file in texts), size)
    with replacing(out) as new:
        new.write_bytes(data)
    print(f"{out}: {size:,} pieces, {len(data):,} bytes", file=sys.stderr)


def _decoder(weights: Path | None, tokenizer: Path | None, dtype: str) -> Any:
    from interleaf_gemma.checkpoints import dtype_of
    from interleaf_gemma.components import Decoder
    from interleaf_gemma.config import DecoderConfig

    dtype_of(dtype or None)
    known: Any = dtype
    return Decoder(
        DecoderConfig(
            weights=str(weights) if weights else None,
            tokenizer=str(tokenizer) if tokenizer else None,
            dtype=known,
        )
    )


def _lines(told: dict[str, Any]) -> str:
    shown = {k: f"{v:,}" if isinstance(v, int) else str(v) for k, v in told.items()}
    width = max(map(len, shown)) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in shown.items())
