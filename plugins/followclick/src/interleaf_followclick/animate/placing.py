"""A photo and a mask at the model's size, and what was drawn back in its place."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import Mask
from interleaf_followclick.rendering import Pixels, disc

GROWN = 0.15  # of a thing's size, by which its mask is grown before the background is locked


def fitted(photo: Pixels, mask: Mask, side: int) -> tuple[Pixels, NDArray[np.uint8], float]:
    """Photo and mask at ``side`` pixels on the long side, edges repeated to a square, and the scale."""
    height, width = mask.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # a thing smaller than a pixel still is one
    marked = (cover > (0.5 if cover.max() > 0.5 else 0)).astype(np.uint8)
    pad = (0, side - size[1], 0, side - size[0])
    return (
        cv2.copyMakeBorder(small, *pad, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(marked, *pad, cv2.BORDER_CONSTANT),
        scale,
    )


def grown(mask: NDArray[Any]) -> NDArray[np.uint8]:
    """A mask and what is near it, by its size."""
    radius = max(2, round(GROWN * float(np.sqrt(mask.sum())) + 0.05 * max(mask.shape)))
    return np.asarray(cv2.dilate((mask > 0).astype(np.uint8), disc(radius)))


def laid_over(below: Pixels, drawn: Pixels, mask: Mask) -> Pixels:
    """``drawn`` inside the grown mask with a soft edge, ``below`` outside; the first frame as it was."""
    hard = grown(mask)
    soft = np.minimum(cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 2), hard)[None, ..., None]
    mixed = np.rint(soft * drawn + (1 - soft) * below).astype(np.uint8)
    out = np.where(soft > 0, mixed, below)
    out[0] = below[0]
    return out
