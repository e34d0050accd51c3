"""What a picture of a face says without weights: how blurred it is, descriptors of shape and colour."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

Floats = np.ndarray[Any, Any]
SIDE = 64  # pixels of the square that descriptors are taken from
BLOCK, BETA = 64, 3.6  # of the blur measure: pixels a block, the slope of its psychometric curve
JUST, SHARE = 0.63, 0.002  # what is just noticed; edges that a block needs


def descriptor(picture: Floats) -> Floats:
    """HOG and colour histograms of a picture [H, W, 3] uint8, each of length 1."""
    from skimage.feature import hog

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    shape = hog(small, 8, (8, 8), (2, 2), channel_axis=-1)
    colour = np.concatenate([np.histogram(small[..., k], 16, (0, 256))[0] for k in range(3)])
    colour = np.sqrt(colour / colour.sum())
    found: Floats = np.concatenate([
        shape / max(float(np.linalg.norm(shape)), 1e-9), colour / float(np.linalg.norm(colour))
    ])  # fmt: skip
    return found


def apart(a: Floats, b: Floats) -> float:
    """1 − the cosine of two descriptors."""
    return float(1 - a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def sharpness(picture: Floats) -> float | None:
    """Share of edges whose blur is not noticed, 0..1: CPBD (Narvekar and Karam 2011) by our own edges.

    Not held to its authors' program, hence no "CPBD". None for a picture without edges.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    edges = (cv2.Canny(grey, 60, 120) > 0) & (
        np.abs(across) > 2 * np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    )
    noticed = []
    for top in range(0, grey.shape[0] - BLOCK + 1, BLOCK):
        for left in range(0, grey.shape[1] - BLOCK + 1, BLOCK):
            block = slice(top, top + BLOCK), slice(left, left + BLOCK)
            if edges[block].mean() < SHARE:
                continue
            contrast = int(grey[block].max()) - int(grey[block].min())
            least = 5.0 if contrast <= 50 else 3.0
            for y, x in np.argwhere(edges[block]):
                width = _width(grey[top + y].astype(int), left + int(x))
                noticed.append(1 - np.exp(-((width / least) ** BETA)))
    return float((np.array(noticed) <= JUST).mean()) if noticed else None


def _width(row: Floats, x: int) -> int:
    """Pixels over which a row rises or falls through place ``x``."""
    sign = 1 if row[min(x + 1, len(row) - 1)] >= row[max(x - 1, 0)] else -1
    left = right = x
    while left > 0 and sign * (row[left] - row[left - 1]) > 0:
        left -= 1
    while right < len(row) - 1 and sign * (row[right + 1] - row[right]) > 0:
        right += 1
    return right - left
