"""Compiled sums over Gaussians and their gradients; several threads share one call without locks.

Forward, a thread owns a band of rows and walks all Gaussians; backward, a thread owns a range of
Gaussians and reads the whole gradient image. Neither needs sorting, tiles or atomics, and what is
added to a number comes in an order that does not depend on how many threads there are.

A canvas is a flat array of rows of channels: pixel (x, y) of channel ch lies at
`(y * C + ch) * stride + x`, stride = W + 16; the 16 spare columns take lanes beyond the right edge.

A Gaussian is prepared as `Geometry` columns. With z = L^-1 (p - mu) and r = z / sqrt(2),
sigma = r1^2 + r2^2 where r1 = dx * i1 and r2 = dy * i3 - dx * k.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math
from functools import lru_cache

import numba
import numpy as np
from numba import types
from numba.extending import overload

from .lanes import WIDTH, Lanes, fma, load, ramp, spread, store, total, where_at_most
from .splats import CUTOFF, SMALLEST

# Columns of a prepared Gaussian: centre, reach in rows (-1: not drawn), reach in columns at the
# centre row, shift of the middle per row, 1 / reach^2 in rows, and i1, i3, k as above.
MX, MY, ROWS, COLUMNS, SHIFT, CURVE, I1, I3, K = range(9)
GEOMETRY = 9

MARGIN = 0.01  # px: spans are widened by this, so that sigma <= CUTOFF alone decides
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


def _exp_minus(t):
    """exp(-t) for 0 <= t <= CUTOFF; kernels only."""
    raise NotImplementedError("exists in compiled code only")


@overload(_exp_minus)
def _overload_exp_minus(t):
    if isinstance(t, Lanes) and t.dtype == types.float32:
        return _exp_minus_single
    return _exp_minus_double if isinstance(t, Lanes) else None


def _exp_minus_single(t):
    # p(t)^8 with p the Chebyshev interpolant of exp(-t / 8) on [0, CUTOFF]: 8e-7 relative error
    p = fma(
        spread(np.float32(-1.8043632530338113e-07)), t, spread(np.float32(9.737961979833845e-06))
    )
    p = fma(p, t, spread(np.float32(-3.2430389353265294e-04)))
    p = fma(p, t, spread(np.float32(7.810938153164468e-03)))
    p = fma(p, t, spread(np.float32(-0.12499926113542914)))
    p = fma(p, t, spread(np.float32(0.9999999430247504)))
    p = p * p
    p = p * p
    return p * p


def _exp_minus_double(t):
    # p(t / 64)^64 with p the Taylor polynomial of degree 9: 2e-14 relative error
    t = t * spread(-1.0 / 64.0)
    p = fma(t, spread(1.0 / 362880.0), spread(1.0 / 40320.0))
    p = fma(p, t, spread(1.0 / 5040.0))
    p = fma(p, t, spread(1.0 / 720.0))
    p = fma(p, t, spread(1.0 / 120.0))
    p = fma(p, t, spread(1.0 / 24.0))
    p = fma(p, t, spread(1.0 / 6.0))
    p = fma(p, t, spread(0.5))
    p = fma(p, t, spread(1.0))
    p = fma(p, t, spread(1.0))
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


@compiled
def prepare(mu, chol, color, geometry, first, last):
    """Fill geometry [N, GEOMETRY] for Gaussians first..last-1."""
    for n in range(first, last):
        l1, l2, l3 = np.float64(chol[n, 0]), np.float64(chol[n, 1]), np.float64(chol[n, 2])
        known = l1 + l2 + l3 + mu[n, 0] + mu[n, 1]
        for ch in range(color.shape[1]):
            known += color[n, ch]
        geometry[n, ROWS] = -1.0
        if math.isfinite(known) and abs(l1) >= SMALLEST and abs(l3) >= SMALLEST:
            syy = l2 * l2 + l3 * l3
            geometry[n, MX], geometry[n, MY] = mu[n, 0], mu[n, 1]
            geometry[n, ROWS] = math.sqrt(2.0 * CUTOFF * syy)
            geometry[n, COLUMNS] = abs(l1) * math.sqrt(2.0 * CUTOFF * (l3 * l3 / syy))
            geometry[n, SHIFT] = l1 * l2 / syy
            geometry[n, CURVE] = 1.0 / (2.0 * CUTOFF * syy)
            geometry[n, I1] = math.sqrt(0.5) / l1
            geometry[n, I3] = math.sqrt(0.5) / l3
            geometry[n, K] = math.sqrt(0.5) / l3 * (l2 / l1)


@compiled
def spans(geometry, n, top, bottom, low, high, lefts, rights):
    """First and last column of Gaussian n in rows top..bottom, within low..high (floats)."""
    real = geometry.dtype.type
    mx, my, shift = geometry[n, MX], geometry[n, MY], geometry[n, SHIFT]
    curve, columns = geometry[n, CURVE], geometry[n, COLUMNS]
    for y in range(top, bottom + 1):
        dy = real(y) - my
        left_over = max(real(1.0) - dy * dy * curve, real(0.0))
        half = columns * math.sqrt(left_over) + real(MARGIN)
        middle = mx + shift * dy
        lefts[y - top] = math.ceil(max(middle - half, low))
        rights[y - top] = math.floor(min(middle + half, high))


@compiled
def rows(geometry, n, low, high):
    """First and last row that Gaussian n touches, within low..high; the last before the first if none."""
    reach, my = geometry[n, ROWS] + MARGIN, geometry[n, MY]
    if not (reach > MARGIN and my + reach >= low and my - reach <= high):
        return np.int64(1), np.int64(0)
    return np.int64(math.ceil(max(my - reach, low))), np.int64(math.floor(min(my + reach, high)))


@lru_cache
def add_rows(channels):
    """The compiled forward kernel for that many channels (a constant of its inner loop)."""

    @compiled
    def kernel(geometry, color, canvas, stride, first, last, x0, y0, width):
        """Add every Gaussian (eq. 7) to rows first..last-1 of a canvas whose pixel (0, 0) is (x0, y0)."""
        real = geometry.dtype.type
        low, high = real(x0), real(x0 + width - 1)
        lefts, rights = np.empty(last - first, np.int32), np.empty(last - first, np.int32)
        for n in range(len(geometry)):
            top, bottom = rows(geometry, n, y0 + first, y0 + last - 1)
            if top > bottom:
                continue
            mx, i1, k = spread(geometry[n, MX]), spread(geometry[n, I1]), spread(-geometry[n, K])
            c0 = spread(color[n, 0])
            c1 = spread(color[n, min(1, channels - 1)])
            c2 = spread(color[n, min(2, channels - 1)])
            c3 = spread(color[n, min(3, channels - 1)])
            spans(geometry, n, top, bottom, low, high, lefts, rights)
            for y in range(top, bottom + 1):
                dy = real(y) - geometry[n, MY]
                left, right = np.int64(lefts[y - top]), np.int64(rights[y - top])
                r2_row = spread(dy * geometry[n, I3])
                row = (y - y0) * channels * stride - x0
                for x in range(left, right + 1, WIDTH):
                    dx = ramp(real(x)) - mx
                    r1, r2 = dx * i1, fma(dx, k, r2_row)
                    sigma = fma(r2, r2, r1 * r1)
                    w = where_at_most(sigma, real(CUTOFF), _exp_minus(sigma))
                    at = row + x
                    store(canvas, at, fma(w, c0, load(canvas, at)))
                    if channels > 1:
                        at += stride
                        store(canvas, at, fma(w, c1, load(canvas, at)))
                    if channels > 2:
                        at += stride
                        store(canvas, at, fma(w, c2, load(canvas, at)))
                    if channels > 3:
                        at += stride
                        store(canvas, at, fma(w, c3, load(canvas, at)))

    return kernel


@lru_cache
def moments(channels):
    """The compiled backward kernel for that many channels (a constant of its inner loop)."""

    @compiled
    def kernel(geometry, color, canvas, stride, height, width, out, first, last):
        """out[n] = sum_p (s z1, s z2, s z1^2, s z1 z2, s z2^2, w g...) for Gaussians first..last-1.

        canvas holds g = dLoss/dC and zeros in its spare columns; w = exp(-sigma), s = w (g . c).
        """
        real = geometry.dtype.type
        nothing, low, high = spread(real(0.0)), real(0.0), real(width - 1)
        one, two = real(math.sqrt(2.0)), real(2.0)  # z = sqrt(2) r
        lefts, rights = np.empty(height, np.int32), np.empty(height, np.int32)
        for n in range(first, last):
            s1 = s2 = s11 = s12 = s22 = d0 = d1 = d2 = d3 = nothing
            mx, i1, k = spread(geometry[n, MX]), spread(geometry[n, I1]), spread(-geometry[n, K])
            c0 = spread(color[n, 0])
            c1 = spread(color[n, min(1, channels - 1)])
            c2 = spread(color[n, min(2, channels - 1)])
            c3 = spread(color[n, min(3, channels - 1)])
            top, bottom = rows(geometry, n, 0, height - 1)
            spans(geometry, n, top, bottom, low, high, lefts, rights)
            for y in range(top, bottom + 1):
                dy = real(y) - geometry[n, MY]
                left, right = np.int64(lefts[y - top]), np.int64(rights[y - top])
                r2_row = spread(dy * geometry[n, I3])
                row = y * channels * stride
                for x in range(left, right + 1, WIDTH):
                    dx = ramp(real(x)) - mx
                    r1, r2 = dx * i1, fma(dx, k, r2_row)
                    sigma = fma(r2, r2, r1 * r1)
                    w = where_at_most(sigma, real(CUTOFF), _exp_minus(sigma))
                    at = row + x
                    g = load(canvas, at)
                    d0, s = fma(w, g, d0), g * c0
                    if channels > 1:
                        g = load(canvas, at + stride)
                        d1, s = fma(w, g, d1), fma(g, c1, s)
                    if channels > 2:
                        g = load(canvas, at + 2 * stride)
                        d2, s = fma(w, g, d2), fma(g, c2, s)
                    if channels > 3:
                        g = load(canvas, at + 3 * stride)
                        d3, s = fma(w, g, d3), fma(g, c3, s)
                    s = s * w
                    t1, t2 = s * r1, s * r2
                    s1, s2 = s1 + t1, s2 + t2
                    s11, s12, s22 = fma(t1, r1, s11), fma(t1, r2, s12), fma(t2, r2, s22)
            out[n, 0], out[n, 1] = one * total(s1), one * total(s2)
            out[n, 2], out[n, 3], out[n, 4] = two * total(s11), two * total(s12), two * total(s22)
            out[n, 5] = total(d0)
            if channels > 1:
                out[n, 6] = total(d1)
            if channels > 2:
                out[n, 7] = total(d2)
            if channels > 3:
                out[n, 8] = total(d3)

    return kernel


@compiled
def begin(canvas, target, first, last):
    """canvas[first:last] = -target[first:last], so that adding the Gaussians leaves the residual."""
    for i in range(first, last):
        canvas[i] = -target[i]


@compiled
def clear_spare(canvas, stride, width, first, last):
    """Zero the spare columns of plane rows first..last-1, as `moments` expects."""
    for row in range(first, last):
        for x in range(row * stride + width, row * stride + stride):
            canvas[x] = 0.0
