"""The Gaussian window of SSIM, compiled: one pass over two pictures, no plane in between is stored.

With s = x + y and d = x − y the five windowed means of SSIM become four, those of s, d, s² and d²:
2 μx μy = (μs² − μd²)/2, μx² + μy² = (μs² + μd²)/2, and likewise for variances and covariance.
s is counted from the pictures' own mean, so that float32 keeps six digits. Channels stay interleaved: a
neighbour to the right is then ``step`` samples away, and every loop runs over whole rows.
"""

import numpy as np
from numba import njit

FAST = {"contract", "reassoc", "nsz", "arcp"}
REACH = 10  # window of 11
STRIP = 480  # columns at a time, so that eleven rows of four planes stay in the cache


@njit(fastmath=FAST, nogil=True, cache=True)
def _fill(x, y, middle, s, d, ss, dd):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        s[j], d[j] = x[j], y[j]
    for j in range(x.size):
        u, v = s[j] + d[j] - middle[j], s[j] - d[j]
        s[j], d[j], ss[j], dd[j] = u, v, u * u, v * v


@njit(fastmath=FAST, nogil=True, cache=True)
def _weighted(a, g, out):  # type: ignore[no-untyped-def]
    """out = the window over eleven rows; slices taken before the loop let it be vectorised."""
    a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = a
    g0, g1, g2, g3, g4, g5 = g[0], g[1], g[2], g[3], g[4], g[5]
    for j in range(out.size):
        out[j] = (
            g0 * (a0[j] + a10[j]) + g1 * (a1[j] + a9[j]) + g2 * (a2[j] + a8[j])
            + g3 * (a3[j] + a7[j]) + g4 * (a4[j] + a6[j]) + g5 * a5[j]
        )  # fmt: skip


@njit(nogil=True, cache=True)
def _down(h, r, g, out):  # type: ignore[no-untyped-def]
    """The window over the rows of a ring whose newest is r."""
    rows = (
        h[(r + 1) % 11], h[(r + 2) % 11], h[(r + 3) % 11], h[(r + 4) % 11], h[(r + 5) % 11],
        h[(r + 6) % 11], h[(r + 7) % 11], h[(r + 8) % 11], h[(r + 9) % 11], h[(r + 10) % 11], h[r],
    )  # fmt: skip
    _weighted(rows, g, out)


@njit(nogil=True, cache=True)
def _across(a, step, g, out):  # type: ignore[no-untyped-def]
    """The window over eleven neighbours in a row."""
    shifted = (
        a[: out.size], a[step:], a[2 * step :], a[3 * step :], a[4 * step :], a[5 * step :],
        a[6 * step :], a[7 * step :], a[8 * step :], a[9 * step :], a[10 * step :],
    )  # fmt: skip
    _weighted(shifted, g, out)


@njit(fastmath=FAST, nogil=True, cache=True)
def _sums(mean_s, mean_d, square_s, square_d, middle, c1, c2):  # type: ignore[no-untyped-def]
    """Sums of both terms, and of how far μd² is above what it is compared with: the more, the fewer digits
    are left of the variance of d."""
    half, whole, contrast, risk = np.float32(0.5), np.float32(0), np.float32(0), np.float32(0)
    for j in range(mean_s.size):
        ms, md = mean_s[j], mean_d[j]
        vs, vd = square_s[j] - ms * ms, square_d[j] - md * md
        m, scale = ms + middle[j], 1 / ((vs + vd) * half + c2)
        cs = ((vs - vd) * half + c2) * scale
        light = ((m * m - md * md) * half + c1) / ((m * m + md * md) * half + c1)
        whole += light * cs
        contrast += cs
        risk += md * md * scale
    return whole, contrast, risk


@njit(nogil=True, cache=True)
def _strip(x, y, step, middle, c1, c2, window):  # type: ignore[no-untyped-def]
    """Sums of the terms over the places in x, y [H, W·C] where the window fits."""
    (height, width), kind = x.shape, window.dtype
    ring = np.empty((4, REACH + 1, width), kind)  # the last 11 rows of s, d, s², d²
    column, rows = np.empty(width, kind), np.empty((4, width - REACH * step), kind)
    whole = contrast = risk = 0.0
    for i in range(height):
        r = i % 11
        _fill(x[i], y[i], middle, ring[0, r], ring[1, r], ring[2, r], ring[3, r])
        if i < REACH:
            continue
        for p in range(4):
            _down(ring[p], r, window, column)
            _across(column, step, window, rows[p])
        w, c, r = _sums(rows[0], rows[1], rows[2], rows[3], middle, c1, c2)
        whole += w
        contrast += c
        risk += r
    return whole, contrast, risk


@njit(nogil=True, cache=True)
def structure(x, y, step, middle, c1, c2, window):  # type: ignore[no-untyped-def]
    """Mean SSIM, contrast-structure term and risk (see `_sums`) of two pictures [H, W·C] with C = ``step``
    interleaved channels, where the window fits.

    ``middle`` [STRIP·C + 10·C] is about the mean of x + y, channel after channel; ``window`` the 11 weights,
    symmetric, in the precision to compute with, as c1 and c2 are.
    """
    height, width = x.shape
    columns = width // step - REACH
    whole = contrast = risk = 0.0
    for first in range(0, columns, STRIP):
        last = min(first + STRIP, columns) + REACH
        part = slice(first * step, last * step)
        w, c, r = _strip(x[:, part], y[:, part], step, middle, c1, c2, window)
        whole += w
        contrast += c
        risk += r
    count = (height - REACH) * columns * step
    return whole / count, contrast / count, risk / count


@njit(nogil=True, cache=True)
def squared_error(x, y):  # type: ignore[no-untyped-def]
    """Sum of squared differences of two flat integer arrays, exact."""
    total = np.int64(0)
    for i in range(x.size):
        d = np.int64(x[i]) - np.int64(y[i])
        total += d * d
    return total
