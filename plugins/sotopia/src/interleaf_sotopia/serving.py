"""The test server: ``/v1/chat/completions`` on a real socket, with answers that can be foretold and
faults that can be ordered. Standard library only.

What it answers depends on the request alone, so a run with faults must end as one without.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

FAULTS = ("429", "500", "slow", "truncated", "schema", "dropped")
LINES = (
    "Good to see you. Shall we talk about it?",
    "What would you say is fair?",
    "I see it a little differently.",
    "Could we split it evenly?",
    "I can live with that.",
    "Tell me more about what you need.",
    "That is more than I can give.",
    "Let us find a middle way.",
)
LARGEST = 8 << 20


@dataclass
class TestServer:
    """``fault_rate`` of the requests meet a fault first, at most ``fault_times`` each; answers take
    ``latency`` seconds. ``counts`` says what happened; ``answered`` how often each body was answered."""

    __test__ = False

    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    fault_rate: float = 0.0
    fault_times: int = 2
    faults: tuple[str, ...] = FAULTS
    model: str = "test"
    key: str = ""
    turns: int = 4
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[bytes, int] = field(default_factory=dict)
    answered: Counter[bytes] = field(default_factory=Counter)
    _server: Any = field(default=None, init=False)
    _open: set[asyncio.Task[Any]] = field(default_factory=set, init=False)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{self.host}:{self.port}/v1"

    async def start(self) -> TestServer:
        """Listen; port 0 takes any free one."""
        self._server = await asyncio.start_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Listen no longer."""
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def forever(self) -> None:
        """Until cancelled."""
        await self._server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None
        self._open.add(here)
        try:
            while await self._request(reader, writer):
                await writer.drain()
        except (
            ConnectionError,
            asyncio.IncompleteReadError,
            ValueError,
            asyncio.LimitOverrunError,
        ):
            pass
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            self._open.discard(here)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (h.partition(":") for h in head[1:]) if k}
        length = int(headers.get("content-length", 0))
        if not 0 <= length <= LARGEST:
            return _send(writer, 413, {"error": {"message": "too large"}})
        body = await reader.readexactly(length)
        if method == "GET" and path.endswith("/models"):
            return _send(
                writer, 200, {"object": "list", "data": [{"id": self.model, "object": "model"}]}
            )
        if method == "GET" and path == "/stats":
            return _send(writer, 200, self.stats())
        if method != "POST" or not path.endswith("/chat/completions"):
            return _send(writer, 404, {"error": {"message": f"no {method} {path}"}})
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            # the worst a server can do with a key: hand it back
            told = f"Incorrect API key provided: {headers.get('authorization', '').removeprefix('Bearer ')}"
            return _send(writer, 401, {"error": {"message": told}})
        return await self._completion(writer, body)

    def stats(self) -> dict[str, int]:
        """Requests, answers, faults by kind, and answers given more than once."""
        again = sum(n - 1 for n in self.answered.values())
        return {**self.counts, "bodies": len(self.answered), "answered_again": again}

    async def _completion(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        self.counts["requests"] += 1
        try:
            asked = json.loads(body)
            messages = asked["messages"]
            assert all(isinstance(m["content"], str) for m in messages)
        except (ValueError, KeyError, TypeError, AssertionError):
            return _send(
                writer, 400, {"error": {"message": "the body is no chat completion request"}}
            )
        if self.latency:
            await asyncio.sleep(self.latency)
        mark = blake2b(body, digest_size=16).digest()
        fault = self._fault(mark)
        if fault:
            self.counts[f"fault_{fault}"] += 1
            return await self._broken(writer, fault, asked, mark)
        self.counts["answered"] += 1
        self.answered[mark] += 1
        text = answer(asked, self.turns)
        if asked.get("stream"):
            return _stream(writer, self.model, text)
        return _send(writer, 200, completion(self.model, messages, text))

    def _fault(self, mark: bytes) -> str:
        draw = random.Random(mark)
        if draw.random() >= self.fault_rate:
            return ""
        times = self.seen.get(mark, 0)
        if times >= draw.randint(1, self.fault_times):
            return ""
        self.seen[mark] = times + 1
        return draw.choice(self.faults)

    async def _broken(
        self, writer: asyncio.StreamWriter, fault: str, asked: Any, mark: bytes
    ) -> bool:
        whole = json.dumps(
            completion(self.model, asked["messages"], answer(asked, self.turns))
        ).encode()
        match fault:
            case "429":
                return _send(
                    writer, 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.05"}
                )
            case "500":
                return _send(writer, 500, {"error": {"message": "internal error"}})
            case "slow":
                writer.write(_head(200, len(whole)))
                for start in range(0, len(whole), 200):
                    writer.write(whole[start : start + 200])
                    await writer.drain()
                    await asyncio.sleep(0.005)
                self.counts["answered"] += 1
                self.answered[mark] += 1
                return True
            case "truncated":
                cut = whole[: len(whole) // 2]
                writer.write(_head(200, len(cut)) + cut)
                return True
            case "schema":
                return _send(writer, 200, {"id": "x", "object": "chat.completion", "choices": []})
        writer.transport.abort()
        return False


def completion(model: str, messages: Any, text: str) -> dict[str, Any]:
    """A whole answer of the protocol."""
    prompt = sum(len(m["content"]) for m in messages) // 4 + 1
    usage = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}
    return {
        "id": "chatcmpl-test", "object": "chat.completion", "created": int(time.time()), "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }  # fmt: skip


def answer(asked: Mapping[str, Any], turns: int = 4) -> str:
    """An action, or scores where the schema asks for scores: drawn from the request's content."""
    text = asked["messages"][-1]["content"]
    draw = random.Random(
        blake2b(json.dumps([asked["messages"], asked.get("seed")]).encode(), digest_size=8).digest()
    )
    named = (asked.get("response_format") or {}).get("json_schema") or {}
    schema = named.get("schema") or {}
    if named.get("name") == "action" or "action_type" in text:
        if text.count("\nTurn ") >= turns and draw.random() < 0.5:
            return json.dumps({"action_type": "leave", "argument": ""})
        return json.dumps({"action_type": "speak", "argument": draw.choice(LINES)})
    return json.dumps(fitting(schema, draw)) if schema else draw.choice(LINES)


def fitting(schema: Mapping[str, Any], draw: random.Random) -> Any:
    """Any value that a simple schema allows."""
    if "enum" in schema:
        return draw.choice(list(schema["enum"]))
    match schema.get("type"):
        case "object":
            return {k: fitting(v, draw) for k, v in schema.get("properties", {}).items()}
        case "integer":
            return draw.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 10)))
        case "array":
            return [
                fitting(schema.get("items", {}), draw)
                for _ in range(int(schema.get("minItems", 1)))
            ]
        case "boolean":
            return draw.random() < 0.5
    return draw.choice(LINES)


def _head(
    status: int, length: int, more: Mapping[str, str] | None = None, kind: str = "application/json"
) -> bytes:
    extra = "".join(f"{k}: {v}\r\n" for k, v in (more or {}).items())
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


def _send(
    writer: asyncio.StreamWriter, status: int, body: Any, more: Mapping[str, str] | None = None
) -> bool:
    data = json.dumps(body).encode()
    writer.write(_head(status, len(data), more) + data)
    return True


def _stream(writer: asyncio.StreamWriter, model: str, text: str) -> bool:
    """Server-sent events, a word each."""
    pieces = [
        {"role": "assistant", "content": ""},
        *({"content": w + " "} for w in text.split(" ")),
        {},
    ]
    events = b""
    for n, delta in enumerate(pieces):
        finish = "stop" if n == len(pieces) - 1 else None
        chunk = {"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 0, "model": model,
                 "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}  # fmt: skip
        events += b"data: " + json.dumps(chunk).encode() + b"\n\n"
    events += b"data: [DONE]\n\n"
    writer.write(_head(200, len(events), kind="text/event-stream") + events)
    return True
