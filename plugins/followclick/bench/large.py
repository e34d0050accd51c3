"""1080p × 16 frames on one thread: CPU seconds of a click and of the frames, twice (the first compiles).

OMP_NUM_THREADS=1 python plugins/followclick/bench/large.py [MOTION]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
import skimage

from interleaf_followclick.components import FlowWarp, Segment
from interleaf_followclick.config import FlowWarpConfig
from interleaf_followclick.flowwarp import Region

CLICK = (850.0, 450.0)


def main(motion: str) -> None:
    """Two lines."""
    photo = cv2.imread(str(Path(skimage.data_dir) / "coffee.png"))
    photo = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB), (1920, 1080))
    model = FlowWarp(FlowWarpConfig(motion=motion))  # type: ignore[arg-type]
    for _ in range(2):
        begin, wall = time.process_time(), time.monotonic()
        mask = Segment().segment(photo, [CLICK])[0][0]
        clicked = time.process_time()
        list(model.animate(photo, [Region(mask, "left", 6.0)], frames=16).frames)
        spent = time.process_time() - clicked
        print(
            f"mask {mask.mean():.1%} of 1920×1080: click {clicked - begin:.2f} s CPU, "
            f"16 frames {spent:.2f} s CPU, {time.monotonic() - wall:.1f} s in all"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "auto")
