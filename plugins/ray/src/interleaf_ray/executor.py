"""The executor: every step that is ready becomes a Ray task; all share the run's store.

Keys, seeds and results are those of a run without Ray: a task computes what :func:`compute` would,
under the key that the runner computed. Ray starts a task again whose worker was lost.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from interleaf.errors import InterleafError
from interleaf.pipeline.executors import Done, Job, scheduled
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.monitor import Listener
from interleaf.pipeline.session import Session
from interleaf.pipeline.store import MemoryStore
from interleaf_ray.cluster import RayError, connected, ray, require
from interleaf_ray.worker import Task, work

RETRIES = 3  # how often a task is started again whose worker was lost
POLL = 0.1  # seconds between looks at the tasks


class RayExecutor:
    """Steps as Ray tasks. ``address``: empty for a Ray of the run's own (or ``RAY_ADDRESS``), else
    that of a running one; at most ``jobs`` steps at a time (1: as many as there are CPUs);
    ``nproc`` processes for each step of a ``Distributed`` component."""

    def __init__(self, address: str = "", jobs: int = 1, nproc: int = 1) -> None:
        self.address = address or os.environ.get("RAY_ADDRESS", "local")
        self.jobs, self.nproc = jobs, nproc

    def run(
        self, session: Session, wanted: list[Instance], started: Callable[[Instance], None]
    ) -> Iterator[Done]:
        """Compute ``wanted`` as their inputs become ready; the first error ends it."""
        if isinstance(session.store, MemoryStore):
            raise InterleafError(
                "Ray's workers cannot see a store in this process's memory",
                hint="--store DIR, on a folder that all machines share, or an object store's URI",
            )
        if not wanted:
            return
        with connected(self.address, max(os.cpu_count() or 1, self._widest(session) * self.jobs)):
            require(self._widest(session))
            tasks = _Tasks(session, self.nproc)
            try:
                most = self.jobs if self.jobs > 1 else None
                yield from scheduled(tasks, wanted, started, most)
            finally:
                tasks.cancel()

    def _widest(self, session: Session) -> int:
        return max(session.numeric.threads, self.nproc, 1)


class _Tasks:
    """The tasks of one run."""

    def __init__(self, session: Session, nproc: int) -> None:
        self.session, self.nproc, self.name = session, nproc, uuid.uuid4().hex
        self.listener: Listener = session.listener
        self.job = ray.put(Job.of(session))
        self.ear: Any = _Ear.remote()  # type: ignore[attr-defined]  # the decorator gives it
        self.running: set[Any] = set()

    def submit(self, instance: Instance) -> Any:
        keys, threads = self.session.keys, self.session.numeric.threads
        key = keys.key(instance)
        payload = keys.payloads.get(instance.label, {})
        together = "Distributed" in instance.step.spec.capabilities
        nproc = self.nproc if together else 1
        gpus = nproc if self.session.numeric.device.startswith("cuda") else 0
        task = Task(self.name, instance.label, key, payload, nproc)
        found = _compute.options(
            name=instance.label, num_cpus=max(threads, nproc, 1), num_gpus=gpus, max_retries=RETRIES
        ).remote(self.job, task, self.ear)
        self.running.add(found)
        return found

    def settled(self, running: Collection[Any]) -> Iterable[Any]:
        done, _ = ray.wait(list(running), num_returns=1, timeout=POLL)
        self._relay()
        return done

    def _relay(self) -> None:
        try:
            heard = ray.get(self.ear.heard.remote())
        except RayError:
            return  # progress is lost, results are not
        for name, args in heard:
            getattr(self.listener, name)(*args)

    def result(self, handle: Any) -> Done:
        self.running.discard(handle)
        try:
            found: Done | Exception = ray.get(handle)
        except RayError as error:
            raise InterleafError(
                f"its worker was lost {RETRIES + 1} times: {str(error).strip().splitlines()[0]}",
                hint="often it ran out of memory; what was done is stored, run again to resume",
            ) from error
        if isinstance(found, Exception):
            raise found
        return found

    def cancel(self) -> None:
        """End what still runs: nothing, unless the run was interrupted or has failed."""
        for handle in self.running:
            ray.cancel(handle, force=True)
        ray.kill(self.ear)


@ray.remote(num_cpus=0)
class _Ear:
    """Where tasks tell their progress, until the runner asks for it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def tell(self, event: tuple[str, Any]) -> None:
        self.events.append(event)

    def heard(self) -> list[tuple[str, Any]]:
        events, self.events = self.events, []
        return events


@ray.remote
def _compute(job: Job, task: Task, ear: Any) -> Done | Exception:
    return work(job, task, ear.tell.remote)
