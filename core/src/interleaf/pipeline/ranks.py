"""One step computed by several processes together, for components with the capability ``Distributed``.

The runner starts them through torchrun (``python -m torch.distributed.run``) and keeps the step's lock.
Each takes the job from a local connection; all make the same call, with ``RANK`` and ``WORLD_SIZE`` in
their environment. The first alone writes to the store and tells progress; the others only read. All end
when the runner does, so that no orphan writes.
"""

from __future__ import annotations

import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from interleaf.errors import InterleafError
from interleaf.pipeline.execute import compute
from interleaf.pipeline.executors import Done, Job, Relay, relay, sendable, timed
from interleaf.pipeline.instances import Instance
from interleaf.pipeline.memory import peak_mib
from interleaf.pipeline.monitor import Quiet
from interleaf.pipeline.session import Numeric, Session
from interleaf.pipeline.store import Store

PLACE, SECRET = "INTERLEAF_RANKS", "INTERLEAF_RANKS_SECRET"
Sent = tuple[Job, Path, str]  # the run, the folder of its store, the step
POLL = 0.05  # seconds between looks at the processes


class Torchrun:
    """Steps one after the other; those of ``Distributed`` components in ``nproc`` processes each."""

    def __init__(self, nproc: int) -> None:
        self.nproc = nproc

    def run(
        self, session: Session, wanted: list[Instance], started: Callable[[Instance], None]
    ) -> Iterator[Done]:
        """Compute ``wanted``; the first error ends it."""
        for instance in wanted:
            started(instance)
            together = "Distributed" in instance.step.spec.capabilities
            seconds, peak = timed(session, instance, self.launch if together else compute)
            yield instance.label, seconds, peak

    def launch(self, session: Session, instance: Instance) -> float:
        """Start the processes and wait for them; the first one's peak MiB."""
        session.inputs(instance)  # what is corrupt is computed again here, by one process
        keys = {label: session.keys.key(i) for label, i in session.instances.items()}
        job = Job(session.plan, session.store.uri, session.numeric, keys)
        sent = (job, session.store.root, instance.label)
        secret, events = secrets.token_bytes(16), queue.Queue[Any]()
        with Listener(("127.0.0.1", 0), authkey=secret) as listener:
            threading.Thread(target=_serve, args=(listener, sent, events), daemon=True).start()
            environment = _environment(listener.address, secret, session.numeric, self.nproc)
            with tempfile.TemporaryFile() as said:
                process = subprocess.Popen(
                    _command(self.nproc), env=environment, stdout=said, stderr=said
                )
                try:
                    return _follow(process, events, session, said)
                finally:
                    _end(process)


def _command(nproc: int) -> list[str]:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    return [*run, f"--nproc-per-node={nproc}", "--module", "interleaf.pipeline.ranks"]


def _environment(address: Any, secret: bytes, numeric: Numeric, nproc: int) -> dict[str, str]:
    threads = numeric.threads or max((os.cpu_count() or 1) // nproc, 1)
    place = {PLACE: f"{address[0]}:{address[1]}", SECRET: secret.hex()}
    return {"OMP_NUM_THREADS": str(threads), **os.environ, **place}


def _serve(listener: Listener, sent: Sent, events: queue.Queue[Any]) -> None:
    """Give the job to every process that connects, and pass on what they tell."""
    while True:
        try:
            connection = listener.accept()
        except OSError:
            return  # closed: the step has ended
        connection.send(sent)
        threading.Thread(target=_hear, args=(connection, events), daemon=True).start()


def _hear(connection: Connection, events: queue.Queue[Any]) -> None:
    try:
        while True:
            events.put(connection.recv())
    except (EOFError, OSError):
        return


def _follow(
    process: subprocess.Popen[bytes], events: queue.Queue[Any], session: Session, said: Any
) -> float:
    """Relay progress until the processes have ended; raise what the first failing one raised."""
    peak, failures = 0.0, list[Exception]()
    running = True
    while running:
        running = process.poll() is None
        for name, args in relay(events, session.listener, POLL):
            if name == "done":
                peak = args[0]
            else:
                failures.append(args[0])
    if process.returncode:
        said.seek(0)
        raise _cause(failures, said.read().decode(errors="replace"), process.returncode)
    return peak


def _cause(failures: list[Exception], said: str, code: int) -> Exception:
    """Why they ended: what is meant for a user first, then a killed process, then a bug.

    The end of one process makes others fail, with errors of their own that explain nothing.
    """
    ours = [error for error in failures if isinstance(error, InterleafError)]
    if ours:
        return ours[0]
    if failures and "Signal " not in said:
        return failures[0]
    return InterleafError(
        f"one of the processes died (torchrun ended with {code}): {said.strip()[-600:]}",
        hint="a process that is killed, or out of memory, ends all of them; run again to resume",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Spectator(Store):
    """The store as all but the first process see it: there to read, never changed."""

    def freeze(
        self, key: str, step: str, outputs: Mapping[str, Any], definition: Mapping[str, Any] | None
    ) -> None:
        """The first process writes it."""

    def put(self, key: str, step: str, fill: Callable[[Path], Mapping[str, Any]]) -> None:
        """The first process writes it."""

    def remove(self, key: str) -> None:
        """Left to the first process."""

    def scratch(self) -> Path:
        """A new empty folder outside the store."""
        return Path(tempfile.mkdtemp(prefix="interleaf-"))


def main() -> int:
    """One process: take the job, make the call, tell how it went."""
    host, _, port = os.environ.pop(PLACE).rpartition(":")
    secret = bytes.fromhex(os.environ.pop(SECRET))
    connection = Client((host, int(port)), authkey=secret)
    job, root, label = connection.recv()
    threading.Thread(target=_leave_with, args=(connection,), daemon=True).start()
    first = os.environ["RANK"] == "0"
    listener = Relay(connection.send) if first else Quiet()
    session = job.session(listener, None if first else Spectator(root))
    try:
        compute(session, session.instances[label])
    except BaseException as error:
        connection.send(("failed", (sendable(error),)))
        return 1
    if first:
        connection.send(("done", (peak_mib(),)))
    return 0


def _leave_with(connection: Connection) -> None:
    """End this process when the runner's end of the connection is gone."""
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
