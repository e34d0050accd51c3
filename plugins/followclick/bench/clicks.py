"""One click in the middle of an ellipse cut from one picture and laid on another: is the ellipse found?

    python plugins/followclick/bench/clicks.py

24 composites at 256 pixels of pictures bundled with scikit-image. (What GrabCut's masks are ranked by
was chosen on composites of Kodak pictures.)
"""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import skimage

from interleaf_followclick.evaluating.scenes import overlap
from interleaf_followclick.segmenting import grabcut

PICTURES = (
    "astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "brick.png",
    "grass.png", "gravel.png",
)  # fmt: skip
SIDE, COUNT = 256, 24


def main() -> None:
    """Mean, median and share above a half."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    photos = [
        cv2.cvtColor(cv2.imread(str(Path(skimage.data_dir) / n)), cv2.COLOR_BGR2RGB)
        for n in PICTURES
    ]
    found, begin = [], time.process_time()
    for _ in range(COUNT):
        a, b = rng.choice(len(photos), 2, replace=False)
        thing, ground = cut(photos[a], rng), cut(photos[b], rng)
        x, y = rng.uniform(0.3, 0.7, 2) * SIDE
        p, q = rng.uniform(0.1, 0.25, 2) * SIDE
        turn = rng.uniform(0, np.pi)
        ys, xs = np.mgrid[:SIDE, :SIDE]
        u = (xs - x) * np.cos(turn) + (ys - y) * np.sin(turn)
        v = (ys - y) * np.cos(turn) - (xs - x) * np.sin(turn)
        mask = (u / p) ** 2 + (v / q) ** 2 < 1
        masks = grabcut(np.where(mask[..., None], thing, ground), [(x, y)])[0]
        found.append(overlap(masks[0], mask))
    spent = (time.process_time() - begin) / COUNT
    print(
        f"mean IoU {np.mean(found):.3f}, median {np.median(found):.3f}, "
        f"above 0.5 {np.mean(np.array(found) > 0.5):.0%}, {spent:.2f} s CPU a click"
    )


def cut(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random square part."""
    height, width = picture.shape[:2]
    size = min(height, width) * rng.uniform(0.5, 1)
    y, x = rng.uniform(0, height - size), rng.uniform(0, width - size)
    part = picture[int(y) : int(y + size), int(x) : int(x + size)]
    return cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
