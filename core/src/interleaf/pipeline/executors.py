"""Where instances are computed: in this process, or in spawned ones that share the store."""

from __future__ import annotations

import multiprocessing
import queue
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from interleaf.errors import InterleafError, StepFailed
from interleaf.pipeline.execute import compute
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.memory import peak_mib, reset_peak
from interleaf.pipeline.monitor import Listener
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.session import Numeric, Session
from interleaf.pipeline.store import Store, open_store

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


class Workers(Protocol):
    """Processes somewhere that compute instances, each known by a handle while it is computed."""

    def submit(self, instance: Instance) -> Any:
        """Have an instance computed; a hashable handle."""

    def settled(self, running: Collection[Any]) -> Iterable[Any]:
        """Wait a moment, pass progress on, and name the handles that are done or have failed."""

    def result(self, handle: Any) -> Done:
        """How a settled handle went; raises what its component raised."""


def scheduled(
    workers: Workers,
    wanted: Sequence[Instance],
    started: Callable[[Instance], None],
    most: int | None = None,
) -> Iterator[Done]:
    """Have ``wanted`` computed as their inputs become ready, at most ``most`` at a time.

    The first error ends it, as StepFailed.
    """
    waiting = {i.label: i for i in wanted}
    running: dict[Any, str] = {}
    while waiting or running:
        blocked = {*waiting, *running.values()}
        for instance in list(waiting.values()):
            ready = not any(s.instance.label in blocked for s in instance.upstream)
            if ready and (most is None or len(running) < most):
                started(waiting.pop(instance.label))
                running[workers.submit(instance)] = instance.label
        for handle in workers.settled(running):
            label = running.pop(handle)
            try:
                yield workers.result(handle)
            except Exception as error:
                raise StepFailed(label, error) from error


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
        args = (Job.of(session), events)
        with ProcessPoolExecutor(self.jobs, context, _begin, args) as pool:
            try:
                workers = _Pool(pool, events, session.listener)
                yield from scheduled(workers, wanted, started, self.jobs)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list((pool._processes or {}).values()):
                    process.terminate()
                raise


@dataclass
class _Pool:
    pool: ProcessPoolExecutor
    events: Any
    listener: Listener

    def submit(self, instance: Instance) -> Future[Done]:
        return self.pool.submit(_compute, instance.label)

    def settled(self, running: Collection[Future[Done]]) -> Iterable[Future[Done]]:
        done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
        relay(self.events, self.listener)
        return done

    def result(self, handle: Future[Done]) -> Done:
        return handle.result()


@dataclass(frozen=True)
class Job:
    """What another process needs to compute a run's instances: the plan, where the store is,
    and the keys it is to take as given."""

    plan: Plan
    store: str
    numeric: Numeric
    keys: Mapping[str, str]

    @classmethod
    def of(cls, session: Session) -> Job:
        """A session's job; keys are computed anew, but for those that were kept."""
        kept = dict(session.keys.accepted)
        return cls(session.plan, session.store.uri, session.numeric, kept)

    def session(self, listener: Listener, store: Store | None = None) -> Session:
        """The run as the other process sees it."""
        found = Session(self.plan, store or open_store(self.store), self.numeric, listener)
        for label, key in self.keys.items():
            found.keys.keep(found.instances[label], key)
        return found


_session: Session | None = None


def _begin(job: Job, events: Any) -> None:
    global _session
    _session = job.session(Relay(events.put))


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


def sendable(error: BaseException) -> Exception:
    """The error itself where it is meant for a user, else its text with where it was raised."""
    if isinstance(error, InterleafError):
        found = InterleafError(error.message, hint=error.hint)
        found.exit_code = error.exit_code
        return found
    return RuntimeError("".join(traceback.format_exception(error)).strip())


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
