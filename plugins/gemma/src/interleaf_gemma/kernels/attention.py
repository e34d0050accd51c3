"""Attention of one token over the cache: softmax(q·k / √K) · v, in one pass, without copies.

A cache holds float32 or bfloat16, a head a multiple of 16 numbers. Its tokens are taken in spans of
SPAN, each of which gives a largest score, a sum and a mixture of values for every head; spans are joined
in order. Threads share the spans out, so that what they compute does not depend on how many they are.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math

import numpy as np

from .elementwise import exp
from .instructions import compiled, internal
from .products import FLOAT32, ZERO
from .vectors import (
    bfloats,
    floats,
    fma,
    larger,
    largest,
    put_floats,
    put_single,
    single,
    spread,
    total,
)

SPAN = 256  # tokens whose keys and values stay in the second-level cache while heads take turns


@internal
def _sixteen(layout, at, k):
    return floats(at + 4 * k) if layout == FLOAT32 else bfloats(at + 2 * k)


@internal
def _score(layout, q, keys, stride, size, count, scores):
    """scores[t] = q · key t."""
    for t in range(count):
        row = keys + t * stride
        a = b = spread(ZERO)
        for k in range(0, size - 16, 32):
            a = fma(_sixteen(layout, row, k), floats(q + 4 * k), a)
            b = fma(_sixteen(layout, row, k + 16), floats(q + 4 * k + 64), b)
        if size % 32:
            a = fma(_sixteen(layout, row, size - 16), floats(q + 4 * size - 64), a)
        put_single(scores + 4 * t, total(a + b))


@internal
def _soften(scores, count):
    """scores = exp(scores − their largest), zeros up to the next sixteen; the largest and the sum."""
    end = (count + 15) // 16 * 16
    for t in range(count, end):
        put_single(scores + 4 * t, np.float32(-np.inf))
    top = spread(np.float32(-np.inf))
    for t in range(0, 4 * end, 64):
        top = larger(floats(scores + t), top)
    biggest = largest(top)
    for t in range(0, 4 * end, 64):
        put_floats(scores + t, exp(floats(scores + t) - spread(biggest)))
    for t in range(count, end):
        put_single(scores + 4 * t, ZERO)
    added = spread(ZERO)
    for t in range(0, 4 * end, 64):
        added = added + floats(scores + t)
    return biggest, total(added)


@internal
def _mix(layout, weights, values, stride, size, count, out):
    """out = Σ weights[t] · value t, four tokens at a time; weights end in zeros."""
    for k in range(0, size, 16):
        put_floats(out + 4 * k, spread(ZERO))
    for t in range(0, count, 4):
        r0 = values + t * stride
        r1 = r0 + (stride if t + 1 < count else 0)
        r2 = r0 + (2 * stride if t + 2 < count else 0)
        r3 = r0 + (3 * stride if t + 3 < count else 0)
        at = weights + 4 * t
        p0, p1 = spread(single(at)), spread(single(at + 4))
        p2, p3 = spread(single(at + 8)), spread(single(at + 12))
        for k in range(0, size, 16):
            a = fma(_sixteen(layout, r0, k), p0, floats(out + 4 * k))
            b = _sixteen(layout, r1, k) * p1
            a = fma(_sixteen(layout, r2, k), p2, a)
            b = fma(_sixteen(layout, r3, k), p3, b)
            put_floats(out + 4 * k, a + b)


@compiled
def attend(layout, q, keys, values, heads, size, tokens, span, parts, stride, scores):
    """One span of tokens for the heads of one key/value head.

    q [heads, size], scaled; keys, values: rows [tokens, size]; parts: `stride` bytes from head to head,
    each gets the mixture [size], then the largest score and the sum; scores: room for SPAN float32.
    """
    row = size * (4 if layout == FLOAT32 else 2)
    first = span * SPAN
    count = min(SPAN, tokens - first)
    for h in range(heads):
        part = parts + h * stride
        _score(layout, q + 4 * h * size, keys + first * row, row, size, count, scores)
        top, whole = _soften(scores, count)
        _mix(layout, scores, values + first * row, row, size, count, part)
        put_single(part + 4 * size, top)
        put_single(part + 4 * size + 4, whole)


@compiled
def joined(parts, stride, spans, size, out):
    """The result of one head from its spans, `stride` bytes apart."""
    top = single(parts + 4 * size)
    for s in range(1, spans):
        top = max(top, single(parts + s * stride + 4 * size))
    whole = ZERO
    for k in range(0, size, 16):
        put_floats(out + 4 * k, spread(ZERO))
    for s in range(spans):
        part = parts + s * stride
        factor = np.float32(math.exp(single(part + 4 * size) - top))
        whole += factor * single(part + 4 * size + 4)
        for k in range(0, size, 16):
            mixed = fma(spread(factor), floats(part + 4 * k), floats(out + 4 * k))
            put_floats(out + 4 * k, mixed)
    for k in range(0, size, 16):
        put_floats(out + 4 * k, floats(out + 4 * k) / spread(whole))
