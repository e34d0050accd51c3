"""How fast rates, plans and batches are made, in CPU time of one thread, each beside a peer.

OMP_NUM_THREADS=1 python bench/data.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from interleaf_continual.config import InfiniteConfig, ReplayConfig, RewarmConfig
from interleaf_continual.replay import ReplayMix
from interleaf_continual.schedules import Infinite, Rewarm
from interleaf_continual.sources import Corpus

TOKENS = 50_000_000


class Row(Corpus):
    """Tokens in memory."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        self._ids = np.random.default_rng(seed).integers(0, 50_000, size, dtype=np.uint16)

    ids_of_tokens = property(lambda self: self._ids)
    starts = property(lambda self: np.zeros(1, np.int64))
    tokenizer = property(lambda self: "t")

    def fingerprint(self) -> str:
        """Not of interest here."""
        return "row"


def cpu(work: Callable[[], object], repeats: int = 9) -> float:
    """Median CPU seconds of one call."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def main() -> None:
    """Print one figure a line."""
    steps = np.arange(10_000_000, dtype=np.float64)
    for lr in (Rewarm(RewarmConfig(steps=10**7)), Infinite(InfiniteConfig(steps=10**7))):
        print(f"{type(lr).__name__}: {cpu(lambda lr=lr: lr.table(steps), 3):.2f} s for 1e7 rates")
    new, old = Row(TOKENS, 1), Row(TOKENS, 2)
    mix = ReplayMix(ReplayConfig(window=1024, fraction=0.25)).open(new=new, old=[old])
    mix.plan(0, 10)
    per = cpu(lambda: mix.plan(10**9, 10**9 + 1_000_000), 5)
    print(f"planning: {1e6 / per:.3g} windows per second")
    seek = cpu(lambda: [mix.consumed(10**12 + k) for k in range(1000)]) / 1000
    print(f"seek to 1e12, cursors of every source: {seek * 1e6:.0f} us")
    first = cpu(lambda: [mix.plan(10**12 + k, 10**12 + k + 1) for k in range(1000)]) / 1000
    print(f"the sample there: {first * 1e6:.0f} us")
    for batch, window in ((16, 128), (64, 256), (12, 1024), (256, 1024)):
        made = ReplayMix(ReplayConfig(window=window, fraction=0.25)).open(new=new, old=[old])
        ours, theirs = (
            cpu(lambda m=made, b=batch: [m.batch(k * b, k * b + b) for k in range(20)]),
            cpu(lambda b=batch, w=window: [stacked(new.ids_of_tokens, b, w) for _ in range(20)]),
        )
        print(
            f"batch {batch} x {window}: {ours / 20 * 1e6:.0f} us, {theirs / ours:.2f} x per-item stacking"
        )


def stacked(data: np.ndarray, batch: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """As a plain loop does it: random places, a slice and a cast for each item, inputs and targets."""
    places = np.random.randint(len(data) - window, size=batch)
    x = np.stack([data[i : i + window].astype(np.int64) for i in places])
    y = np.stack([data[i + 1 : i + 1 + window].astype(np.int64) for i in places])
    return x, y


if __name__ == "__main__":
    main()
