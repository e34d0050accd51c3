"""``interleaf gemma finetune DATA.jsonl --out FOLDER``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context


def finetune(
    data: Annotated[
        Path, typer.Argument(help='JSON lines: {"messages": […]} or {"prompt", "response"}')
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="new folder for the tuned model")],
    weights: Annotated[
        Path | None, typer.Option(help="Hugging Face folder, .ckpt or .gguf")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="conversations that are only measured")
    ] = None,
    rank: Annotated[
        int, typer.Option("--lora", help="rank of LoRA adapters; 0: train all weights")
    ] = 0,
    alpha: Annotated[float, typer.Option(help="of the adapters; 0: 2 x rank")] = 0.0,
    steps: Annotated[int, typer.Option(help="optimiser steps")] = 100,
    batch: Annotated[int, typer.Option(help="conversations a step")] = 8,
    micro: Annotated[int, typer.Option(help="conversations at once; 0: all of a step's")] = 0,
    lr: Annotated[float, typer.Option(help="learning rate; 0: 1e-4, with LoRA 1e-3")] = 0.0,
    checkpoint_blocks: Annotated[bool, typer.Option(help="less memory, a third more time")] = False,
    seed: Annotated[int, typer.Option(help="of order and adapters")] = 0,
    precision: Annotated[str, typer.Option(help="float32, bfloat16 or auto")] = "float32",
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
    resume: Annotated[
        Path | None, typer.Option(help="folder of checkpoints; a killed run continues")
    ] = None,
) -> None:
    """Fine-tune on conversations; the loss counts the model's turns alone. LoRA adapters are merged back."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInput(f"{out} exists already", hint="name a new folder")
    from interleaf_gemma.components import Decoder
    from interleaf_gemma.config import DecoderConfig
    from interleaf_gemma.tuning.config import ConversationsConfig, FinetuneConfig, LoraSettings
    from interleaf_gemma.tuning.conversations import Conversations
    from interleaf_gemma.tuning.finetune import tuned
    from interleaf_training.config import Recipe

    kind: Any = precision
    recipe = Recipe(
        steps=steps, batch=batch, micro=micro, lr=lr or (1e-3 if rank else 1e-4), weight_decay=0.0,
        precision=kind, log_every=max(1, steps // 10), validate_every=max(1, steps // 4),
    )  # fmt: skip
    config = FinetuneConfig(
        recipe=recipe,
        lora=LoraSettings(rank=rank, alpha=alpha),
        checkpoint_blocks=checkpoint_blocks,
    )
    sets = [
        Conversations(ConversationsConfig(path=str(p))) if p else None for p in (data, held_out)
    ]
    for known in sets:
        if known is not None:
            len(known)  # read now: a bad line is told before the weights are
    assert sets[0] is not None
    decoder = Decoder(DecoderConfig(weights=str(weights) if weights else None))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as made:
        folder = Path(made) / "model"
        folder.mkdir()
        ctx = Context(seed=seed, device=device, monitor=Lines(), resume=resume)
        adapter = Path(made) / "adapter" if rank else None
        model, log = tuned(decoder, sets[0], sets[1], config, None, ctx, adapter)
        model.gemma.cpu()
        model.save(folder)
        if adapter is not None:
            shutil.move(adapter, folder / "adapter")
        lines = [json.dumps(row) + "\n" for row in log.rows]
        (folder / "log.jsonl").write_text("".join(lines))
        if out.exists():
            out.rmdir()
        shutil.move(folder, out)
    last = log.rows[-1]
    told = f", held out {last['held_out']:.4f}" if last.get("held_out") is not None else ""
    print(f"{out}: loss {last['loss']:.4f} nats a token{told}")


class Lines:
    """Progress on stderr, a line every second at most."""

    def __init__(self) -> None:
        self.told = 0.0

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Say how far it is."""
        if time.monotonic() - self.told < 1 and done != total:
            return
        self.told = time.monotonic()
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in info.items() if isinstance(v, int | float))
        print(
            f"{done:g}/{total:g}  {numbers}" if total else f"{done:g}  {numbers}", file=sys.stderr
        )

    def notice(self, message: str) -> None:
        """Say it."""
        print(message, file=sys.stderr)
