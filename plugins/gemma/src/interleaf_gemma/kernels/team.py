"""Threads that run one function together, and how many of them help."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from .packing import Arena
from .products import FLOAT32, INT8, PANEL, multiply, panel_bytes
from .room import Room
from .step import Shape

STREAMS = (1, 4)  # places of a matrix read in turn, to choose from
BYTES = 64 << 20  # of a matrix to measure on
IN_CACHE = 16 << 20
WORTH = 1.1  # more threads must be that much faster to be used

_team_lock = threading.Lock()


@lru_cache
def _team(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, "gemma-kernels")


def in_team(work: Callable[[int], None], threads: int) -> None:
    """Run work(0) … work(threads − 1) at the same time: they may wait for each other."""
    if threads == 1:
        work(0)
        return
    with _team_lock:
        others = [_team(threads - 1).submit(work, part) for part in range(1, threads)]
        work(0)
        for other in others:
            other.result()


_calibrations: dict[tuple[int, int, int], tuple[int, int]] = {}


def calibrated(s: Shape, size: int, threads: int) -> tuple[int, int]:
    """How many places to read in turn, and how many threads help with weights of so many bytes.

    Measured once, on memory in no cache; weights that lie in the caches are not worth measuring.
    """
    if size < IN_CACHE:
        return 1, 1
    key = (s.layout, s.d_model, threads)
    if key not in _calibrations:
        block = Arena().zeros(BYTES + (1 << 16))
        block[:] = 0  # real memory
        at, row = block.ctypes.data, panel_bytes(s.layout, s.d_model, s.group or 64) / PANEL
        if s.layout < INT8:
            row = s.d_model * (4 if s.layout == FLOAT32 else 2)
        rows = int(BYTES / row) // PANEL * PANEL
        counts = sorted({1, threads})
        seconds = {(n, t): _seconds(s, at, rows, n, t) for n in STREAMS for t in counts}
        streams = min(STREAMS, key=lambda n: seconds[n, 1])
        best = min(seconds[n, threads] for n in STREAMS)
        helps = threads > 1 and seconds[streams, 1] > WORTH * best
        _calibrations[key] = (streams, threads if helps else 1)
    return _calibrations[key]


def _seconds(s: Shape, table: int, rows: int, streams: int, threads: int) -> float:
    room, clock = Room(), time.thread_time if threads == 1 else time.perf_counter
    out, ready = room.zeros(rows), [room.vector(s.d_model) for _ in range(threads)]
    found = []
    for _ in range(4):
        start = clock()

        def work(part: int) -> None:
            multiply(
                s.layout, table, rows, s.d_model, s.group, ready[part], out, 0, 1, part, threads, streams
            )  # fmt: skip

        in_team(work, threads)
        found.append(clock() - start)
    return min(found[1:])
