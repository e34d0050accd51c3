"""What is written into a store, and many tasks' writes committed together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from interleaf_sotopia.episode import Turn

Write = tuple[str, tuple[Any, ...]]


class Executes(Protocol):
    """A store, as the journal needs it."""

    def execute(self, statements: Iterable[Write]) -> None:
        """Write in one transaction."""
        ...


JUDGEMENT = ("episode", "judge", "sample", "swapped", "status", "scores", "reasons", "raw", "error",
              "prompt_tokens", "completion_tokens")  # fmt: skip
TURN = (
    "INSERT INTO turns (episode, number, agent, kind, argument, told_to, raw, prompt_tokens, "
    "completion_tokens, dropped, note, requests) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)


def turn_values(
    episode: str, t: Turn, raw: str, tokens: tuple[int, int], dropped: int, note: str, requests: int
) -> list[Any]:
    a = t.action
    return [
        episode,
        t.number,
        t.agent,
        a.kind,
        a.argument,
        json.dumps(list(a.to)),
        raw,
        *tokens,
        dropped,
        note,
        requests,
    ]


def turn_written(episode: str, turn: Turn, raw: str = "", tokens: tuple[int, int] = (0, 0),
                 dropped: int = 0, note: str = "", requests: int = 1) -> list[Write]:  # fmt: skip
    """One turn; a second one in its place is refused by the store."""
    return [(TURN, tuple(turn_values(episode, turn, raw, tokens, dropped, note, requests)))]


def end_written(
    episode: str, status: str, reason: str, points: Iterable[float] = ()
) -> list[Write]:
    """How an episode ended."""
    values = (status, reason, json.dumps(list(points)), episode)
    return [("UPDATE episodes SET status=?, reason=?, points=? WHERE id=?", values)]


def judgement_written(row: Mapping[str, Any]) -> list[Write]:
    """One judgement; a failed one is replaced, any other stays."""
    place = tuple(row[c] for c in JUDGEMENT[:4])
    values = tuple(json.dumps(row[c]) if c in ("scores", "reasons") else row[c] for c in JUDGEMENT)
    where = "episode=? AND judge=? AND sample=? AND swapped=?"
    return [
        (f"DELETE FROM judgements WHERE {where} AND status != 'done'", place),
        (
            f"INSERT OR IGNORE INTO judgements ({','.join(JUDGEMENT)}) VALUES ({','.join('?' * 11)})",
            values,
        ),
    ]


class Journal:
    """Writes of many tasks, on a thread of its own; those that wait together are committed together.

    ``await journal.write(…)`` returns when the write is on the disk.
    """

    def __init__(self, store: Executes) -> None:
        self._store, self._waiting = store, list[tuple[list[Write], asyncio.Future[None]]]()
        self._thread, self._busy = ThreadPoolExecutor(1), False

    async def write(self, statements: list[Write]) -> None:
        """Raises StoreError when the store cannot be written; then nothing of the group is."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((statements, done))
        if not self._busy:
            self._busy = True
            try:
                while self._waiting:
                    group, self._waiting = self._waiting, []
                    await self._commit(loop, group)
            finally:
                self._busy = False
        await done

    async def _commit(self, loop: asyncio.AbstractEventLoop, group: list[Any]) -> None:
        # shielded: a task that is cancelled while it commits for others must not lose their writes
        work = loop.run_in_executor(
            self._thread, self._store.execute, [w for ws, _ in group for w in ws]
        )
        error: BaseException | None = None
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            error = (await asyncio.gather(work, return_exceptions=True))[0]
            _tell(group, error)
            raise
        except BaseException as problem:
            error = problem
        _tell(group, error)

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()


def _tell(group: list[Any], error: BaseException | None) -> None:
    for _, done in group:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
