"""Frequency tables that suit the symbols, and the few bits that tell them.

Levels follow the shortest description (Rissanen 1978): bits of the symbols plus bits of the table, by
dynamic programming over levels; changes from one level to the next are coded by a fixed table.
"""

from __future__ import annotations

import numpy as np

from .kernels import compiled
from .rans import LEVELS, SYMBOLS, TOTAL, WEIGHTS, read_bits, read_symbol
from .splats import Floats

# A table is a row of 66 numbers: its first symbol, how many it has, and their levels; a table without symbols
# gives one symbol always.
COLUMNS = 2 + SYMBOLS

_STEPS = np.array([max(1, 900 * 3 ** abs(d) // 4 ** abs(d)) for d in range(1 - LEVELS, LEVELS)])
CHANGES = np.maximum(1, _STEPS * TOTAL // _STEPS.sum())
CHANGES[LEVELS - 1] += TOTAL - CHANGES.sum()  # index = change + LEVELS - 1
_COST = -np.log2(CHANGES / TOTAL)
_RANGE_BITS = 14.0
FIRST_LEVEL = 10
_SIZE = np.pad(CHANGES, (0, SYMBOLS - len(CHANGES)))
CHANGE_TABLE = (
    np.repeat(np.arange(SYMBOLS), _SIZE).astype(np.uint8),
    (_SIZE | np.cumsum(_SIZE) - _SIZE << 16).astype(np.uint32),
)


def levels_for(counts: Floats) -> tuple[int, Floats]:
    """The first symbol and the levels of the range that ``counts`` [64] needs; nothing for no symbols."""
    used = np.flatnonzero(counts)
    if not len(used):
        return 0, np.zeros(0, np.int64)
    first, last = int(used[0]), int(used[-1])
    part = counts[first : last + 1].astype(np.float64)
    level = np.arange(LEVELS)
    # bits of the symbols, and a penalty that makes the best levels those of a distribution
    own = part[:, None] * level / 2 + part.sum() / np.log(2) * 2.0 ** (-level / 2)
    change = _COST[level[None, :] - level[:, None] + LEVELS - 1]  # [from, to]
    best = own[0] + _COST[level + LEVELS - 1 - FIRST_LEVEL]
    back = np.zeros((len(part), LEVELS), np.int64)
    for i in range(1, len(part)):
        through = best[:, None] + change
        back[i] = through.argmin(axis=0)
        best = through.min(axis=0) + own[i]
    path = [int(best.argmin())]
    for i in range(len(part) - 1, 0, -1):
        path.append(int(back[i, path[-1]]))
    return first, np.array(path[::-1], np.int64)


def best(counts: Floats) -> tuple[Floats, float]:
    """The table [66] for symbols that occur ``counts`` [64] times, and the bits of both."""
    first, levels = levels_for(counts)
    table = np.zeros(COLUMNS, np.int64)
    table[:2], table[2 : 2 + len(levels)] = (first, len(levels)), levels
    bits = _RANGE_BITS + _COST[np.diff(levels, prepend=FIRST_LEVEL) + LEVELS - 1].sum()
    used = counts > 0
    size = expanded(table[None])[1] & 0x1FFF
    return table, float(bits - (counts[used] * np.log2(size[used] / TOTAL)).sum())


@compiled
def expanded(chosen):  # type: ignore[no-untyped-def]
    """(lookup [T * 4096], parts [T * 64]) of tables [T, 66]: symbols of slots, and start << 16 | size.

    The frequency of a level is near 4096 / 2^(level / 2), at least 1; what rounding leaves goes to the first
    of the likeliest symbols.
    """
    count = len(chosen)
    lookup, parts = np.zeros(count * TOTAL, np.uint8), np.zeros(count * SYMBOLS, np.uint32)
    size = np.zeros(SYMBOLS, np.int64)
    for t in range(count):
        first, length = chosen[t, 0], max(chosen[t, 1], 1)
        weight = 0
        for s in range(length):
            weight += WEIGHTS[chosen[t, 2 + s]]
        left, top = TOTAL, 0
        for s in range(length):
            size[s] = max(1, WEIGHTS[chosen[t, 2 + s]] * TOTAL // weight)
            left -= size[s]
            top = s if size[s] > size[top] else top
        size[top] += left
        at = 0
        for s in range(length):
            parts[t * SYMBOLS + first + s] = at << 16 | size[s]
            lookup[t * TOTAL + at : t * TOTAL + at + size[s]] = first + s
            at += size[s]
    return lookup, parts


@compiled
def read(x, at, words, count, lookup, parts):  # type: ignore[no-untyped-def]
    """(tables [count, 66], x, at) from a stream; the first says a length of -1 where that failed.

    1 bit for one like the last, else 6 for its first symbol, 7 for its length, and changes of level.
    """
    found = np.zeros((count, COLUMNS), np.int64)
    for t in range(count):
        same, x, at = read_bits(x, at, words, 1)
        if same:
            found[t] = found[max(t, 1) - 1]
            continue
        found[t, 0], x, at = read_bits(x, at, words, 6)
        found[t, 1], x, at = read_bits(x, at, words, 7)
        sound = found[t, 0] + found[t, 1] <= SYMBOLS
        level = FIRST_LEVEL
        for s in range(found[t, 1] if sound else 0):
            change, x, at = read_symbol(x, at, words, lookup, parts, 0)
            level += change - LEVELS + 1
            if not 0 <= level < LEVELS:
                sound = False
                break
            found[t, 2 + s] = level
        if not sound:
            found[0, 1] = -1
            break
    return found, x, at
