"""A few threads that share one job by splitting a range; no global thread settings are touched."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Self

import numpy as np


def thread_count(threads: int | None) -> int:
    """The number of threads meant by `threads`; None means one per available processor."""
    if threads is None:
        available = getattr(os, "sched_getaffinity", None)
        return len(available(0)) if available else os.cpu_count() or 1
    if threads < 1:
        raise ValueError(f"expected threads of at least 1; found {threads}")
    return threads


@lru_cache(4)
def _workers(count: int, process: int) -> ThreadPoolExecutor:
    """Threads that are kept from one use to the next; a forked process makes its own."""
    return ThreadPoolExecutor(count, "interleaf-gaussianimage")


class Crew:
    """`threads` workers, the caller among them; usable as a context manager."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = thread_count(threads)
        self._pool = _workers(self.threads - 1, os.getpid()) if self.threads > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The workers stay for the next crew."""

    def run(self, work: Callable[[int, int], object], bounds: Sequence[int]) -> None:
        """Call work(first, last) for each neighbouring pair of bounds; return when all are done."""
        pairs = list(pairwise(bounds))
        others = [self._pool.submit(work, *pair) for pair in pairs[1:]] if self._pool else []
        work(*pairs[0])
        for pair in pairs[1:] if not self._pool else ():
            work(*pair)
        for other in others:
            other.result()

    def split(self, cost: np.ndarray) -> list[int]:
        """Bounds that give every worker about the same share of `cost` [items]."""
        shares = np.arange(1, self.threads) / self.threads
        done = np.cumsum(cost, dtype=np.float64)
        cuts = np.searchsorted(done, shares * done[-1]) if len(done) else np.zeros(len(shares))
        return [0, *(int(c) for c in cuts), len(cost)]
