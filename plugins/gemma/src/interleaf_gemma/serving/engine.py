"""Requests that arrive at any time, decoded together: continuous batching over one slot cache.

One thread owns the model. Before every step it lets in what has arrived and drops what was cancelled;
whoever waits is told through a callback, in that thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from interleaf.errors import InterleafError
from interleaf_gemma.generation import Batch, Following, Running
from interleaf_gemma.model import Gemma

CANCELLED, FAILED = "cancelled", "error"


@dataclass(slots=True, eq=False)
class Served(Running):
    """A sequence that somebody waits for.

    ``top``: how many of the most probable ids to keep at each place, in ``tops`` as (id, log-probability).
    ``notify`` is called when it ended, and after every step if ``each_step``.
    """

    top: int = 0
    tops: list[list[tuple[int, float]]] = field(default_factory=list)
    notify: Callable[[], None] = lambda: None
    each_step: bool = False
    error: Exception | None = None

    def take(self, following: Following) -> int:
        """The next id; the most probable ones are kept beside it."""
        if self.top:
            best = following.logits.topk(min(self.top, len(following.logits)))
            values = [logit - following.total for logit in best.values.tolist()]
            self.tops.append(list(zip(best.indices.tolist(), values, strict=True)))
        return Running.take(self, following)

    def fail(self, error: Exception) -> None:
        """End without a result."""
        self.error, self.reason = error, FAILED


class Engine:
    """A model and the requests it works on; ``slots`` run at once, the others wait their turn."""

    def __init__(self, model: Gemma, slots: int = 16, waiting: int = 1024) -> None:
        self.model, self.slots, self.waiting = model, slots, waiting
        self._arrived: deque[Served] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._batch: Batch = Batch(model)
        self._thread = threading.Thread(target=self._work, name="gemma-engine", daemon=True)
        self._thread.start()

    def submit(self, sequences: Sequence[Served]) -> None:
        """Let sequences in as soon as there is room; Busy when too many wait already."""
        with self._wake:
            self.check_room(len(sequences))
            self._arrived.extend(sequences)
            self._wake.notify()

    def check_room(self, more: int) -> None:
        """Busy, unless that many sequences may be submitted now."""
        if self._closed or not self.alive:
            raise Busy("the server is shutting down")
        if len(self._arrived) + more > self.waiting:
            raise Busy(f"{len(self._arrived)} requests wait already", hint="try again later")

    def cancel(self, sequences: Sequence[Served]) -> None:
        """Stop sequences that nobody waits for any more; at once if they wait, else before the next step."""
        with self._wake:
            for sequence in sequences:
                sequence.reason = sequence.reason or CANCELLED

    def close(self) -> None:
        """End the thread; what runs is cancelled."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread that decodes is there."""
        return self._thread.is_alive()

    @property
    def load(self) -> tuple[int, int]:
        """How many sequences run, and how many wait."""
        return len(self._batch.running), len(self._arrived)

    def _work(self) -> None:
        while (fresh := self._next()) is not None:
            self._guarded(fresh, partial(self._batch.add, fresh))
            self._guarded(self._running(), self._batch.step)
        for sequence in [*self._running(), *self._arrived]:
            sequence.fail(Busy("the server is shutting down"))
            sequence.notify()

    def _running(self) -> list[Served]:
        return [s for s in self._batch.running if isinstance(s, Served)]

    def _next(self) -> list[Served] | None:
        """Those to let in now, perhaps none; None when it is time to end. Sleeps while nothing is to do."""
        with self._wake:
            while not (self._closed or self._arrived or self._batch.running):
                self._wake.wait()
            if self._closed:
                return None
            free = self.slots - sum(not s.reason for s in self._batch.running)
            fresh: list[Served] = []
            while self._arrived and len(fresh) < free:
                sequence = self._arrived.popleft()
                if not sequence.reason:
                    fresh.append(sequence)
            return fresh

    def _guarded(self, sequences: Sequence[Served], work: Callable[[], object]) -> None:
        """Do it and tell; when it fails, those that took part fail and the engine begins a new batch."""
        if not sequences:
            return
        try:
            work()
        except Exception as error:  # whatever it was, the server stays up
            lost = {id(s): s for s in [*sequences, *self._running()]}
            self._batch = Batch(self.model)
            for sequence in lost.values():
                sequence.fail(error)
                sequence.notify()
            return
        for sequence in sequences:
            if sequence.reason or sequence.each_step:
                sequence.notify()


class Busy(InterleafError):
    """More requests than the server takes."""
