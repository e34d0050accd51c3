"""Where instances are computed: in this process, or in spawned ones that share the store."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, Protocol

from interleaf.pipeline.execute import compute
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.memory import peak_mib, reset_peak
from interleaf.pipeline.monitor import Listener
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.session import Numeric, Session
from interleaf.pipeline.store import Store

Done = tuple[str, float, float]  # label, seconds, peak MiB


class Executor(Protocol):
    """Computes instances; yields each as it is done. ``started`` is called before each."""

    def run(
        self, session: Session, wanted: list[Instance], started: Callable[[Instance], None]
    ) -> Iterator[Done]: ...


class InProcess:
    """One instance after the other, in plan order."""

    def run(
        self, session: Session, wanted: list[Instance], started: Callable[[Instance], None]
    ) -> Iterator[Done]:
        """Compute ``wanted``; the first error ends it."""
        for instance in wanted:
            started(instance)
            seconds, peak = timed(session, instance)
            yield instance.label, seconds, peak


class Processes:
    """Up to ``jobs`` instances at a time, each in one of ``jobs`` spawned processes."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def run(
        self, session: Session, wanted: list[Instance], started: Callable[[Instance], None]
    ) -> Iterator[Done]:
        """Compute ``wanted`` as their inputs become ready; the first error ends it."""
        context = multiprocessing.get_context("spawn")
        events = context.Queue()
        seeds = dict(session.keys.accepted)
        args = (session.plan, str(session.store.root), session.numeric, seeds, events)
        with ProcessPoolExecutor(self.jobs, context, _begin, args) as pool:
            try:
                yield from self._schedule(session, wanted, started, pool, events)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list((pool._processes or {}).values()):
                    process.terminate()
                raise

    def _schedule(
        self,
        session: Session,
        wanted: list[Instance],
        started: Callable[[Instance], None],
        pool: ProcessPoolExecutor,
        events: Any,
    ) -> Iterator[Done]:
        waiting = {i.label: i for i in wanted}
        running: dict[Future[Done], str] = {}
        while waiting or running:
            blocked = {*waiting, *running.values()}
            for instance in list(waiting.values()):
                ready = not any(s.instance.label in blocked for s in instance.upstream)
                if ready and len(running) < self.jobs:
                    started(waiting.pop(instance.label))
                    running[pool.submit(_compute, instance.label)] = instance.label
            done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            relay(events, session.listener)
            for future in done:
                running.pop(future)
                yield future.result()


_session: Session | None = None


def _begin(
    plan: Plan, root: str, numeric: Numeric, accepted: Mapping[str, str], events: Any
) -> None:
    from pathlib import Path

    global _session
    _session = Session(plan, Store(Path(root)), numeric, Relay(events.put))
    for label, key in accepted.items():
        _session.keys.keep(_session.instances[label], key)


def _compute(label: str) -> Done:
    assert _session is not None
    seconds, peak = timed(_session, _session.instances[label])
    return label, seconds, peak


def timed(
    session: Session,
    instance: Instance,
    how: Callable[[Session, Instance], float | None] = compute,
) -> tuple[float, float]:
    """Compute an instance unless another process has done so meanwhile; seconds and peak MiB.

    ``how`` computes it; it may return the peak where that is not this process's.
    """
    key = session.keys.key(instance)
    start = time.perf_counter()
    reset_peak()

    def waiting() -> None:
        session.listener.notice(f"{instance.label}: another run is computing it; waiting")

    peak = None
    with session.store.lock(key, waiting):
        if session.store.lookup(key) is None:
            peak = how(session, instance)
    session.release(instance)
    return time.perf_counter() - start, peak or peak_mib()


class Relay:
    """A listener in another process: sends progress to the one that shows it, not too often."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self.send, self.last = send, 0.0

    def started(self, step: str, key: str) -> None:
        """Told by the parent."""

    def finished(self, step: str, key: str, hit: bool, seconds: float) -> None:
        """Told by the parent."""

    def failed(self, step: str, error: BaseException) -> None:
        """Told by the parent."""

    def progress(
        self, step: str, done: float, total: float | None, info: Mapping[str, Any]
    ) -> None:
        """Send at most ten a second."""
        if time.monotonic() - self.last > 0.1:
            self.last = time.monotonic()
            self.send(("progress", (step, done, total, dict(info))))

    def notice(self, message: str) -> None:
        """Send it."""
        self.send(("notice", (message,)))


def relay(events: Any, listener: Listener, wait_s: float = 0.0) -> list[tuple[str, Any]]:
    """Pass progress and notices on; whatever else was sent. Waits up to ``wait_s`` for the first."""
    others: list[tuple[str, Any]] = []
    while True:
        try:
            name, args = events.get(wait_s > 0, wait_s or None)
        except queue.Empty:
            return others
        wait_s = 0.0
        if name in ("progress", "notice"):
            getattr(listener, name)(*args)
        else:
            others.append((name, args))
