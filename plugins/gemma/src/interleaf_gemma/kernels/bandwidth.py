"""How fast this processor reads memory: the bound of decoding, which reads every weight once a token."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from .instructions import compiled
from .packing import Arena
from .team import in_team
from .vectors import as_floats, ints, spread_int, total

PLACES = (1, 2, 4, 8)  # read in turn
BYTES = 256 << 20  # far more than any cache


@compiled
def read(start, size, places):
    """Add up all numbers of `size` bytes, from so many places in turn."""
    each = size // places // 256 * 256
    a = b = spread_int(np.int32(0))
    for i in range(start, start + each, 256):
        for k in range(places):
            at = i + k * each
            a, b = a + ints(at), b + ints(at + 64)
            a, b = a + ints(at + 128), b + ints(at + 192)
    return total(as_floats(a + b))


def bandwidth(threads: int = 1, rounds: int = 4) -> float:
    """Bytes a second of the best of several ways to read, numpy's sum among them."""
    block = Arena().zeros(BYTES)
    block[:] = 1
    at, each = block.ctypes.data, BYTES // threads // 256 * 256

    def by_kernel(places: int) -> None:
        in_team(lambda part: read(at + part * each, each, places), threads)

    ways: list[Callable[[], object]] = [partial(by_kernel, places) for places in PLACES]
    if threads == 1:
        ways.append(block.view(np.float32).sum)
    clock = time.process_time if threads == 1 else time.perf_counter
    found = []
    for way in ways * rounds:
        start = clock()
        way()
        found.append(clock() - start)
    return BYTES / min(found)
