"""The sum over Gaussians for decoding: 16 columns at a time, down the rows, without an exponential.

    w(x, y + 1) = w(x, y) q(x, y),   q(x, y + 1) = q(x, y) r,   r = exp(-2 i3^2)

because sigma is a parabola in y. Errors grow with the square of the rows since w and q were last computed, so
they are computed anew at rows that are multiples of `run_of` (16 at most: 1e-5): what a pixel gets does not
depend on which part of the picture is drawn. `kernels` computes every weight by itself and is what fits use.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math
from functools import lru_cache

import numpy as np

from .kernels import I1, I3, MARGIN, MX, MY, ROWS, SHIFT, K, compiled
from .lanes import WIDTH, clip, exp2, fma, load, ramp, spread, store, store_rgb, where_at_least
from .splats import CUTOFF

LOG2E = math.log2(math.e)
LONGEST = 16  # rows between exact values
STEPS = 6.0  # r2 may change by so much between them, so that no weight that is drawn begins as 0
LEAST = math.exp(-CUTOFF)


@compiled
def run_of(i3):
    """Rows between exact values: a power of two, at most `LONGEST`, with run |i3| <= `STEPS`."""
    run = LONGEST
    while run > 1 and run * abs(i3) > STEPS:
        run >>= 1
    return run


@compiled
def reach(geometry, n, x, low, high):
    """First and last row, within low..high, that Gaussian n touches in columns x..x+15."""
    real = geometry.dtype.type
    i1, i3, k = geometry[n, I1], geometry[n, I3], geometry[n, K]
    cut, nothing = real(CUTOFF), real(0.0)
    widest, l3 = math.sqrt(cut) / abs(i1), real(1.0) / i3
    x = real(x)
    a, b = max(x - geometry[n, MX], -widest), min(x + real(WIDTH - 1) - geometry[n, MX], widest)
    outermost = (
        geometry[n, SHIFT] * geometry[n, ROWS]
    )  # dx of the lowest point; minus that of the highest
    up, down = min(max(-outermost, a), b), min(max(outermost, a), b)
    rise = math.sqrt(max(cut - (up * i1) * (up * i1), nothing)) * abs(l3)
    fall = math.sqrt(max(cut - (down * i1) * (down * i1), nothing)) * abs(l3)
    top = geometry[n, MY] + up * k * l3 - rise - real(MARGIN)
    bottom = geometry[n, MY] + down * k * l3 + fall + real(MARGIN)
    # held within once more as integers: what is no number becomes an integer below all others
    first = max(np.int64(math.ceil(max(top, low))), np.int64(low))
    return first, min(np.int64(math.floor(min(bottom, high))), np.int64(high))


@lru_cache
def add_strips(channels):
    """The compiled kernel for that many channels (a constant of its inner loop); as `kernels.add_rows`."""

    @compiled
    def kernel(geometry, color, canvas, stride, first, last, x0, y0, width):
        """Add every Gaussian (eq. 7) to rows first..last-1 of a canvas whose pixel (0, 0) is (x0, y0)."""
        real = geometry.dtype.type
        log2e, least, margin = real(LOG2E), real(LEAST), real(MARGIN)
        step = channels * stride
        for n in range(len(geometry)):
            i1, i3, k = geometry[n, I1], geometry[n, I3], geometry[n, K]
            far = geometry[n, ROWS] + margin
            low, high = real(y0 + first), real(y0 + last - 1)
            if not (
                far > margin and geometry[n, MY] + far >= low and geometry[n, MY] - far <= high
            ):
                continue
            widest = math.sqrt(real(CUTOFF)) / abs(i1) + margin
            mx = geometry[n, MX]
            left = max(np.int64(math.ceil(max(mx - widest, real(x0)))) - x0, 0)
            left = x0 + (left & -WIDTH)  # so that what was stored is loaded whole
            right = min(
                np.int64(math.floor(min(mx + widest, real(x0 + width - 1)))), x0 + width - 1
            )
            run = run_of(i3)
            r = exp2(spread(real(-2.0) * i3 * i3 * log2e))
            c0 = spread(color[n, 0])
            c1 = spread(color[n, min(1, channels - 1)])
            c2 = spread(color[n, min(2, channels - 1)])
            c3 = spread(color[n, min(3, channels - 1)])
            for x in range(left, right + 1, WIDTH):
                top, bottom = reach(geometry, n, x, low, high)
                dx = ramp(real(x)) - spread(mx)
                r1, tilt = dx * spread(i1), dx * spread(-k)
                for begin in range(top & -run, bottom + 1, run):
                    dy = real(begin) - geometry[n, MY]
                    r2 = tilt + spread(dy * i3)
                    sigma = fma(r2, r2, r1 * r1)
                    w = exp2(sigma * spread(-log2e))
                    q = exp2(fma(r2, spread(real(2.0) * i3), spread(i3 * i3)) * spread(-log2e))
                    for _ in range(begin, top):
                        w, q = w * q, q * r
                    start = max(begin, top)
                    at = (start - y0) * step + x - x0
                    for _ in range(start, min(begin + run, bottom + 1)):
                        shown = where_at_least(w, least)
                        w, q = w * q, q * r
                        store(canvas, at, fma(shown, c0, load(canvas, at)))
                        if channels > 1:
                            store(canvas, at + stride, fma(shown, c1, load(canvas, at + stride)))
                        if channels > 2:
                            here = at + 2 * stride
                            store(canvas, here, fma(shown, c2, load(canvas, here)))
                        if channels > 3:
                            here = at + 3 * stride
                            store(canvas, here, fma(shown, c3, load(canvas, here)))
                        at += step

    return kernel


@compiled
def to_bytes(canvas, stride, out, first, last, y0):
    """Rows first..last-1 of a canvas of three channels, rounded, into the bytes out[y0 + row] [H, W, 3]."""
    width = out.shape[1]
    flat = out.reshape(-1)
    half, nothing, top = spread(np.float32(0.5)), np.float32(0.0), np.float32(255.0)
    for y in range(first, last):
        row, to = y * 3 * stride, (y0 + y) * width * 3
        whole = width - width % WIDTH
        for x in range(0, whole, WIDTH):
            at = row + x
            red = clip(load(canvas, at) + half, nothing, top)
            green = clip(load(canvas, at + stride) + half, nothing, top)
            blue = clip(load(canvas, at + 2 * stride) + half, nothing, top)
            store_rgb(flat, to + 3 * x, red, green, blue)
        for x in range(whole, width):
            for c in range(3):
                value = canvas[row + c * stride + x] + np.float32(0.5)
                flat[to + 3 * x + c] = np.int32(min(max(value, nothing), top))
