"""PSNR, SSIM and MS-SSIM by the conventions of scikit-image and pytorch-msssim.

Pictures are [H, W, C] arrays of uint8 or uint16; L is the largest sample (255 or 65535).
SSIM: Wang, Bovik, Sheikh, Simoncelli 2004. MS-SSIM: Wang, Simoncelli, Bovik 2003.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Samples = NDArray[Any]
Planes = NDArray[np.float64]

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST_MS_SSIM = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1  # 161: the window fits 5 times


def peak(picture: Samples) -> float:
    """L, the largest value of the sample type."""
    return float(np.iinfo(picture.dtype).max)


def psnr(a: Samples, b: Samples) -> float:
    """10 log10(L^2 / MSE) over all samples, in dB; infinity for equal pictures."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return math.inf if error == 0 else float(10.0 * np.log10(peak(a) ** 2 / error))


def ssim(a: Samples, b: Samples) -> float:
    """Mean SSIM where the window fits, over all channels; sides must be at least `WINDOW`."""
    return float(np.mean(_ssim_and_contrast(_planes(a), _planes(b), peak(a))[0]))


def ms_ssim(a: Samples, b: Samples) -> float:
    """Product over five scales, per channel, then the mean; sides at least `SMALLEST_MS_SSIM`."""
    x, y, top = _planes(a), _planes(b), peak(a)
    product = np.ones(x.shape[0])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        whole, contrast = _ssim_and_contrast(x, y, top)
        last = scale == len(SCALE_WEIGHTS) - 1
        term = np.mean(whole if last else contrast, axis=(1, 2))
        product *= np.maximum(term, 0.0) ** weight
        x, y = (x, y) if last else (_halved(x), _halved(y))
    return float(np.mean(product))


def _planes(picture: Samples) -> Planes:
    return np.ascontiguousarray(picture.transpose(2, 0, 1), np.float64)  # [C, H, W]


def _window() -> Planes:
    x = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (x / SIGMA) ** 2)
    return np.asarray(weights / weights.sum())


def _smooth(planes: Planes) -> Planes:
    """Windowed means [C, H - 10, W - 10]: only where the window lies inside."""
    edge = WINDOW // 2
    rows = correlate1d(planes, _window(), axis=1)[:, edge:-edge]
    return np.asarray(correlate1d(rows, _window(), axis=2)[:, :, edge:-edge])


def _ssim_and_contrast(x: Planes, y: Planes, top: float) -> tuple[Planes, Planes]:
    """SSIM and its contrast-structure term at every place of the window."""
    c1, c2 = (K1 * top) ** 2, (K2 * top) ** 2
    mx, my = _smooth(x), _smooth(y)
    vx, vy = _smooth(x * x) - mx * mx, _smooth(y * y) - my * my
    vxy = _smooth(x * y) - mx * my
    contrast = (2 * vxy + c2) / (vx + vy + c2)
    return (2 * mx * my + c1) / (mx * mx + my * my + c1) * contrast, contrast


def _halved(planes: Planes) -> Planes:
    """2×2 means; an odd side is padded with zeros before it and counted in, as avg_pool2d does."""
    pad = [(0, 0), *((side % 2, side % 2) for side in planes.shape[1:])]
    p = np.pad(planes, pad)
    h, w = p.shape[1] // 2, p.shape[2] // 2
    return np.asarray(p[:, : 2 * h, : 2 * w].reshape(-1, h, 2, w, 2).mean(axis=(2, 4)))
