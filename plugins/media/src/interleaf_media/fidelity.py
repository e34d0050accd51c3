"""PSNR, SSIM and MS-SSIM by the conventions of scikit-image and pytorch-msssim.

Pictures are [H, W, C] arrays of uint8 or uint16; L is the largest sample (255 or 65535).
SSIM: Wang, Bovik, Sheikh, Simoncelli 2004. MS-SSIM: Wang, Simoncelli, Bovik 2003.
Compiled where numba is installed (the extra ``fast``), matrix products of NumPy otherwise.
"""

import importlib.util
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
Planes = NDArray[Any]

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST_MS_SSIM = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1  # 161: the window fits 5 times
BLOCK = 16  # outputs of one matrix product; larger blocks multiply more zeros
TILE = (64, 256)
TRUSTED = 2.0  # mean of μd² over the variances up to which float32 keeps SSIM to 3e-7
LUMA = np.array([65.481, 128.553, 24.966]) / 219.0  # BT.601

COMPILED = importlib.util.find_spec("numba") is not None


def peak(picture: Samples) -> float:
    """L, the largest value of the sample type."""
    return float(np.iinfo(picture.dtype).max)


def squared_error(a: Samples, b: Samples) -> float:
    """The sum of squared differences over all samples, exact."""
    if COMPILED:
        from interleaf_media.kernels import squared_error as compiled

        return float(compiled(np.ascontiguousarray(a).ravel(), np.ascontiguousarray(b).ravel()))
    difference = np.subtract(a, b, dtype=np.int32)
    return float(np.sum(np.multiply(difference, difference, dtype=np.int64)))


def mse(a: Samples, b: Samples) -> float:
    """Mean squared difference over all samples."""
    return squared_error(a, b) / a.size


def psnr(a: Samples, b: Samples) -> float:
    """10 log10(L^2 / MSE) over all samples, in dB; infinity for equal pictures."""
    error = mse(a, b)
    return math.inf if error == 0 else float(10.0 * np.log10(peak(a) ** 2 / error))


def ssim(a: Samples, b: Samples) -> float:
    """Mean SSIM where the window fits, over all channels; sides must be at least `WINDOW`."""
    top = peak(a)
    if COMPILED:
        return _compiled(a, b, top)[0]
    return float(np.mean([_structure(x, y, top)[0] for x, y in _channels(a, b)]))


def ssim_luma(a: Samples, b: Samples) -> float:
    """SSIM of BT.601 luma, rounded to whole samples."""
    return ssim(luma(a), luma(b))


def luma(picture: Samples) -> Samples:
    """Luma [H, W, 1] at full range; a grey picture is its own."""
    if picture.shape[2] < 3:
        return picture[..., :1]
    whole = np.floor(picture[..., :3] @ LUMA + 0.5)
    return np.minimum(whole, peak(picture)).astype(picture.dtype)[..., None]


def ms_ssim(a: Samples, b: Samples) -> float:
    """Five-scale SSIM, negative terms clipped at 0; sides must be at least `SMALLEST_MS_SSIM`."""
    top = peak(a)
    return float(np.mean([_scales(x, y, top) for x, y in _channels(a, b)]))


def _scales(x: Planes, y: Planes, top: float) -> float:
    product, last = 1.0, len(SCALE_WEIGHTS) - 1
    for scale, weight in enumerate(SCALE_WEIGHTS):
        whole, contrast = _structure(x, y, top)
        product *= max(whole if scale == last else contrast, 0.0) ** weight
        if scale < last:
            x, y = _halved(x), _halved(y)
    return product


def ssim_map(a: Samples, b: Samples) -> Planes:
    """SSIM at every place of the window, [H − 10, W − 10], the mean over channels."""
    top, edge = peak(a), WINDOW - 1
    out = np.zeros((a.shape[0] - edge, a.shape[1] - edge), np.float32)
    for x, y in _channels(a, b):
        for rows, cols, tile in _tiles(x, y):
            out[rows, cols] += _maps(*tile, top)[0]
    return out / a.shape[2]


def _channels(a: Samples, b: Samples) -> list[tuple[Planes, Planes]]:
    return [
        (np.ascontiguousarray(a[..., c]), np.ascontiguousarray(b[..., c]))
        for c in range(a.shape[2])
    ]


@cache
def _window() -> Planes:
    x = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (x / SIGMA) ** 2)
    return np.asarray(weights / weights.sum())


def _structure(x: Planes, y: Planes, top: float) -> tuple[float, float]:
    """Mean SSIM and mean contrast-structure term of two planes."""
    if not COMPILED:
        sums = np.sum(
            [[np.sum(m, dtype=np.float64) for m in _maps(*t, top)] for *_, t in _tiles(x, y)],
            axis=0,
        )
        whole, contrast = sums / ((x.shape[0] - WINDOW + 1) * (x.shape[1] - WINDOW + 1))
        return float(whole), float(contrast)
    return _compiled(x[..., None], y[..., None], top)


def _compiled(a: Samples, b: Samples, top: float) -> tuple[float, float]:
    """The same of pictures [H, W, C], over all channels."""
    from interleaf_media.kernels import REACH, STRIP, structure

    height, _, channels = a.shape
    x, y = (np.ascontiguousarray(p).reshape(height, -1) for p in (a, b))
    means = np.round(a[::7, ::7].mean((0, 1)) + b[::7, ::7].mean((0, 1)))
    for kind in (np.float32, np.float64):
        whole, contrast, risk = structure(
            x, y, channels, np.tile(means.astype(kind), STRIP + REACH), kind((K1 * top) ** 2),
            kind((K2 * top) ** 2), _window().astype(kind),
        )  # fmt: skip
        if risk <= TRUSTED:
            break
    return float(whole), float(contrast)


def _tiles(x: Planes, y: Planes) -> Iterator[tuple[slice, slice, tuple[Planes, Planes]]]:
    """Parts of two planes that stay in the cache, with the window's margin; where their maps go."""
    height, width = x.shape[0] - WINDOW + 1, x.shape[1] - WINDOW + 1
    for i in range(0, height, TILE[0]):
        for j in range(0, width, TILE[1]):
            rows, cols = slice(i, min(i + TILE[0], height)), slice(j, min(j + TILE[1], width))
            part = slice(i, rows.stop + WINDOW - 1), slice(j, cols.stop + WINDOW - 1)
            yield rows, cols, (x[part], y[part])


def _maps(x: Planes, y: Planes, top: float, kind: type = np.float32) -> tuple[Planes, Planes]:
    """SSIM and its contrast-structure term at every place of the window.

    From s = x + y and d = x − y: 2 μx μy = (μs² − μd²)/2, μx² + μy² = (μs² + μd²)/2, and likewise for
    variances and covariance. s is counted from its mean, so that float32 keeps six digits; where d is
    large beside the variances it does not, and float64 takes over.
    """
    c1, c2 = kind(2 * (K1 * top) ** 2), kind(2 * (K2 * top) ** 2)
    four = np.empty((4, *x.shape), kind)
    np.add(x, y, out=four[0], dtype=kind)
    middle = kind(round(float(four[0].mean())))
    four[0] -= middle
    np.subtract(x, y, out=four[1], dtype=kind)
    np.multiply(four[:2], four[:2], out=four[2:])
    ms, md, vs, vd = _smooth(four)
    vs -= ms * ms
    md2 = md * md
    vd -= md2
    below = vs + vd + c2
    if kind is np.float32 and float(np.mean(md2 / below)) > TRUSTED / 2:
        return _maps(x, y, top, np.float64)
    contrast = (vs - vd + c2) / below
    ms += middle
    ms *= ms
    return (ms - md2 + c1) / (ms + md2 + c1) * contrast, contrast


@cache
def _band(kind: type) -> Planes:
    """[BLOCK + 10, BLOCK]: each column the window, one row lower than the last."""
    band: Planes = np.zeros((BLOCK + WINDOW - 1, BLOCK), kind)
    for j in range(BLOCK):
        band[j : j + WINDOW, j] = _window()
    return band


def _smooth(planes: Planes) -> Planes:
    """Windowed means [P, H − 10, W − 10] of [P, H, W], as products with a banded matrix."""
    kind: type = planes.dtype.type
    band, edge = _band(kind), WINDOW - 1
    count, height, width = planes.shape
    rows = np.empty((count, height, width - edge), kind)
    for j in range(0, width - edge, BLOCK):
        n = min(BLOCK, width - edge - j)
        np.matmul(planes[:, :, j : j + n + edge], band[: n + edge, :n], out=rows[:, :, j : j + n])
    out = np.empty((count, height - edge, width - edge), kind)
    for i in range(0, height - edge, BLOCK):
        n = min(BLOCK, height - edge - i)
        np.matmul(band[: n + edge, :n].T, rows[:, i : i + n + edge], out=out[:, i : i + n])
    return out


def _halved(plane: Planes) -> Planes:
    """2×2 means; an odd side is padded with a zero before it and counted in, as avg_pool2d does."""
    height, width = plane.shape
    p = (
        np.pad(plane, [(height % 2, height % 2), (width % 2, width % 2)])
        if (height % 2 or width % 2)
        else plane
    )
    h, w = p.shape[0] // 2, p.shape[1] // 2
    p = p[: 2 * h, : 2 * w].astype(np.float32)
    rows = p[0::2] + p[1::2]
    return np.asarray((rows[:, 0::2] + rows[:, 1::2]) * rows.dtype.type(0.25))
