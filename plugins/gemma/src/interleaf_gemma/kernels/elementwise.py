"""What a decoder does number by number: norms, rotations, activations."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math

import numpy as np

from .instructions import compiled, internal
from .vectors import (
    exp2_whole,
    floats,
    fma,
    larger,
    nearest,
    put_floats,
    put_single,
    single,
    smaller,
    spread,
    total,
)

GELU, SILU = range(2)
HALVES, PAIRS = range(2)


@internal
def exp(x):
    """exp of sixteen float32, 2e-7 relative; below −87 and above 88 that of these ends."""
    x = smaller(larger(x, spread(np.float32(-87.0))), spread(np.float32(88.0)))
    n = nearest(x * spread(np.float32(1.4426950408889634)))
    r = fma(n, spread(np.float32(-0.693359375)), x)
    r = fma(n, spread(np.float32(2.12194440e-4)), r)
    p = fma(r, spread(np.float32(1.9875691500e-4)), spread(np.float32(1.3981999507e-3)))
    p = fma(p, r, spread(np.float32(8.3334519073e-3)))
    p = fma(p, r, spread(np.float32(4.1665795894e-2)))
    p = fma(p, r, spread(np.float32(1.6666665459e-1)))
    p = fma(p, r, spread(np.float32(5.0000001201e-1)))
    p = fma(p * r, r, r + spread(np.float32(1.0)))
    return p * exp2_whole(n)


@internal
def _gate(activation, g):
    # GELU by tanh: x / (1 + exp(−2 √(2/π) (x + 0.044715 x³)))
    if activation == GELU:
        cubed = fma(g * g * g, spread(np.float32(0.044715)), g)
        t = exp(cubed * spread(np.float32(-2.0 * math.sqrt(2.0 / math.pi))))
    else:
        t = exp(g * spread(np.float32(-1.0)))
    return g / (t + spread(np.float32(1.0)))


@compiled
def gated(activation, gate, up, first, last):
    """gate[i] = act(gate[i]) · up[i] for i in first … last − 1, whole sixteens."""
    for i in range(4 * first, 4 * last, 64):
        put_floats(gate + i, _gate(activation, floats(gate + i)) * floats(up + i))


@compiled
def normed(x, weight, size, eps, out):
    """out = x / √(mean(x²) + eps) · weight; what lies there is longer than size by zeros."""
    squares = spread(np.float32(0.0))
    for i in range(0, 4 * size, 64):
        v = floats(x + i)
        squares = fma(v, v, squares)
    factor = spread(np.float32(1.0 / math.sqrt(total(squares) / np.float32(size) + eps)))
    for i in range(0, 4 * size, 64):
        put_floats(out + i, floats(x + i) * factor * floats(weight + i))


@internal
def angles(position, head_dim, base, turn):
    """Cosines [head_dim/2] of position · base^(−2i/head_dim), then the sines, float32."""
    half = head_dim // 2
    for i in range(half):
        inverse = base ** np.float32(-2.0 * i / head_dim)
        angle = np.float64(np.float32(position) * np.float32(inverse))  # rounded as the model does
        put_single(turn + 4 * i, np.float32(math.cos(angle)))
        put_single(turn + 4 * (half + i), np.float32(math.sin(angle)))


@internal
def rotate(layout, x, heads, head_dim, turn, scale, out):
    """out = x with its positions, heads [heads, head_dim], times scale."""
    half = head_dim // 2
    for h in range(heads):
        for i in range(half):
            p = 4 * (h * head_dim + (i if layout == HALVES else 2 * i))
            q = p + 4 * (half if layout == HALVES else 1)
            a, b = single(x + p) * scale, single(x + q) * scale
            cos, sin = single(turn + 4 * i), single(turn + 4 * (half + i))
            put_single(out + p, a * cos - b * sin)
            put_single(out + q, b * cos + a * sin)
