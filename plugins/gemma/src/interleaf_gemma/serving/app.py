"""The HTTP side: ``/v1/models``, ``/v1/completions``, ``/v1/chat/completions``, ``/health``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from interleaf_gemma.serving.guards import add_guards
from interleaf_gemma.serving.host import Host
from interleaf_gemma.serving.jobs import Job, Piece
from interleaf_gemma.serving.refusals import add_refusals, refused
from interleaf_gemma.serving.replies import Reply, usage
from interleaf_gemma.serving.requests import Body, Chat, Completion


def create_app(host: Host, hosts: Iterable[str] = ("*",), key: str = "") -> FastAPI:
    """The server's application. ``hosts``: names it may be called by; ``key``: what clients must send."""
    app = FastAPI(title="interleaf gemma", docs_url=None, redoc_url=None)
    add_refusals(app)
    add_guards(app, list(hosts), key)

    @app.get("/health")
    def health() -> Response:
        running, waiting = host.engine.load
        state = {"status": "ok", "model": host.origin.model, "running": running, "waiting": waiting}
        if not host.engine.alive:
            return JSONResponse({**state, "status": "stopped"}, status_code=503)
        return JSONResponse(state)

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [host.card]}

    @app.get("/v1/models/{name:path}")
    def model(name: str) -> dict[str, Any]:
        host.check_name(name)
        return host.card

    @app.post("/v1/completions")
    async def completions(body: Completion, request: Request) -> Response:
        sequences = await run_in_threadpool(host.of_completion, body)
        reply = Reply("completion", host.origin, [s.sampling.seed for s in sequences])
        return await _answer(host, body, sequences, reply, request)

    @app.post("/v1/chat/completions")
    async def chat(body: Chat, request: Request) -> Response:
        sequences = await run_in_threadpool(host.of_chat, body)
        reply = Reply("chat", host.origin, [s.sampling.seed for s in sequences])
        return await _answer(host, body, sequences, reply, request)

    return app


async def _answer(
    host: Host, body: Body, sequences: Any, reply: Reply, request: Request
) -> Response:
    job = Job(host.engine, sequences, host.tokenizer.piece, body.stops, bool(body.stream))
    if body.stream:
        host.engine.check_room(len(sequences))
        return Stream(_events(host, body, job, reply), job.cancel)
    return JSONResponse(await _unless_gone(request, _whole(host, body, job, reply)))


async def _whole(host: Host, body: Body, job: Job, reply: Reply) -> dict[str, Any]:
    texts, reasons = [""] * len(job.sequences), ["stop"] * len(job.sequences)
    async for piece in job.pieces():
        texts[piece.index] += piece.text
        reasons[piece.index] = piece.reason or ""
    choices = []
    for index, (text, reason) in enumerate(zip(texts, reasons, strict=True)):
        logprobs = _logprobs(host, body, job, reply, index, range(job.words[index].tokens))
        choices.append(reply.choice(index, text, logprobs, reason))
    return reply.whole(choices, _usage(job, body))


async def _events(host: Host, body: Body, job: Job, reply: Reply) -> AsyncIterator[str]:
    try:
        if reply.kind == "chat":
            for index in range(len(job.sequences)):
                yield _event(reply.chunk([reply.delta(index, None)]))
        async for piece in job.pieces():
            for delta in _deltas(host, body, job, reply, piece):
                yield _event(reply.chunk([delta]))
        if body.wants_usage:
            yield _event(reply.chunk([], _usage(job, body)))
    except Exception as error:  # the status has gone out: the stream itself must say it
        yield _event(refused(error)[1])
    yield "data: [DONE]\n\n"


def _deltas(
    host: Host, body: Body, job: Job, reply: Reply, piece: Piece
) -> Iterable[dict[str, Any]]:
    logprobs = _logprobs(host, body, job, reply, piece.index, piece.places)
    if piece.text or logprobs:
        yield reply.delta(piece.index, piece.text, logprobs)
    if piece.reason:
        yield reply.delta(piece.index, "", None, piece.reason)


def _logprobs(host: Host, body: Body, job: Job, reply: Reply, index: int, places: range) -> Any:
    asked = isinstance(body, Completion | Chat) and body.logprobs not in (None, False)
    return (
        reply.logprobs(job.sequences[index], places, host.tokenizer.piece)
        if asked and places
        else None
    )


def _usage(job: Job, body: Body) -> dict[str, int]:
    read = sum(len(s.prompt) for s in job.sequences[:: body.n or 1])
    return usage(read, job.tokens)


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False, allow_nan=False)}\n\n"


async def _unless_gone(request: Request, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """The result of ``work``, which is cancelled when the client hangs up."""
    answer = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            return {}  # nobody reads it
        return answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Stream(StreamingResponse):
    """Server-sent events; ``ended`` is called however the stream ends."""

    def __init__(self, events: AsyncIterator[str], ended: Callable[[], None]) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )
        self._ended = ended

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
