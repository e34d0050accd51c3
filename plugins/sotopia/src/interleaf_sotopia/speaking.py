"""Who speaks: scripted, random, replayed, human and in-process agents. Endpoints stand in endpoint.py."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context
from interleaf_sotopia.episode import Turn
from interleaf_sotopia.world import Task

LINES = (
    "Hello, I am glad we can talk about this.",
    "What matters most to you here?",
    "I could meet you half way.",
    "That sounds fair to me.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request: ``messages`` with roles and contents, the ``schema`` of the answer, a ``seed`` of its
    own; who is asked (``agent`` of ``task``) in which turn, and the turns so far."""

    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any]
    seed: int
    task: Task
    agent: int
    number: int
    turns: Sequence[Turn] = ()
    name: str = "action"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``finish``: stop, length, content_filter, refusal; ``requests``: how many it took."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = "stop"
    requests: int = 1


class Speaker(Protocol):
    """Answers one request at a time; many may be under way."""

    @property
    def name(self) -> str: ...

    @property
    def sampling(self) -> Mapping[str, Any]:
        """What decides its answers besides the name; enters the identity of an episode."""
        ...

    @property
    def style(self) -> str: ...

    @property
    def characters(self) -> int:
        """The longest prompt it reads; 0: any."""
        ...

    @property
    def price(self) -> tuple[float, float]:
        """Of a million prompt and completion tokens."""
        ...

    async def reply(self, ask: Ask) -> Reply: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Local:
    """What agents without an endpoint share."""

    name: str = "local"
    sampling: Mapping[str, Any] = field(default_factory=dict)
    style: str = "full"
    characters: int = 0
    price: tuple[float, float] = (0.0, 0.0)

    async def close(self) -> None:
        """Nothing to let go."""


@dataclass(frozen=True, slots=True)
class Scripted(_Local):
    """Says its lines in turn, and leaves after the last."""

    name: str = "scripted"
    lines: tuple[str, ...] = LINES

    async def reply(self, ask: Ask) -> Reply:
        """The next line."""
        said = sum(t.agent == ask.agent for t in ask.turns)
        if said >= len(self.lines):
            return _action("leave")
        return _action("speak", self.lines[said])


@dataclass(frozen=True, slots=True)
class Random(_Local):
    """Any action, drawn by the request's seed."""

    name: str = "random"
    lines: tuple[str, ...] = LINES

    async def reply(self, ask: Ask) -> Reply:
        """A random action."""
        draw = random.Random(ask.seed)
        kind = draw.choice(
            ("speak", "speak", "speak", "action", "non-verbal communication", "none")
        )
        return _action(kind, "" if kind == "none" else draw.choice(self.lines))


@dataclass(frozen=True, slots=True)
class Replay(_Local):
    """What was recorded: for each task the turns of the agent in its place."""

    name: str = "replay"
    recorded: Mapping[str, Sequence[Turn]] = field(default_factory=dict)

    async def reply(self, ask: Ask) -> Reply:
        """The recorded action; ``leave`` where the record ends."""
        turns = [t for t in self.recorded.get(ask.task.id, ()) if t.agent == ask.agent]
        said = sum(t.agent == ask.agent for t in ask.turns)
        if ask.task.id not in self.recorded:
            raise InvalidInput(f"no recording of task {ask.task.id}")
        if said >= len(turns):
            return _action("leave")
        a = turns[said].action
        return _action(a.kind, a.argument, a.to)


@dataclass(frozen=True, slots=True)
class Human(_Local):
    """Someone at the terminal: a line is said; ``/act …``, ``/gesture …``, ``/none``, ``/leave`` are done."""

    name: str = "human"
    ask_line: Callable[[str], str] = input

    async def reply(self, ask: Ask) -> Reply:
        """Shows the situation, waits for a line."""
        text = ask.messages[-1]["content"]
        line = (await asyncio.to_thread(self.ask_line, f"\n{text}\n> ")).strip()
        for word, kind in (("/act ", "action"), ("/gesture ", "non-verbal communication")):
            if line.startswith(word):
                return _action(kind, line[len(word) :])
        if line in ("/none", ""):
            return _action("none")
        return _action("leave") if line == "/leave" else _action("speak", line)


@dataclass(frozen=True, slots=True)
class Chatter(_Local):
    """A live model with the capability ``Chat``; asked for one reply at a time, each with its own seed,
    so that what it says depends on the request alone."""

    name: str = "chat"
    model: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    ctx: Context = field(default_factory=Context)
    schema: bool = True
    one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reply(self, ask: Ask) -> Reply:
        """The model's reply, held to the schema where the model can be held to one."""
        ctx = Context(
            seed=ask.seed, device=self.ctx.device, dtype=self.ctx.dtype, threads=self.ctx.threads
        )
        async with self.one:
            said = await asyncio.to_thread(self._said, list(ask.messages), ask.schema, ctx)
        usage = said.get("usage") or {}
        return Reply(
            str(said.get("content", "")), int(usage.get("prompt_tokens", 0)),
            int(usage.get("completion_tokens", 0)), str(said.get("finish", "stop")),
        )  # fmt: skip

    def _said(self, messages: list[Any], schema: Any, ctx: Context) -> Mapping[str, Any]:
        if not callable(getattr(self.model, "reply", None)):
            raise InvalidInput(f"{self.name} cannot answer: it has no capability Chat")
        found = self.model.reply(
            [messages], schema=schema if self.schema else None, ctx=ctx, **self.settings
        )
        if not isinstance(found, Sequence) or len(found) != 1 or not isinstance(found[0], Mapping):
            raise InterleafError(f"{self.name} gave no reply")
        return found[0]


def _action(kind: str, argument: str = "", to: Sequence[str] = ()) -> Reply:
    row: dict[str, Any] = {"action_type": kind, "argument": argument}
    return Reply(json.dumps({**row, "to": list(to)} if to else row, ensure_ascii=False))
