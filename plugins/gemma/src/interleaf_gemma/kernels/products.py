"""Matrix times vector for one token, as fast as memory delivers the matrix: y += W x.

Layouts of W [R, C], each read once and in order:
- float32 and bfloat16: row by row, as in a checkpoint, at any address;
- int8 and int4: panels of 16 rows. A panel holds the float16 scales of its groups of columns,
  [C/group][16], and then its numbers: int8 [C/4][16][4]; int4 [C/8][16][4], of eight columns the
  first four in the lower halves of the bytes, the others in the upper ones, 8 added. Panels begin at
  multiples of 64 bytes; rows are padded to 16, columns to whole groups, with zeros.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

from typing import NamedTuple

import numpy as np

from .instructions import compiled
from .vectors import (
    BYTE_OFFSET,
    as_floats,
    bfloat,
    byte,
    dot_bytes,
    dot_nibbles,
    finish_nibbles,
    floats,
    fma,
    half,
    halves,
    high,
    high_nibbles,
    ints,
    larger,
    largest,
    low,
    low_nibbles,
    magnitude,
    nearest,
    put_bytes,
    put_floats,
    put_single,
    put_whole_32,
    single,
    spread,
    spread_int,
    total,
    whole_32,
    word,
)

FLOAT32, BFLOAT16, INT8, INT4 = range(4)
PANEL = 16  # rows
NIBBLE_OFFSET = 8
BURST = 128  # columns of a row before another row is read
BLOCK = 4096  # columns at a time: their part of x, 16 KiB, stays in the first-level cache
MOST_STREAMS = 8
ZERO = np.float32(0.0)


class Vector(NamedTuple):
    """Addresses of a vector x made ready for one layout, and of room for partial sums.

    What lies there is longer than x by zeros.
    """

    floats: int  # float32; for bfloat16, of each 32 the even places first
    bytes: int  # int8: x / scale of its group
    scales: int  # float32, one a group
    seeds: int  # int32, one a group: what makes up for offsets in the weights
    sums: int  # float32 [MOST_STREAMS, 32]


@compiled
def header_bytes(groups):
    """Bytes of a panel's scales, rounded up so that what follows stays aligned."""
    return (groups * 2 * PANEL + 63) // 64 * 64


@compiled
def panel_bytes(layout, columns, group):
    """Bytes of a panel of 16 rows."""
    groups = (columns + group - 1) // group
    numbers = groups * group * PANEL
    return header_bytes(groups) + (numbers if layout == INT8 else numbers // 2)


@compiled
def make_ready(layout, x, columns, group, ready):
    """Fill the Vector `ready` from the first `columns` float32 at x (and zeros after them)."""
    to = ready.floats
    if layout == FLOAT32:
        for c in range(0, 4 * columns, 64):
            put_floats(to + c, floats(x + c))
    elif layout == BFLOAT16:
        for c in range(0, 4 * columns, 128):
            for k in range(0, 64, 4):
                put_single(to + c + k, single(x + c + 2 * k))
                put_single(to + c + 64 + k, single(x + c + 2 * k + 4))
    else:
        offset = np.float32(BYTE_OFFSET if layout == INT8 else NIBBLE_OFFSET)
        for g in range((columns + group - 1) // group):
            _quantise(x + 4 * g * group, group, g, offset, ready)


@compiled
def _quantise(x, group, g, offset, ready):
    biggest = spread(ZERO)
    for c in range(0, 4 * group, 64):
        biggest = larger(magnitude(floats(x + c)), biggest)
    top = largest(biggest)
    inverse = spread(np.float32(127.0) / top if top > ZERO else ZERO)
    added = spread(ZERO)
    for c in range(0, group, 16):
        rounded = nearest(floats(x + 4 * c) * inverse)
        put_bytes(ready.bytes + g * group + c, rounded)
        added = added + rounded
    s = total(added)
    fine = s == s  # NaN or infinity in x must not become a number
    put_single(ready.scales + 4 * g, top / np.float32(127.0) if fine else np.float32(np.nan))
    put_whole_32(ready.seeds + 4 * g, np.int32(-offset * s) if fine else np.int32(0))


@compiled
def _burst_float32(at, xs, count, sums):
    """Two rows of partial sums += 16-lane products of `count` columns, a multiple of 32."""
    a, b = floats(sums), floats(sums + 64)
    for k in range(0, 4 * count, 128):
        a = fma(floats(at + k), floats(xs + k), a)
        b = fma(floats(at + k + 64), floats(xs + k + 64), b)
    put_floats(sums, a)
    put_floats(sums + 64, b)


@compiled
def _burst_bfloat16(at, xs, count, sums):
    """The same for bfloat16; x: of each 32 the even places first."""
    a, b = floats(sums), floats(sums + 64)
    c = d = spread(ZERO)
    for k in range(0, 2 * count - 64, 128):
        p, q = ints(at + k), ints(at + k + 64)
        a, b = fma(low(p), floats(xs + 2 * k), a), fma(high(p), floats(xs + 2 * k + 64), b)
        c, d = fma(low(q), floats(xs + 2 * k + 128), c), fma(high(q), floats(xs + 2 * k + 192), d)
    if count % 64:
        p, xs = ints(at + 2 * count - 64), xs + 4 * count - 128
        a, b = fma(low(p), floats(xs), a), fma(high(p), floats(xs + 64), b)
    put_floats(sums, a + c)
    put_floats(sums + 64, b + d)


@compiled
def _rest(layout, at, xs, count):
    """Σ of the columns after the last 32."""
    s = ZERO
    for k in range(count):
        if layout == FLOAT32:
            s += single(at + 4 * k) * single(xs + 4 * k)
        else:
            s += bfloat(at + 2 * k) * single(xs + 4 * ((k & 1) * 16 + (k >> 1)))
    return s


@compiled
def _rows(layout, w, columns, stride, x, ready, y, first, last, streams):
    """y[r] += Σ W[r, c] x[c] for rows first … last − 1 of float32 or bfloat16, `stride` bytes apart."""
    size = 4 if layout == FLOAT32 else 2
    whole, span = columns // 32 * 32, ((last - first + streams - 1) // streams) | 1
    sums = ready.sums
    for n in range(first, first + span):
        for k in range(streams):
            put_floats(sums + 128 * k, spread(ZERO))
            put_floats(sums + 128 * k + 64, spread(ZERO))
        for c in range(0, whole, BURST):
            count = min(BURST, whole - c)
            for k in range(min(streams, (last - n + span - 1) // span)):
                at = w + (n + k * span) * stride + size * c
                if layout == FLOAT32:
                    _burst_float32(at, x + 4 * c, count, sums + 128 * k)
                else:
                    _burst_bfloat16(at, x + 4 * c, count, sums + 128 * k)
        for k in range(min(streams, (last - n + span - 1) // span)):
            r = n + k * span
            s = total(floats(sums + 128 * k) + floats(sums + 128 * k + 64))
            if whole < columns:
                s += _rest(layout, w + r * stride + size * whole, x + 4 * whole, columns - whole)
            put_single(y + 4 * r, single(y + 4 * r) + s)


@compiled
def _group_int8(at, group, xs, seed):
    """Σ w · x of 16 rows over a group of columns, as int32 in float32."""
    a, b = spread_int(seed), spread_int(np.int32(0))
    for k in range(0, group * PANEL, 128):
        x = xs + (k >> 4)
        a, b = dot_bytes(a, ints(at + k), word(x)), dot_bytes(b, ints(at + k + 64), word(x + 4))
    return as_floats(a + b)


@compiled
def _group_int4(at, xs, seed):
    """The same for int4 and 32 columns."""
    a = spread_int(np.int32(0))
    for k in range(0, 256, 64):
        packed, x = ints(at + k), xs + (k >> 3)
        a = dot_nibbles(a, low_nibbles(packed), word(x))
        a = dot_nibbles(a, high_nibbles(packed), word(x + 4))
    return as_floats(finish_nibbles(a) + spread_int(seed))


@compiled
def _panels(layout, w, columns, group, x, y, first, last, streams):
    """y += W x for panels first … last − 1 of int8 or int4."""
    groups, size = (columns + group - 1) // group, panel_bytes(layout, columns, group)
    header, step = header_bytes(groups), group * PANEL if layout == INT8 else group * PANEL // 2
    span = ((last - first + streams - 1) // streams) | 1
    for n in range(first, first + span):
        for g in range(groups):
            for k in range(min(streams, (last - n + span - 1) // span)):
                panel, to = w + (n + k * span) * size, y + 4 * PANEL * (n + k * span)
                at = panel + header + g * step
                if layout == INT8:
                    # a constant number of steps is unrolled
                    count = 64 if group == 64 else 32
                    products = _group_int8(
                        at, count, x.bytes + g * group, whole_32(x.seeds + 4 * g)
                    )
                else:
                    products = _group_int4(at, x.bytes + 32 * g, whole_32(x.seeds + 4 * g))
                scales = halves(panel + 2 * PANEL * g) * spread(single(x.scales + 4 * g))
                put_floats(to, fma(products, scales, floats(to)))


@compiled
def multiply(layout, w, rows, columns, group, x, y, part, parts, streams):
    """y += W x for the `part`-th of `parts` equal shares of the rows; x: a Vector, y: address.

    `streams` places of the matrix are read in turn: some processors read faster so. What is added to
    a number, and in which order, depends neither on it nor on `parts`.
    """
    panels = (rows + PANEL - 1) // PANEL
    first, last = panels * part // parts, panels * (part + 1) // parts
    if layout >= INT8:
        _panels(layout, w, columns, group, x, y, first, last, streams)
        return
    first, last = first * PANEL, min(last * PANEL, rows)
    size = 4 if layout == FLOAT32 else 2
    for c in range(0, columns, BLOCK):
        count = min(BLOCK, columns - c)
        _rows(
            layout, w + size * c, count, size * columns, x.floats + 4 * c, x, y, first, last, streams
        )  # fmt: skip


@compiled
def read_row(layout, w, r, columns, group, scale, out):
    """out[c] = W[r, c] · scale."""
    if layout < INT8:
        for c in range(columns):
            at = r * columns + c
            x = single(w + 4 * at) if layout == FLOAT32 else bfloat(w + 2 * at)
            put_single(out + 4 * c, x * scale)
        return
    panel = w + r // PANEL * panel_bytes(layout, columns, group)
    numbers, lane = panel + header_bytes((columns + group - 1) // group), r % PANEL
    for c in range(columns):
        step = half(panel + 2 * (c // group * PANEL + lane))
        if layout == INT8:
            q = byte(numbers + (c // 4 * PANEL + lane) * 4 + c % 4)
        else:
            packed = byte(numbers + (c // 8 * PANEL + lane) * 4 + c % 4)
            q = ((packed >> (4 if c % 8 >= 4 else 0)) & 15) - NIBBLE_OFFSET
        put_single(out + 4 * c, np.float32(q) * step * scale)


@compiled
def read_rows(layout, w, wanted, group, out):
    """out[n] = row wanted[n] of W; out [N, columns] float32."""
    columns = out.shape[1]
    for n in range(len(wanted)):
        to = out.ctypes.data + 4 * n * columns
        read_row(layout, w, wanted[n], columns, group, np.float32(1.0), to)


@compiled
def multiply_many(layout, w, rows, columns, group, x, ready, out):
    """out[n] += W x[n] for a few vectors, one after the other; x, out: float32, padded with zeros."""
    for n in range(len(x)):
        at, to = x.ctypes.data + 4 * n * x.shape[1], out.ctypes.data + 4 * n * out.shape[1]
        make_ready(layout, at, columns, group, ready)
        multiply(layout, w, rows, columns, group, ready, to, 0, 1, 1)
