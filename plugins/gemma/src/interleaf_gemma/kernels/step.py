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
from .instructions import compiled, internal
from .meeting import meet
from .products import FLOAT32, PANEL, ZERO, make_ready, multiply, of_token, read_row
from .vectors import floats, put_bfloats, put_floats, spread, whole

MATRICES = 7
ROW = 4
ID, KEYS, VALUES, HELD = range(ROW)
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
    """Addresses of what the threads of a team write for each other; float32, and zeros after it.

    Each holds as much for every token as the widest needs: `wide` bytes.
    """

    x: int  # [tokens, d_model]
    q: int  # [tokens, heads · head_dim]
    k: int
    v: int
    gate: int  # [tokens, d_ff]
    up: int
    wide: int
    parts: int  # [tokens, heads, spans, head_dim + 2 and more]
    part: int  # bytes from span to span
    spans: int  # that there is room for
    meeting: int  # int64


class Own(NamedTuple):
    """Addresses of what a thread has for itself."""

    h: int  # [d_model]
    q: int  # [tokens, heads, head_dim], `wide` bytes a token
    k: int  # [kv_heads, head_dim]
    mixed: int  # [heads · head_dim]
    turn: int  # [tokens, head_dim]: cosines, sines
    scores: int  # [SPAN]


class Call(NamedTuple):
    """One token each of several sequences, and where their caches lie."""

    tokens: int  # how many
    rows: int  # address of int64 [tokens, ROW]: id, address of keys, of values, tokens held before
    layer: int  # bytes from layer to layer of a cache
    head: int  # from head to head


@internal
def _share(count, part, parts):
    """First and last of this thread's rows."""
    panels = (count + PANEL - 1) // PANEL
    return panels * part // parts * PANEL, panels * (part + 1) // parts * PANEL


@internal
def _product(shape, w, rows, columns, ready, y, wide, tokens, add, part, parts):
    """y = W x for every token, or added to it."""
    if not add:
        first, last = _share(rows, part, parts)
        for t in range(tokens):
            for i in range(4 * first, 4 * last, 64):
                put_floats(y + wide * t + i, spread(ZERO))
    streams = shape.streams
    multiply(
        shape.layout, w, rows, columns, shape.group, ready, y, wide, tokens, part, parts, streams
    )


@internal
def _norm_ready(shape, shared, norm, eps, own, ready, tokens):
    """Make the norm of every token's x ready to be multiplied."""
    for t in range(tokens):
        normed(shared.x + shared.wide * t, norm, shape.d_model, eps, own.h)
        make_ready(shape.layout, own.h, shape.d_model, shape.group, of_token(ready, t))


@internal
def _keep(layout, source, size, at):
    """Write a row of numbers into the cache."""
    for i in range(0, size, 16):
        if layout == FLOAT32:
            put_floats(at + 4 * i, floats(source + 4 * i))
        else:
            put_bfloats(at + 2 * i, floats(source + 4 * i))


@internal
def _remember(shape, shared, own, call, layer, t):
    """Rotate the queries of token t, and the keys, which go into its cache with the values.

    Every thread writes the same.
    """
    size, layout, row = shape.head_dim, shape.cache_layout, call.rows + 8 * ROW * t
    scale, turn = np.float32(1.0 / math.sqrt(size)), own.turn + 4 * size * t
    q, k = shared.q + shared.wide * t, shared.k + shared.wide * t
    rotate(shape.rope, q, shape.heads, size, turn, scale, own.q + shared.wide * t)
    rotate(shape.rope, k, shape.kv_heads, size, turn, np.float32(1.0), own.k)
    here = layer * call.layer + whole(row + 8 * HELD) * size * (4 if layout == FLOAT32 else 2)
    for g in range(shape.kv_heads):
        to, v = here + g * call.head, shared.v + shared.wide * t + 4 * g * size
        _keep(layout, own.k + 4 * g * size, size, whole(row + 8 * KEYS) + to)
        _keep(layout, v, size, whole(row + 8 * VALUES) + to)


@internal
def _attention(shape, shared, own, ready, call, layer, part, parts):
    """Queries of each token against all keys of its sequence; makes ready what they mix."""
    size, each, layout = shape.head_dim, shape.heads // shape.kv_heads, shape.cache_layout
    head = shared.part * shared.spans  # bytes of a head's parts
    item = 0
    for t in range(call.tokens):
        _remember(shape, shared, own, call, layer, t)
        row, results = call.rows + 8 * ROW * t, shared.parts + head * shape.heads * t
        count = whole(row + 8 * HELD) + 1
        for g in range(shape.kv_heads):
            q, there = (
                own.q + shared.wide * t + 4 * g * each * size,
                layer * call.layer + g * call.head,
            )
            keys, values = whole(row + 8 * KEYS) + there, whole(row + 8 * VALUES) + there
            for span in range((count + SPAN - 1) // SPAN):
                if item % parts == part:
                    to = results + g * each * head + span * shared.part
                    attend(layout, q, keys, values, each, size, count, span, to, head, own.scores)
                item += 1
    meet(shared.meeting, parts)
    for t in range(call.tokens):
        spans = (whole(call.rows + 8 * (ROW * t + HELD)) + SPAN) // SPAN
        results = shared.parts + head * shape.heads * t
        for h in range(shape.heads):
            joined(results + h * head, shared.part, spans, size, own.mixed + 4 * h * size)
        columns = shape.heads * size
        make_ready(shape.layout, own.mixed, columns, shape.group, of_token(ready, t))


@internal
def _begin(shape, weights, numbers, shared, own, call, part):
    for t in range(call.tokens):
        row, turn = call.rows + 8 * ROW * t, own.turn + 4 * shape.head_dim * t
        angles(whole(row + 8 * HELD), shape.head_dim, numbers.base, turn)
        if part == 0:
            to = shared.x + shared.wide * t
            token, d = whole(row + 8 * ID), shape.d_model
            read_row(shape.layout, weights.table, token, d, shape.group, numbers.scale, to)


@compiled
def step(shape, weights, numbers, shared, own, ready, call, logits, far, part, parts):
    """logits = the decoder's for the tokens of `call`; writes their keys and values.

    far: bytes from one token's logits to the next's. Thread `part` of `parts`; each calls it with the same
    arguments but `own` and `ready`.
    """
    d, queries, narrow = (
        shape.d_model,
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
    )
    door, n, far_in = shared.meeting, call.tokens, shared.wide
    _begin(shape, weights, numbers, shared, own, call, part)
    meet(door, parts)
    for layer in range(shape.layers):
        w, norm = weights.matrices + 8 * MATRICES * layer, weights.norms + 2 * layer * weights.norm
        for m in range(MATRICES):
            rows, columns, y, add = d, queries, shared.x, 1
            if m < OUT:
                rows, columns, add = queries if m == Q else narrow, d, 0
                y = shared.q if m == Q else (shared.k if m == K else shared.v)
            elif m in (GATE, UP):
                rows, columns, y, add = (
                    shape.d_ff,
                    d,
                    shared.gate if m == GATE else shared.up,
                    0,
                )
            elif m == DOWN:
                columns = shape.d_ff
            if m in (Q, GATE):
                at = norm if m == Q else norm + weights.norm
                _norm_ready(shape, shared, at, numbers.eps, own, ready, n)
            elif m == OUT:
                _attention(shape, shared, own, ready, call, layer, part, parts)
            elif m == DOWN:
                for t in range(n):
                    gate, v = shared.gate + far_in * t, of_token(ready, t)
                    make_ready(shape.layout, gate, columns, shape.group, v)
            _product(shape, whole(w + 8 * m), rows, columns, ready, y, far_in, n, add, part, parts)
            if m == UP:
                first, last = _share(rows, part, parts)
                for t in range(n):
                    gated(
                        shape.activation,
                        shared.gate + far_in * t,
                        shared.up + far_in * t,
                        first,
                        last,
                    )
            if m in (V, OUT, UP, DOWN):
                meet(door, parts)
    _norm_ready(
        shape, shared, weights.norms + 2 * shape.layers * weights.norm, numbers.eps, own, ready, n
    )
    _product(shape, weights.table, shape.vocabulary, d, ready, logits, far, n, 0, part, parts)
