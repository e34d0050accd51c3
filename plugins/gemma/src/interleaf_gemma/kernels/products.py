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

from .instructions import compiled, internal
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
    """Addresses of vectors x made ready for one layout, one a token, and of room for partial sums.

    What lies there is longer than x by zeros: `room` numbers a token, a multiple of 64.
    """

    floats: int  # float32; for bfloat16, of each 32 the even places first
    bytes: int  # int8: x / scale of its group
    scales: int  # float32, one a group
    seeds: int  # int32, one a group: what makes up for offsets in the weights
    sums: int  # float32 [tokens, MOST_STREAMS, 32]
    room: int


@internal
def of_token(x, t):
    """The same for token t."""
    group = 4 * (x.room // 32)  # bytes of scales: groups are of 32 or more
    return Vector(
        x.floats + 4 * x.room * t, x.bytes + x.room * t, x.scales + group * t, x.seeds + group * t,
        x.sums + 128 * MOST_STREAMS * t, x.room,
    )  # fmt: skip


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


@internal
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


@internal
def _burst_float32(at, xs, count, sums):
    """Two rows of partial sums += 16-lane products of `count` columns, a multiple of 32."""
    a, b = floats(sums), floats(sums + 64)
    for k in range(0, 4 * count, 128):
        a = fma(floats(at + k), floats(xs + k), a)
        b = fma(floats(at + k + 64), floats(xs + k + 64), b)
    put_floats(sums, a)
    put_floats(sums + 64, b)


@internal
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


@internal
def _rest(layout, at, xs, count):
    """Σ of the columns after the last 32."""
    s = ZERO
    for k in range(count):
        if layout == FLOAT32:
            s += single(at + 4 * k) * single(xs + 4 * k)
        else:
            s += bfloat(at + 2 * k) * single(xs + 4 * ((k & 1) * 16 + (k >> 1)))
    return s


@internal
def _rows(layout, w, columns, stride, begin, x, y, wide, tokens, first, last, streams):
    """y[t, r] += Σ W[r, c] x[t, begin + c] for rows first … last − 1, `stride` bytes apart."""
    size = 4 if layout == FLOAT32 else 2
    whole, span = columns // 32 * 32, ((last - first + streams - 1) // streams) | 1
    xs, token = x.floats + 4 * begin, 4 * x.room
    for n in range(first, first + span):
        many = min(streams, (last - n + span - 1) // span)
        for i in range(0, 128 * MOST_STREAMS * tokens, 64):
            put_floats(x.sums + i, spread(ZERO))
        for c in range(0, whole, BURST):
            count = min(BURST, whole - c)
            for k in range(many):
                at, sums = w + (n + k * span) * stride + size * c, x.sums + 128 * k
                for t in range(tokens):
                    if layout == FLOAT32:
                        _burst_float32(at, xs + token * t + 4 * c, count, sums)
                    elif count == BURST:  # a constant number of steps is unrolled
                        _burst_bfloat16(at, xs + token * t + 4 * c, BURST, sums)
                    else:
                        _burst_bfloat16(at, xs + token * t + 4 * c, count, sums)
                    sums += 128 * MOST_STREAMS
        for k in range(many):
            r = n + k * span
            for t in range(tokens):
                sums, to = x.sums + 128 * (MOST_STREAMS * t + k), y + wide * t + 4 * r
                s = total(floats(sums) + floats(sums + 64))
                if whole < columns:
                    at = w + r * stride + size * whole
                    s += _rest(layout, at, xs + token * t + 4 * whole, columns - whole)
                put_single(to, single(to) + s)


@internal
def _group_int8(at, group, xs, seed):
    """Σ w · x of 16 rows over a group of columns, as int32 in float32."""
    a, b = spread_int(seed), spread_int(np.int32(0))
    for k in range(0, group * PANEL, 128):
        x = xs + (k >> 4)
        a, b = dot_bytes(a, ints(at + k), word(x)), dot_bytes(b, ints(at + k + 64), word(x + 4))
    return as_floats(a + b)


@internal
def _group_int4(at, xs, seed):
    """The same for int4 and 32 columns."""
    a = spread_int(np.int32(0))
    for k in range(0, 256, 64):
        packed, x = ints(at + k), xs + (k >> 3)
        a = dot_nibbles(a, low_nibbles(packed), word(x))
        a = dot_nibbles(a, high_nibbles(packed), word(x + 4))
    return as_floats(finish_nibbles(a) + spread_int(seed))


@internal
def _panels(layout, w, columns, group, x, y, wide, tokens, first, last, streams):
    """y[t] += W x[t] for panels first … last − 1 of int8 or int4."""
    groups, size = (columns + group - 1) // group, panel_bytes(layout, columns, group)
    header, step = header_bytes(groups), group * PANEL if layout == INT8 else group * PANEL // 2
    span = ((last - first + streams - 1) // streams) | 1
    for n in range(first, first + span):
        many = min(streams, (last - n + span - 1) // span)
        for g in range(groups):
            for k in range(many):
                panel, to = w + (n + k * span) * size, y + 4 * PANEL * (n + k * span)
                at, scales = panel + header + g * step, halves(panel + 2 * PANEL * g)
                for t in range(tokens):
                    v = of_token(x, t)
                    xs, seed = v.bytes + g * group, whole_32(v.seeds + 4 * g)
                    if layout == INT8:
                        # a constant number of steps is unrolled
                        products = _group_int8(at, 64 if group == 64 else 32, xs, seed)
                    else:
                        products = _group_int4(at, xs, seed)
                    scaled = scales * spread(single(v.scales + 4 * g))
                    put_floats(to + wide * t, fma(products, scaled, floats(to + wide * t)))


@compiled
def multiply(layout, w, rows, columns, group, x, y, wide, tokens, part, parts, streams):
    """y[t] += W x[t] for the `part`-th of `parts` equal shares of the rows.

    x: a Vector of `tokens`; y: address, `wide` bytes from token to token. `streams` places of the matrix
    are read in turn: some processors read faster so. What is added to a number, and in which order,
    depends on none of tokens, parts and streams.
    """
    panels = (rows + PANEL - 1) // PANEL
    first, last = panels * part // parts, panels * (part + 1) // parts
    if layout >= INT8:
        _panels(layout, w, columns, group, x, y, wide, tokens, first, last, streams)
        return
    first, last = first * PANEL, min(last * PANEL, rows)
    size = 4 if layout == FLOAT32 else 2
    for c in range(0, columns, BLOCK):
        at, count = w + size * c, min(BLOCK, columns - c)
        _rows(layout, at, count, size * columns, c, x, y, wide, tokens, first, last, streams)


@internal
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
def make_many_ready(layout, x, columns, group, ready):
    """Fill a Vector from x [tokens, columns and zeros] float32."""
    for t in range(len(x)):
        at = x.ctypes.data + 4 * t * x.shape[1]
        make_ready(layout, at, columns, group, of_token(ready, t))
