"""``interleaf gemma serve`` and ``interleaf gemma chat``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput, PluginMissing

Weights = Annotated[
    Path | None, typer.Argument(help="Hugging Face folder, .ckpt or .gguf (default: the package's)")
]
Dtype = Annotated[
    str, typer.Option(help="float32, bfloat16 or float16; empty: float32 for our model")
]
Tokens = Annotated[int, typer.Option("--max-new-tokens", help="of a reply")]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    weights: Weights = None,
    host: Annotated[
        str, typer.Option(help="address to listen on; other machines reach 0.0.0.0")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one")] = 8000,
    name: Annotated[
        str, typer.Option(help="what clients call the model (default: its folder)")
    ] = "",
    slots: Annotated[int, typer.Option(help="requests decoded at once; others wait")] = 16,
    waiting: Annotated[int, typer.Option(help="requests that may wait; others get 503")] = 1024,
    key: Annotated[
        str, typer.Option(help="environment variable that holds the key clients must send")
    ] = "",
    dtype: Dtype = "",
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
    threads: Annotated[int, typer.Option(help="of torch; 0: its own choice")] = 0,
) -> None:
    """An OpenAI-compatible server: /v1/chat/completions, /v1/completions, /v1/models, /health."""
    uvicorn = _uvicorn()
    if slots < 1 or waiting < 1:
        raise InvalidInput(f"{slots} slots and {waiting} waiting: expected at least 1 of each")
    secret = _secret(key)
    from interleaf_gemma.serving.app import create_app

    _threads(threads)
    ready = _host(weights, name, dtype, device, slots, waiting)
    local = host in LOOPBACK
    if not local and not secret:
        print("no key is set: whoever reaches this address can use the model", file=sys.stderr)
    app = create_app(ready, [*LOOPBACK[:2], "[::1]"] if local else ["*"], secret)
    settings = uvicorn.Config(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(settings)
    socket = settings.bind_socket()
    place = f"http://{host}:{socket.getsockname()[1]}"
    print(f"{ready.origin.model} at {place}/v1 (end with Ctrl-C)", flush=True)
    try:
        server.run(sockets=[socket])
    finally:
        ready.engine.close()


def chat(
    weights: Weights = None,
    max_new_tokens: Tokens = 256,
    temperature: Annotated[float, typer.Option(help="0: always the most probable token")] = 0.8,
    top_k: Annotated[int, typer.Option(help="0: no cut")] = 64,
    top_p: Annotated[float, typer.Option(help="1: no cut")] = 0.95,
    seed: Annotated[int, typer.Option(help="of the draws")] = 0,
    dtype: Dtype = "",
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Talk to a model. /new begins anew, /quit (or the end of input) ends."""
    from interleaf_gemma.serving.talk import Talk
    from interleaf_gemma.text import Prose

    model, tokenizer = opened(weights, dtype, device)
    prose = Prose(max_new_tokens, temperature, top_k, top_p, (), seed)
    talk = Talk(model, tokenizer, prose)
    shown = sys.stdin.isatty()
    if shown:
        print("A language model answers; what it says may be wrong. /new begins anew, /quit ends.")
    while (line := _line(shown)) is not None:
        if line.strip() == "/quit":
            return
        if line.strip() == "/new":
            talk.forget()
        elif line.strip():
            for piece in talk.say(line):
                print(piece, end="", flush=True)
            print(f"\n[{talk.note}]" if talk.note else "")


def _line(shown: bool) -> str | None:
    if shown:
        print("> ", end="", flush=True)
    return sys.stdin.readline() or None


def _uvicorn() -> Any:
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        hint = "pip install 'interleaf-gemma[serve]'"
        raise PluginMissing(f"the server needs {error.name}", hint=hint) from error
    return uvicorn


def _secret(key: str) -> str:
    if key and not os.environ.get(key):
        raise InvalidInput(f"the environment variable {key} is not set", hint=f"export {key}=…")
    return os.environ[key] if key else ""


def _threads(count: int) -> None:
    import torch

    if count:
        torch.set_num_threads(count)


def opened(weights: Path | None, dtype: str, device: str) -> tuple[Any, Any]:
    """The model and its tokenizer."""
    from interleaf_gemma.components import Decoder
    from interleaf_gemma.config import DecoderConfig

    known: Any = dtype
    if dtype not in ("", "float32", "bfloat16", "float16"):
        raise InvalidInput(f"no dtype '{dtype}'", hint="float32, bfloat16 or float16")
    decoder = Decoder(DecoderConfig(weights=str(weights) if weights else None, dtype=known))
    return decoder.gemma.eval().to(device), decoder.tokenizer


def _host(
    weights: Path | None, name: str, dtype: str, device: str, slots: int, waiting: int
) -> Any:
    from interleaf.pipeline.fingerprint import Fingerprints
    from interleaf_gemma import shipped
    from interleaf_gemma.serving.engine import Engine
    from interleaf_gemma.serving.host import Host
    from interleaf_gemma.serving.replies import Origin

    model, tokenizer = opened(weights, dtype, device)
    place = weights or shipped.FOLDER
    digest = Fingerprints(None).of(place)
    called = name or (place.resolve().name if weights else f"interleaf-gemma-{place.name}")
    origin = Origin(called, digest, _version())
    return Host(
        engine=Engine(model, slots, waiting),
        tokenizer=tokenizer,
        origin=origin,
        created=int(time.time()),
    )


def _version() -> str:
    from importlib.metadata import version

    return version("interleaf-gemma")
