"""What a mixture covers: how often each window of each source comes in a run of some length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from interleaf.interfaces import Context
from interleaf_continual.replay import ReplayMix

CHUNK = 1 << 18


def coverage(mix: ReplayMix, samples: int, ctx: Context | None = None) -> dict[str, Any]:
    """For each source: its windows, how many of its samples come, and a histogram of how often.

    Counted, not computed: every sample is planned. ``off`` is the largest distance of a source's
    count from its share, over all prefixes.
    """
    ctx = ctx or Context()
    counts = [np.zeros(p.windows.size, np.int32) for p in mix.pools]
    for chosen, numbers in _plans(mix, samples, ctx):
        for k, count in enumerate(counts):
            np.add.at(count, numbers[chosen == k], 1)
    return {
        "samples": samples, "window": mix.config.window,
        "tokens": samples * mix.config.window, "realised_fraction": float(mix.fraction),
        "largest_error": float(mix.mixture.error) if mix.config.changing is None else None,
        "sources": [
            {"source": p.name, "windows": p.windows.size, "unused_tokens": p.windows.unused,
             "samples": int(c.sum()), "times": histogram(c)}
            for p, c in zip(mix.pools, counts, strict=True)
        ],
    }  # fmt: skip


def histogram(counts: np.ndarray[Any, Any]) -> Mapping[str, int]:
    """``{"0": windows that never come, "1": …}``."""
    times, windows = np.unique(counts, return_counts=True)
    return {str(t): int(n) for t, n in zip(times, windows, strict=True)}


def _plans(mix: ReplayMix, samples: int, ctx: Context) -> Iterator[tuple[Any, Any]]:
    for first in range(0, samples, CHUNK):
        yield mix.plan(first, min(first + CHUNK, samples))
        ctx.monitor.progress(min(first + CHUNK, samples), samples)
