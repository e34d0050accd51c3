"""Keypoints of the first frame found again in every other: optical flow (Lucas and Kanade, pyramids), checked
by going back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from interleaf_body.keypoints import Points

Floats = np.ndarray[Any, Any]
BACK = 1.0  # pixels, as a share of a hundredth of the picture: how near going back must lead


def pursued(frames: Floats, points: Points) -> tuple[tuple[str, ...], Floats]:
    """Names, places [T, N, 2] in pixels of points given for frame 0 of [T, H, W, 3] uint8, NaN where lost."""
    names = tuple(points.at)
    first = np.array([points.at[n] for n in names], np.float32)
    height, width = frames.shape[1:3]
    reach = max(15, round(max(height, width) / 16)) | 1
    near = BACK * max(1.0, max(height, width) / 400)
    how: dict[str, Any] = {"winSize": (reach, reach), "maxLevel": 3}
    out = np.full((len(frames), len(names), 2), np.nan)
    out[0] = first
    before, at = cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY), first - 0.5
    for t in range(1, len(frames)):
        now = cv2.cvtColor(frames[t], cv2.COLOR_RGB2GRAY)
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, at[:, None], None, **how)
        back, again, _ = cv2.calcOpticalFlowPyrLK(now, before, there, None, **how)
        good = (found & again)[:, 0].astype(bool)
        good &= np.linalg.norm(back[:, 0] - at, axis=1) < near
        out[t, good] = there[good, 0] + 0.5
        at = np.where(good[:, None], there[:, 0], at).astype(np.float32)
        before = now
    return names, out
