"""Gaussians as symbols in contexts, and back; one block of the picture at a time.

Centres are coded as a set: how many lie in each cell, in reading order, then the bits within the cell. A
count's context is its neighbours' counts; an amplitude's, the amplitudes before it; a shape's, its class.
Of classes above 3 the low bits are near random and are written as they are.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import numpy as np

from .kernels import compiled
from .quantising import CLASSES, class_of, position_steps
from .rans import SYMBOLS, read_bits, read_symbol

COUNTS = 11  # contexts
SHIFT_COUNT, SHIFT_SIZE = 15, 8  # so that common values are told directly
DIRECT = 15
MOST_BITS = 11
PLAIN_CLASS = 3
LARGEST_HIGH = 64  # of a shape, in steps of class 3 or less


def contexts(channels: int) -> int:
    """How many tables a layer has; the first context of amplitudes, shapes and the background."""
    return COUNTS + 1 + 4 * (channels - 1) + 3 * CLASSES + channels


@compiled
def amplitude_context(j, before):
    """The table of amplitude j after amplitudes whose sizes sum to ``before``."""
    return COUNTS + (0 if j == 0 else 1 + 4 * (j - 1) + min(before, 3))


@compiled
def shape_context(channels, j, k):
    """The table of log l1, log l3 and v (j = 0, 1, 2) in class k."""
    return COUNTS + 1 + 4 * (channels - 1) + j * CLASSES + k


@compiled
def background_context(channels, j):
    """The table of the background's channel j."""
    return COUNTS + 1 + 4 * (channels - 1) + 3 * CLASSES + j


@compiled
def count_context(counts, y, x):
    """A table from the counts above and to the left."""
    left = counts[y, x - 1] if x > 0 else 0
    above = counts[y - 1, x] if y > 0 else 0
    corner = counts[y - 1, x - 1] if y > 0 and x > 0 else 0
    other = counts[y - 1, x + 1] if y > 0 and x + 1 < counts.shape[1] else 0
    around = 2 * left + 2 * above + corner + other
    if around <= 4:
        return around
    limits = (6, 8, 11, 15, 20)
    for i in range(5):
        if around < limits[i]:
            return 4 + i if i else 4
    return 9 if around < 30 else 10


@compiled
def put(ops, at, context, value):
    """Write a value: its symbol, and the bits of one that is not told directly."""
    size = abs(value) - DIRECT - 1
    if size < 0:
        ops[at, 0], ops[at, 1] = context, value + 31
        return at + 1
    e = 0
    while (size + 1) >> (e + 1):
        e += 1
    ops[at, 0], ops[at, 1] = context, 47 + e if value > 0 else 15 - e
    if e == 0:
        return at + 1
    ops[at + 1, 0], ops[at + 1, 1] = -e, size + 1 - (1 << e)
    return at + 2


@compiled
def put_bits(ops, at, count, value):
    """Write ``count`` bits as they are."""
    if count == 0:
        return at
    ops[at, 0], ops[at, 1] = -count, value
    return at + 1


@compiled
def take(x, at, words, tables, context):
    """(value, x, at): a value that `put` wrote; ``tables`` as `tables.expanded` gives them."""
    symbol, x, at = read_symbol(x, at, words, tables[0], tables[1], context)
    if 16 <= symbol <= 46:
        return symbol - 31, x, at
    e = min(symbol - 47 if symbol > 46 else 15 - symbol, MOST_BITS)
    size = DIRECT + (1 << e)
    if e:
        more, x, at = read_bits(x, at, words, e)
        size += more
    return size if symbol > 46 else -size, x, at


@compiled
def put_block(integers, counts, cell, channels, ops):
    """Operations (context, symbol) or (-bits, value) of a block, into ops [m, 2]; how many.

    integers [n, 5 + C] in the order of their cells; counts [rows, columns] of Gaussians in each cell.
    """
    at = 0
    for y in range(counts.shape[0]):
        for x in range(counts.shape[1]):
            at = put(ops, at, count_context(counts, y, x), counts[y, x] - SHIFT_COUNT)
    for n in range(len(integers)):
        before, norm = 0, 0
        for j in range(channels):
            q = integers[n, 5 + j]
            at = put(ops, at, amplitude_context(j, before), q)
            before += abs(q)
            norm += q * q
        k = class_of(norm)
        low = max(0, k - PLAIN_CLASS)
        for j in range(3):
            i = integers[n, 2 + j]
            shift = SHIFT_SIZE if j < 2 else 0
            at = put(ops, at, shape_context(channels, j, k), (i >> low) - shift)
            at = put_bits(ops, at, low, i & ((1 << low) - 1))
        ex, ey = position_steps(k, integers[n, 2], integers[n, 3], integers[n, 4])
        at = put_bits(ops, at, cell - ex, integers[n, 0] & ((1 << (cell - ex)) - 1))
        at = put_bits(ops, at, cell - ey, integers[n, 1] & ((1 << (cell - ey)) - 1))
    return at


@compiled
def take_block(x, at, words, tables, counts, cell, left, top, channels, integers):
    """(sound, x, at): read what `put_block` wrote into integers [n, 5 + C]; whether it makes sense.

    left, top: the block's corner in cells. counts [rows, columns] is filled.
    """
    total = 0
    for row in range(counts.shape[0]):
        for column in range(counts.shape[1]):
            found, x, at = take(x, at, words, tables, count_context(counts, row, column))
            found += SHIFT_COUNT
            if found < 0 or total + found > len(integers):
                return False, x, at
            counts[row, column] = found
            total += found
    if total != len(integers):
        return False, x, at
    n = 0
    for row in range(counts.shape[0]):
        for column in range(counts.shape[1]):
            for _ in range(counts[row, column]):
                before, norm = 0, 0
                for j in range(channels):
                    q, x, at = take(x, at, words, tables, amplitude_context(j, before))
                    integers[n, 5 + j] = q
                    before += abs(q)
                    norm += q * q
                k = class_of(norm)
                low = max(0, k - PLAIN_CLASS)
                for j in range(3):
                    value, x, at = take(x, at, words, tables, shape_context(channels, j, k))
                    value += SHIFT_SIZE if j < 2 else 0
                    if abs(value) > LARGEST_HIGH:
                        return False, x, at
                    if low:
                        bits, x, at = read_bits(x, at, words, low)
                        value = (value << low) | bits
                    integers[n, 2 + j] = value
                ex, ey = position_steps(k, integers[n, 2], integers[n, 3], integers[n, 4])
                ix, iy = (left + column) << (cell - ex), (top + row) << (cell - ey)
                if cell > ex:
                    bits, x, at = read_bits(x, at, words, cell - ex)
                    ix |= bits
                if cell > ey:
                    bits, x, at = read_bits(x, at, words, cell - ey)
                    iy |= bits
                integers[n, 0], integers[n, 1] = ix, iy
                n += 1
    return True, x, at


@compiled
def put_background(integers, ops):
    """Operations of the background's amplitudes [I, J, C]: differences from the median predictor."""
    at = 0
    for c in range(integers.shape[2]):
        for i in range(integers.shape[0]):
            for j in range(integers.shape[1]):
                value = integers[i, j, c] - predicted(integers, i, j, c)
                at = put(ops, at, background_context(integers.shape[2], c), value)
    return at


@compiled
def take_background(x, at, words, tables, integers):
    """(x, at): read what `put_background` wrote."""
    for c in range(integers.shape[2]):
        for i in range(integers.shape[0]):
            for j in range(integers.shape[1]):
                context = background_context(integers.shape[2], c)
                value, x, at = take(x, at, words, tables, context)
                integers[i, j, c] = value + predicted(integers, i, j, c)
    return x, at


@compiled
def predicted(integers, i, j, c):
    """The median of left, above and left + above - corner (Martucci 1990)."""
    left = integers[i, j - 1, c] if j > 0 else 0
    above = integers[i - 1, j, c] if i > 0 else 0
    if i == 0 or j == 0:
        return left + above
    corner = integers[i - 1, j - 1, c]
    return max(min(left, above), min(max(left, above), left + above - corner))


@compiled
def histograms(ops, used, found):
    """Add the symbols of ops to found [contexts, 64]."""
    for i in range(used):
        if ops[i, 0] >= 0:
            found[ops[i, 0], ops[i, 1]] += 1


@compiled
def ranges(ops, used, parts, starts, sizes):
    """The part of 4096 of every operation."""
    for i in range(used):
        context, value = ops[i, 0], ops[i, 1]
        if context >= 0:
            part = np.int64(parts[context * SYMBOLS + value])
            starts[i], sizes[i] = part >> 16, part & 0x1FFF
        else:
            sizes[i] = 4096 >> -context
            starts[i] = value * sizes[i]
