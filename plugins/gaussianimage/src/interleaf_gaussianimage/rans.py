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
    [4096, 2896, 2048, 1448, 1024, 724, 512, 362, 256, 181, 128, 91, 64, 45, 32, 23, 16, 11, 8, 6, 4, 3,
     2, 1, 1],
    np.int64,
)  # fmt: skip


@compiled
def encode(starts, sizes, out):
    """Code symbols given by (start, size) of their part of 4096; where in out their words begin.

    out [n + 2] uint16 is filled from its end; a symbol of size 4096 costs nothing.
    """
    x, at = LOW, len(out)
    for i in range(len(starts) - 1, -1, -1):
        size = sizes[i]
        if x >= size << 32 - BITS:
            at -= 1
            out[at] = x & 0xFFFF
            x >>= 16
        x = (x // size << BITS) + x % size + starts[i]
    out[at - 1], out[at - 2] = x >> 16, x & 0xFFFF
    return at - 2


@compiled
def read_symbol(x, at, words, lookup, parts, table):
    """(symbol, x, at): the next symbol by a table of `tables.expanded`, x the state, at the next word.

    Past the end it goes on with zeros, and the state ends wrong.
    """
    slot = x & (TOTAL - 1)
    symbol = np.int64(lookup[table * TOTAL + slot])
    part = np.int64(parts[table * SYMBOLS + symbol])
    x = (part & 0x1FFF) * (x >> BITS) + slot - (part >> 16)
    more = x << 16 | np.int64(words[min(at, len(words) - 1)])
    short = x < LOW
    x = more if short else x
    at += short
    return symbol, x, at


@compiled
def read_bits(x, at, words, count):
    """(value, x, at): the next ``count`` bits, at most 12, each as likely as not."""
    slot, spare = x & (TOTAL - 1), BITS - count
    value = slot >> spare
    x = (x >> BITS << spare) + (slot & ((1 << spare) - 1))
    more = x << 16 | np.int64(words[min(at, len(words) - 1)])
    short = x < LOW
    x = more if short else x
    at += short
    return value, x, at
