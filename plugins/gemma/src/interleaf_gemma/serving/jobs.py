"""One request at work: its sequences, the text they have released, and who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from interleaf_gemma.serving.engine import Engine, Served
from interleaf_gemma.serving.text import Words


@dataclass(frozen=True, slots=True)
class Piece:
    """What alternative ``index`` released: text, the ids it came from, and why it ended (None: not yet)."""

    index: int
    text: str
    places: range
    reason: str | None


class Job:
    """The alternatives of one request. Sequences are read here and written by the engine's thread."""

    def __init__(
        self,
        engine: Engine,
        sequences: Sequence[Served],
        spell: Callable[[int], bytes],
        stops: Sequence[str],
        each_step: bool,
    ) -> None:
        self.engine, self.sequences = engine, list(sequences)
        self.words = [Words(spell, stops) for _ in self.sequences]
        self._open = set(range(len(self.sequences)))
        self._news, self._loop = asyncio.Event(), asyncio.get_running_loop()
        for sequence in self.sequences:
            sequence.notify, sequence.each_step = self._notify, each_step or bool(stops)

    def _notify(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has gone: nobody waits
            self._loop.call_soon_threadsafe(self._news.set)

    async def pieces(self) -> AsyncIterator[Piece]:
        """What is released, as it comes, until all alternatives ended; raises what a sequence failed with."""
        self.engine.submit(self.sequences)
        try:
            while self._open:
                await self._news.wait()
                self._news.clear()
                for index in sorted(self._open):
                    if piece := self._read(index):
                        yield piece
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.engine.cancel(self.sequences)

    @property
    def tokens(self) -> int:
        """How many ids the alternatives consist of."""
        return sum(words.tokens for words in self.words)

    def _read(self, index: int) -> Piece | None:
        sequence, words = self.sequences[index], self.words[index]
        reason = sequence.reason  # before the ids: once it stands, they are complete
        if sequence.error is not None:
            raise sequence.error
        begin = words.tokens
        text = words.feed(sequence.ids[begin : len(sequence.logprobs)])
        if reason and not words.stopped:
            text += words.finish()
        if words.stopped:
            self.engine.cancel([sequence])
            reason = "stop"
        if reason:
            self._open.discard(index)
        places = range(begin, words.tokens)
        return Piece(index, text, places, reason or None) if places or reason else None
