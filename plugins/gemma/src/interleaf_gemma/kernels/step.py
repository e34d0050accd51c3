"""One token through the whole decoder in one call: ids to logits, without Python in between.

Every thread of a team runs `step`; rows of matrices and spans of the cache are shared out, what is
small is computed by each for itself. The result does not depend on how many there are.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math
from typing import NamedTuple

import numpy as np

from .attention import SPAN, attend, joined
from .elementwise import angles, gated, normed, rotate
from .instructions import compiled
from .meeting import meet
from .products import FLOAT32, PANEL, ZERO, make_ready, multiply, read_row
from .vectors import floats, put_bfloats, put_floats, spread, whole

MATRICES = 7
Q, K, V, OUT, GATE, UP, DOWN = range(MATRICES)


class Shape(NamedTuple):
    """The sizes and conventions of a decoder, as whole numbers."""

    d_model: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    d_ff: int
    vocabulary: int
    layout: int  # of the matrices
    group: int
    cache_layout: int
    activation: int
    rope: int
    streams: int


class Weights(NamedTuple):
    """Addresses of the weights."""

    matrices: int  # int64 [layers, 7]: addresses of the matrices
    norms: int  # float32 [2 · layers + 1, d_model and zeros], offset added
    norm: int  # bytes from norm to norm
    table: int  # the embedding


class Numbers(NamedTuple):
    """What is not whole: of the embedding, the norms, the rotations."""

    scale: np.float32
    eps: np.float32
    base: np.float32


class Shared(NamedTuple):
    """Addresses of what the threads of a team write for each other; float32, and zeros after it."""

    x: int  # [d_model]
    q: int  # [heads · head_dim]
    k: int
    v: int
    gate: int  # [d_ff]
    up: int
    parts: int  # [heads, spans, head_dim + 2 and more]
    part: int  # bytes from span to span
    spans: int  # that there is room for
    meeting: int  # int64


class Own(NamedTuple):
    """Addresses of what a thread has for itself."""

    h: int  # [d_model]
    q: int  # [heads, head_dim]
    k: int
    mixed: int  # [heads · head_dim]
    turn: int  # [head_dim]: cosines, sines
    scores: int  # [SPAN]


class Cache(NamedTuple):
    """Where the keys and values of a sequence lie, in bytes."""

    keys: int
    values: int
    layer: int  # from layer to layer
    head: int  # from head to head
    tokens: int  # held before this one


@compiled
def _share(count, part, parts):
    """First and last of this thread's rows."""
    panels = (count + PANEL - 1) // PANEL
    return panels * part // parts * PANEL, panels * (part + 1) // parts * PANEL


@compiled
def _product(shape, w, rows, columns, ready, y, add, part, parts):
    """y = W x, or added to it."""
    if not add:
        first, last = _share(rows, part, parts)
        for i in range(4 * first, 4 * last, 64):
            put_floats(y + i, spread(ZERO))
    multiply(shape.layout, w, rows, columns, shape.group, ready, y, part, parts, shape.streams)


@compiled
def _keep(layout, source, size, at):
    """Write a row of numbers into the cache."""
    for i in range(0, size, 16):
        if layout == FLOAT32:
            put_floats(at + 4 * i, floats(source + 4 * i))
        else:
            put_bfloats(at + 2 * i, floats(source + 4 * i))


@compiled
def _attention(shape, shared, own, cache, layer, part, parts):
    """Queries of one token against all keys, its own among them; fills own.mixed."""
    size, each, layout = shape.head_dim, shape.heads // shape.kv_heads, shape.cache_layout
    scale = np.float32(1.0 / math.sqrt(size))
    rotate(shape.rope, shared.q, shape.heads, size, own.turn, scale, own.q)
    rotate(shape.rope, shared.k, shape.kv_heads, size, own.turn, np.float32(1.0), own.k)
    spans = (cache.tokens + SPAN) // SPAN  # of one token more
    keys, values = cache.keys + layer * cache.layer, cache.values + layer * cache.layer
    here = cache.tokens * size * (4 if layout == FLOAT32 else 2)
    for g in range(shape.kv_heads):  # every thread writes the same
        _keep(layout, own.k + 4 * g * size, size, keys + g * cache.head + here)
        _keep(layout, shared.v + 4 * g * size, size, values + g * cache.head + here)
    row = shared.part * shared.spans  # bytes of a head's parts
    for item in range(part, shape.kv_heads * spans, parts):
        g, span = item // spans, item % spans
        attend(
            layout, own.q + 4 * g * each * size, keys + g * cache.head, values + g * cache.head, each,
            size, cache.tokens + 1, span, shared.parts + g * each * row + span * shared.part, row,
            own.scores,
        )  # fmt: skip
    meet(shared.meeting, parts)
    for h in range(shape.heads):
        joined(shared.parts + h * row, shared.part, spans, size, own.mixed + 4 * h * size)


@compiled
def step(shape, weights, numbers, shared, own, ready, cache, token, logits, part, parts):
    """logits = the decoder's for `token`, after what `cache` holds; writes the token's keys and values.

    Thread `part` of `parts`; each calls it with the same arguments but `own` and `ready`.
    """
    d, wide, narrow = shape.d_model, shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    door, layout, group, h = shared.meeting, shape.layout, shape.group, own.h
    angles(cache.tokens, shape.head_dim, numbers.base, own.turn)
    if part == 0:
        read_row(layout, weights.table, token, d, group, numbers.scale, shared.x)
    meet(door, parts)
    for layer in range(shape.layers):
        w = weights.matrices + 8 * MATRICES * layer
        normed(shared.x, weights.norms + 2 * layer * weights.norm, d, numbers.eps, h)
        make_ready(layout, h, d, group, ready)
        for m in range(3):
            y, rows = (shared.q, wide) if m == Q else ((shared.k if m == K else shared.v), narrow)
            _product(shape, whole(w + 8 * m), rows, d, ready, y, False, part, parts)
        meet(door, parts)
        _attention(shape, shared, own, cache, layer, part, parts)
        make_ready(layout, own.mixed, wide, group, ready)
        _product(shape, whole(w + 8 * OUT), d, wide, ready, shared.x, True, part, parts)
        meet(door, parts)
        normed(shared.x, weights.norms + (2 * layer + 1) * weights.norm, d, numbers.eps, h)
        make_ready(layout, h, d, group, ready)
        for m in range(GATE, UP + 1):
            y = shared.gate if m == GATE else shared.up
            _product(shape, whole(w + 8 * m), shape.d_ff, d, ready, y, False, part, parts)
        first, last = _share(shape.d_ff, part, parts)
        gated(shape.activation, shared.gate, shared.up, first, last)
        meet(door, parts)
        make_ready(layout, shared.gate, shape.d_ff, group, ready)
        _product(shape, whole(w + 8 * DOWN), d, shape.d_ff, ready, shared.x, True, part, parts)
        meet(door, parts)
    normed(shared.x, weights.norms + 2 * shape.layers * weights.norm, d, numbers.eps, h)
    make_ready(layout, h, d, group, ready)
    _product(shape, weights.table, shape.vocabulary, d, ready, logits, False, part, parts)
