"""``interleaf followclick serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput, PluginMissing

LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    host: Annotated[str, typer.Option(help="address; other machines reach 0.0.0.0")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one")] = 8008,
    motion: Annotated[
        str, typer.Option(help="auto, learned, gaussian, rigid or retrieval")
    ] = "auto",
    flex: Annotated[float, typer.Option(min=0, max=2, help="0: rigid; 1: as in real clips")] = 0.35,
    clips: Annotated[Path | None, typer.Option(help="videos whose motions are used")] = None,
    weights: Annotated[Path | None, typer.Option(help="a folder that `train` wrote")] = None,
    segmenter: Annotated[Path | None, typer.Option(help="a folder of SAM or SAM 2")] = None,
) -> None:
    """A page: load a picture, click on a thing, say how it moves, watch and download the clip."""
    uvicorn = _uvicorn()
    from interleaf_followclick.commands import MOTIONS, text
    from interleaf_followclick.components import FlowWarp, Segment
    from interleaf_followclick.config import FlowWarpConfig, SegmentConfig
    from interleaf_followclick.serving.app import create_app
    from interleaf_followclick.serving.studio import Studio

    if motion not in MOTIONS:
        raise InvalidInput(f"no motion '{motion}'", hint=", ".join(MOTIONS))
    config: Any = {"motion": motion, "flex": flex, "clips": text(clips), "weights": text(weights)}
    model = FlowWarp(FlowWarpConfig(**config))
    model.draw()  # what is missing is told now
    segment = Segment(
        SegmentConfig(method="sam" if segmenter else "grabcut", weights=text(segmenter))
    )
    local = host in LOCAL
    if not local:
        print("whoever reaches this address can use the page", file=sys.stderr)
    app = create_app(Studio(model, segment), [*LOCAL[:2], "[::1]"] if local else ["*"])
    settings = uvicorn.Config(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(settings)
    socket = settings.bind_socket()
    print(f"http://{host}:{socket.getsockname()[1]} (end with Ctrl-C)", flush=True)
    server.run(sockets=[socket])


def _uvicorn() -> Any:
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        hint = "pip install 'interleaf-followclick[serve]'"
        raise PluginMissing(f"the page needs {error.name}", hint=hint) from error
    return uvicorn
