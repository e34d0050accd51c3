"""Ten photographs never trained on: what moves when they are clicked, and contact sheets to look at.

    python plugins/followclick/bench/photos.py OUT [FLEX] [MOTION]

Needs scikit-image (its bundled pictures) and INTERLEAF_DATA (Kodak pictures).
"""

from __future__ import annotations

import os
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import skimage

from interleaf.values import Image
from interleaf_followclick.components import FlowWarp, Segment
from interleaf_followclick.config import FlowWarpConfig
from interleaf_followclick.evaluating.obedience import heading, motion
from interleaf_followclick.flowwarp import Region
from interleaf_followclick.reading import photo_of
from interleaf_media.composites import contact_sheet, grid, overlay
from interleaf_media.reading import read_image
from interleaf_media.writing import encode_png

KODAK = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "images" / "kodak"
BUNDLED = Path(skimage.data_dir)
ASKED = [
    (BUNDLED / "astronaut.png", (388, 412), "left"), (BUNDLED / "coffee.png", (275, 145), "up"),
    (BUNDLED / "chelsea.png", (200, 150), "left"), (BUNDLED / "rocket.jpg", (318, 268), "up"),
    (BUNDLED / "motorcycle_left.png", (400, 205), "left"), (KODAK / "kodim03.png", (191, 184), "right"),
    (KODAK / "kodim07.png", (587, 409), "up"), (KODAK / "kodim09.png", (354, 377), "left"),
    (KODAK / "kodim21.png", (347, 211), "right"), (KODAK / "kodim23.png", (590, 260), "left"),
]  # fmt: skip
STRENGTH, FRAMES = 4.0, 16


def main(out: Path, flex: float, chosen: str) -> None:
    """A line for each photo; sheets and masks in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    model = FlowWarp(FlowWarpConfig(flex=flex, motion=chosen))  # type: ignore[arg-type]
    print("photo              click        say     mask   measured/asked  CPU s")
    sheets = []
    for file, click, say in ASKED:
        begin = time.process_time()
        photo = photo_of(read_image(file))
        mask = Segment().segment(photo, [click])[0][0]
        clip = np.stack(
            list(model.animate(photo, [Region(mask, say, STRENGTH)], frames=FRAMES).frames)
        )
        spent = time.process_time() - begin
        moved = float(motion(clip, mask, say, STRENGTH) @ heading(say)) / STRENGTH
        print(f"{file.stem:18} {click!s:12} {say:6} {mask.mean():6.1%} {moved:12.2f} {spent:10.1f}")
        shown = [overlay(photo, mask), *clip[[5, 10, 15]]]
        sheets.append(
            contact_sheet(shown, Fraction(8), count=4, columns=4, width=240, numbers=[0, 5, 10, 15])
        )
    wide = max(s.shape[1] for s in sheets)
    for half in (0, 1):
        rows = [
            np.pad(s, ((0, 0), (0, wide - s.shape[1]), (0, 0)))
            for s in sheets[half * 5 : half * 5 + 5]
        ]
        (out / f"sheet{half}.png").write_bytes(encode_png(Image(grid(rows, columns=1))))


if __name__ == "__main__":
    more = sys.argv[2:]
    main(Path(sys.argv[1]), float(more[0]) if more else 0.35, more[1] if len(more) > 1 else "auto")
