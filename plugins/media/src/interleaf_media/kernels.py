"""The Gaussian window of SSIM, compiled: one pass over two planes, no plane in between is stored.

With s = x + y and d = x − y the five windowed means of SSIM become four, those of s, d, s² and d²:
2 μx μy = (μs² − μd²)/2, μx² + μy² = (μs² + μd²)/2, and likewise for variances and covariance.
s is counted from the planes' own mean, so that float32 keeps six digits.
"""

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz", "arcp"}
REACH = 10  # window of 11


@njit(fastmath=FAST, nogil=True, cache=True)
def _fill(x, y, middle, s, d, ss, dd):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        p, q = np.float32(x[j]), np.float32(y[j])
        u, v = p + q - middle, p - q
        s[j], d[j], ss[j], dd[j] = u, v, u * u, v * v


@njit(fastmath=FAST, nogil=True, cache=True)
def _scaled(a, w, out):  # type: ignore[no-untyped-def]
    for j in range(out.size):
        out[j] = w * a[j]


@njit(fastmath=FAST, nogil=True, cache=True)
def _add_pair(a, b, w, out):  # type: ignore[no-untyped-def]
    for j in range(out.size):
        out[j] += w * (a[j] + b[j])


@njit(fastmath=FAST, nogil=True, cache=True)
def _across(a, g, out):  # type: ignore[no-untyped-def]
    g0, g1, g2, g3, g4, g5 = g[0], g[1], g[2], g[3], g[4], g[5]
    for j in range(out.size):
        out[j] = (
            g0 * (a[j] + a[j + 10]) + g1 * (a[j + 1] + a[j + 9]) + g2 * (a[j + 2] + a[j + 8])
            + g3 * (a[j + 3] + a[j + 7]) + g4 * (a[j + 4] + a[j + 6]) + g5 * a[j + 5]
        )  # fmt: skip


@njit(fastmath=FAST, nogil=True, cache=True)
def _sums(mean_s, mean_d, square_s, square_d, middle, c1, c2):  # type: ignore[no-untyped-def]
    half, whole, contrast = np.float32(0.5), np.float32(0), np.float32(0)
    for j in range(mean_s.size):
        ms, md = mean_s[j], mean_d[j]
        vs, vd = square_s[j] - ms * ms, square_d[j] - md * md
        m = ms + middle
        cs = ((vs - vd) * half + c2) / ((vs + vd) * half + c2)
        light = ((m * m - md * md) * half + c1) / ((m * m + md * md) * half + c1)
        whole += light * cs
        contrast += cs
    return whole, contrast


@njit(nogil=True, cache=True)
def structure(x, y, middle, c1, c2, window):  # type: ignore[no-untyped-def]
    """Mean SSIM and mean contrast-structure term of two planes [H, W], where the window fits.

    ``middle`` is about the mean of x + y; ``window`` the 11 float32 weights, symmetric.
    """
    height, width = x.shape
    ring = np.empty((4, REACH + 1, width), np.float32)  # the last 11 rows of s, d, s², d²
    column, rows = np.empty(width, np.float32), np.empty((4, width - REACH), np.float32)
    whole = contrast = 0.0
    for i in range(height):
        r = i % 11
        _fill(x[i], y[i], middle, ring[0, r], ring[1, r], ring[2, r], ring[3, r])
        if i < REACH:
            continue
        for p in range(4):
            held = ring[p]
            _scaled(held[(r + 6) % 11], window[5], column)
            for k in range(5):
                _add_pair(held[(r + 1 + k) % 11], held[(r + 11 - k) % 11], window[k], column)
            _across(column, window, rows[p])
        w, c = _sums(rows[0], rows[1], rows[2], rows[3], middle, c1, c2)
        whole += w
        contrast += c
    count = (height - REACH) * (width - REACH)
    return whole / count, contrast / count


@njit(nogil=True, cache=True)
def squared_error(x, y):  # type: ignore[no-untyped-def]
    """Sum of squared differences of two flat integer arrays, exact."""
    total = np.int64(0)
    for i in range(x.size):
        d = np.int64(x[i]) - np.int64(y[i])
        total += d * d
    return total
