"""Whose pixels they are: the person's, hair and clothes included, or the background's.

GrabCut (Rother, Kolmogorov, Blake 2004) on a small picture, begun from where the body's mesh is drawn.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scipy import ndimage

Array = np.ndarray[Any, Any]
SIDE = 320  # pixels of the long side at which colours are told apart
NEAR, REACH = (
    0.25,
    0.9,
)  # heads from the body: probably the person's, and certainly not from there on
ROUNDS = 4
CLOSE = 0.6  # of the picture's shorter side: a head from which on nothing is far away


def matte(photo: Array, body: Array, head: float) -> Array:
    """Share of the person in each pixel [H, W] float32, 0..1, of a photo [H, W, 3] uint8.

    ``body`` [H, W]: where the body's mesh is drawn; ``head``: its height in pixels. What the mesh covers is
    the person's; beyond it, what has the colours of the person rather than of what is far away, and hangs
    together with the body.
    """
    height, width = body.shape
    if not body.any() or body.all():
        return body.astype(np.float32)
    if head > CLOSE * min(height, width):  # all of it moves
        return np.ones(body.shape, np.float32)
    scale = min(1.0, SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    there = cv2.resize(body.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    if not there.any():
        return body.astype(np.float32)
    away = ndimage.distance_transform_edt(~there) / max(head * scale, 1.0)
    known = np.full(there.shape, cv2.GC_BGD, np.uint8)
    known[away < REACH] = cv2.GC_PR_BGD
    known[away < NEAR] = cv2.GC_PR_FGD
    known[there] = cv2.GC_FGD
    if not (known == cv2.GC_BGD).any():
        return body.astype(np.float32)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(small[..., ::-1].copy(), known, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = ndimage.binary_opening(known == cv2.GC_PR_FGD) | there
    person = ndimage.binary_fill_holes(person)
    parts, _ = ndimage.label(person)
    whole = np.isin(parts, np.unique(parts[there])) & person
    wide = cv2.resize(whole.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    soft = ndimage.gaussian_filter(wide, max(0.5, 0.5 / scale))
    found: Array = np.maximum(np.clip(2 * soft - 0.5, 0, 1), body).astype(np.float32)
    return found
