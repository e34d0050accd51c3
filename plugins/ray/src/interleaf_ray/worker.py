"""What happens in a Ray worker: one instance, computed into the run's store."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from interleaf.errors import InterleafError
from interleaf.pipeline.execute import compute
from interleaf.pipeline.executors import Done, Job, Relay, sendable, timed
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.ranks import Torchrun
from interleaf.pipeline.session import Session


@dataclass(frozen=True)
class Task:
    """One instance to compute: the key and what it was made of, as the runner sees them."""

    run: str
    label: str
    key: str
    payload: Mapping[str, Any]
    nproc: int


_sessions: dict[str, Session] = {}


def work(job: Job, task: Task, send: Callable[[Any], None]) -> Done | Exception:
    """Compute a task's instance; what its component raised is returned, so that Ray retries only
    lost workers."""
    try:
        if task.run not in _sessions:
            _sessions.clear()  # a worker serves one run at a time
            _sessions[task.run] = job.session(Relay(send))
        session = _sessions[task.run]
        instance = session.instances[task.label]
        _same_key(session, instance, task)
        seconds, peak = timed(session, instance, _how(instance, task.nproc))
        return task.label, seconds, peak
    except Exception as error:
        return sendable(error)


def _how(instance: Instance, nproc: int) -> Callable[[Session, Instance], float | None]:
    together = nproc > 1 and "Distributed" in instance.step.spec.capabilities
    return Torchrun(nproc).launch if together else compute


def _same_key(session: Session, instance: Instance, task: Task) -> None:
    """Refuse to compute under a key that is not this machine's own: other code, or other input."""
    if session.keys.key(instance) == task.key:
        return
    ours = session.keys.payloads.get(task.label, {})
    differ = [name for name in task.payload if task.payload[name] != ours.get(name)]
    told = {
        name: f"{name} ({', '.join(_changed(task.payload[name], ours.get(name)))})"
        for name in differ
        if isinstance(task.payload[name], Mapping)
    }
    raise InterleafError(
        f"'{task.label}' is not the same step on worker {socket.gethostname()}: "
        f"{', '.join(told.get(n, n) for n in differ)} differ from the machine that started the run",
        hint="every machine needs the same versions and input files, unchanged while the run lasts",
    )


def _changed(theirs: Mapping[str, Any], ours: Any) -> list[str]:
    found = ours if isinstance(ours, Mapping) else {}
    return [n for n in sorted({*theirs, *found}) if theirs.get(n) != found.get(n)]
