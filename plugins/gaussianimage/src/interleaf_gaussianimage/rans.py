"""Integer range coding with asymmetric numeral systems (Duda 2009), 12-bit frequencies.

State x in [2^16, 2^32); words of 16 bits. Symbols are coded backwards and read forwards; a stream begins
with the state, and a whole one ends with the state it was begun with, 2^16: anything else was damaged.

A table of frequencies is told by its levels: symbol s of a range has a frequency near 4096 / 2^(level / 2),
in integers throughout, so that every machine builds the same table.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import numpy as np

from .kernels import compiled

BITS = 12
TOTAL = 1 << BITS
LOW = 1 << 16
SYMBOLS = 64
LEVELS = 25
# round(4096 / 2^(level / 2)), at least 1
WEIGHTS = np.array(
    [4096, 2896, 2048, 1448, 1024, 724, 512, 362, 256, 181, 128, 91, 64, 45, 32, 23, 16, 11, 8, 6, 4, 3, 2, 1, 1],
    np.int64,
)  # fmt: skip


@compiled
def encode(starts, sizes, out):
    """Code symbols given by (start, size) of their part of 4096, the last first; words used at the end of out.

    out [n + 2] uint16 is filled from its end; a symbol of size 4096 costs nothing.
    """
    x = np.uint64(LOW)
    at = len(out)
    for i in range(len(starts) - 1, -1, -1):
        size = np.uint64(sizes[i])
        if x >= size << np.uint64(32 - BITS):
            at -= 1
            out[at] = x & np.uint64(0xFFFF)
            x >>= np.uint64(16)
        x = ((x // size) << np.uint64(BITS)) + x % size + np.uint64(starts[i])
    out[at - 1], out[at - 2] = x >> np.uint64(16), x & np.uint64(0xFFFF)
    return at - 2


@compiled
def read_symbol(state, words, lookup, start, size):
    """The next symbol by a table's lookup [4096], start [64] and size [64]; state [2] = (x, next word).

    Past the end it goes on with zeros, and the state ends wrong.
    """
    x = state[0]
    slot = x & (TOTAL - 1)
    symbol = lookup[slot]
    x = np.int64(size[symbol]) * (x >> BITS) + slot - np.int64(start[symbol])
    if x < LOW:
        x = (x << 16) | (np.int64(words[state[1]]) if state[1] < len(words) else np.int64(0))
        state[1] += 1
    state[0] = x
    return np.int64(symbol)


@compiled
def read_bits(state, words, count):
    """The next ``count`` bits, at most 12, each as likely as not."""
    x = state[0]
    slot, spare = x & (TOTAL - 1), BITS - count
    value = slot >> spare
    x = ((x >> BITS) << spare) + (slot & ((1 << spare) - 1))
    if x < LOW:
        x = (x << 16) | (np.int64(words[state[1]]) if state[1] < len(words) else np.int64(0))
        state[1] += 1
    state[0] = x
    return value
