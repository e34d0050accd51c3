"""Threads that run one function together, and how many of them help."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from .products import multiply
from .room import Room
from .step import Shape

STREAMS = (1, 4)  # places of a matrix read in turn, to choose from
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


def calibrated(s: Shape, table: int, threads: int) -> tuple[int, int]:
    """How many places to read in turn, and how many threads help: measured on the embedding, once."""
    key = (s.layout, s.d_model, threads)
    if key not in _calibrations:
        rows = min(s.vocabulary, max(16, (32 << 20) // (4 * s.d_model))) // 16 * 16
        seconds = {
            (streams, count): _seconds(s, table, rows, streams, count)
            for streams in STREAMS
            for count in sorted({1, threads})
        }
        streams, _ = min(
            ((streams, seconds[streams, 1]) for streams in STREAMS), key=lambda f: f[1]
        )
        best = min(seconds[streams, threads] for streams in STREAMS)
        helps = threads > 1 and seconds[streams, 1] > WORTH * best
        _calibrations[key] = (streams, threads if helps else 1)
    return _calibrations[key]


def _seconds(s: Shape, table: int, rows: int, streams: int, threads: int) -> float:
    if rows < 1024:  # too little to measure, and little to gain
        return float(streams + threads)
    room = Room()
    out, ready = room.zeros(rows), [room.vector(s.d_model) for _ in range(threads)]
    found = []
    for _ in range(3):
        start = time.perf_counter()

        def work(part: int) -> None:
            multiply(
                s.layout, table, rows, s.d_model, s.group, ready[part], out, 0, 1, part, threads, streams
            )  # fmt: skip

        in_team(work, threads)
        found.append(time.perf_counter() - start)
    return min(found[1:])
