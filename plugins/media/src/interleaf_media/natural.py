"""NIQE (Mittal, Soundararajan and Bovik 2013): how natural a picture looks, without its original.

Luma is normalised by its neighbourhood. In natural pictures these coefficients, and the products of
neighbours, follow asymmetric generalised Gaussians; 36 parameters of them describe each block. The
score is the distance between their Gaussian over the blocks and that of pictures known to be good,
whose mean and covariance are a file of the user's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.ndimage import correlate1d
from scipy.special import gamma

from interleaf.errors import CorruptData
from interleaf_media.perceptual import color

Array = NDArray[np.float64]
BLOCK, SCALES = 96, 2  # px at the first scale
SMALLEST = 2 * BLOCK  # fewer blocks have no covariance
REACH, SIGMA = 3, 7 / 6
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
FEATURES = SCALES * (2 + 4 * len(NEIGHBOURS))
MEANS, COVARIANCES = (
    ("mu_prisparam", "pop_mu", "mu_pris_param"),
    ("cov_prisparam", "pop_cov", "cov_pris_param"),
)


def niqe(picture: NDArray[Any], mean: Array, covariance: Array) -> float:
    """Distance (eq. 10) of a picture [H, W, C] of 8 bits to the model; lower is better."""
    found = block_features(grey(picture))
    found = found[np.isfinite(found).all(1)]
    if len(found) < 2:
        return float("nan")
    difference = mean - found.mean(0)
    inverse = np.linalg.pinv((covariance + np.cov(found.T)) / 2)
    return float(np.sqrt(difference @ inverse @ difference))


def read_model(file: Path) -> tuple[Array, Array]:
    """Mean [36] and covariance [36, 36] from a .mat or .npz; CorruptData for anything else."""
    try:
        stored = loadmat(file) if file.suffix == ".mat" else dict(np.load(file, allow_pickle=False))
        mean = next(stored[k] for k in MEANS if k in stored).astype(np.float64).ravel()
        covariance = next(stored[k] for k in COVARIANCES if k in stored).astype(np.float64)
    except Exception as error:  # readers of foreign bytes raise whatever they like
        raise CorruptData(
            f"{file}: is no model of NIQE ({type(error).__name__})",
            hint=f"a .mat or .npz with {MEANS[0]} [36] and {COVARIANCES[0]} [36, 36]",
        ) from error
    if mean.shape != (FEATURES,) or covariance.shape != (FEATURES, FEATURES):
        raise CorruptData(f"{file}: holds arrays of {mean.shape} and {covariance.shape}, not 36")
    return mean, covariance


def grey(picture: NDArray[Any]) -> Array:
    """Luma [H, W] in whole numbers, 0..255."""
    whole: Array = np.round(color(picture).astype(np.float64) @ [0.2989, 0.5870, 0.1140])
    return whole


def block_features(plane: Array) -> Array:
    """[N, 36] of the blocks of 96×96 pixels, the rest at the right and below left out."""
    rows, columns = (n // BLOCK for n in plane.shape)
    plane, scales = plane[: rows * BLOCK, : columns * BLOCK], []
    for scale in range(SCALES):
        side, normal = BLOCK >> scale, normalised(plane)
        blocks = normal.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
        scales.append([_described(block) for block in blocks])
        plane = halved(plane)
    return np.concatenate(scales, axis=1)


def normalised(plane: Array) -> Array:
    """(I − μ) / (σ + 1) with means under a Gaussian of 7×7, edges repeated (eq. 1 to 3)."""
    mean = _smooth(plane)
    spread = np.sqrt(np.abs(_smooth(plane * plane) - mean * mean))
    return np.asarray((plane - mean) / (spread + 1))


def _smooth(plane: Array) -> Array:
    weights = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    rows = correlate1d(plane, weights, 0, mode="nearest")
    return np.asarray(correlate1d(rows, weights, 1, mode="nearest"))


def _described(block: Array) -> list[float]:
    """18 numbers: the shape and spread of the coefficients, and four of each product of neighbours."""
    shape, left, right = asymmetric_gaussian(block)
    out = [shape, (left + right) / 2]
    for shift in NEIGHBOURS:
        shape, left, right = asymmetric_gaussian(block * np.roll(block, shift, (0, 1)))
        out += [shape, (right - left) * float(gamma(2 / shape) / gamma(1 / shape)), left, right]
    return out


@cache
def _shapes() -> tuple[Array, Array]:
    """Shapes, and the ratio (E|x|)² / E x² of each."""
    shapes = np.arange(200, 10001) / 1000
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


def asymmetric_gaussian(samples: Array) -> tuple[float, float, float]:
    """Shape and the scales on both sides of an asymmetric generalised Gaussian, by its moments; nan
    where one side has no sample."""
    x = samples.ravel()
    below, above = x[x < 0], x[x > 0]
    if not (len(below) and len(above)):
        return (float("nan"),) * 3
    left, right = np.sqrt(np.mean(below**2)), np.sqrt(np.mean(above**2))
    skew = left / right
    ratio = np.mean(np.abs(x)) ** 2 / np.mean(x**2)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shapes, ratios = _shapes()
    shape = float(shapes[np.argmin((ratios - ratio) ** 2)])
    scale = float(np.sqrt(gamma(1 / shape) / gamma(3 / shape)))
    return shape, float(left) * scale, float(right) * scale


def halved(plane: Array) -> Array:
    """Half as many rows and columns (both even) by the cubic kernel of a = −½, stretched to twice its width
    against aliasing; edges mirrored."""
    x = np.abs(np.arange(-1.75, 2, 0.5))
    taps = np.where(x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)
    taps /= taps.sum()
    for axis in (0, 1):
        pad = [(3, 4) if a == axis else (0, 0) for a in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(plane, pad, "symmetric"), 8, axis)
        plane = (windows[::2] if axis == 0 else windows[:, ::2]) @ taps
    return plane
