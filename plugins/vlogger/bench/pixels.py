"""The mouth, measured again in the pixels of the video: does its dark opening follow the audio's teacher?

    python plugins/vlogger/bench/pixels.py GESTURES [SENTENCES] [SHEET.png]

Scikit-image's astronaut says held-out sentences of espeak-ng (words and voices that nothing was trained on)
as ``speak`` does by default. In every frame the dark pixels between the corners of the mouth are counted,
below half of the skin's brightness there, and compared with how far the teacher's lips are apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

from interleaf.values import Image
from interleaf_body.backends import body_model
from interleaf_body.keypoints import detect
from interleaf_body.photo import fit
from interleaf_media.writing import encode_png
from interleaf_vlogger import judging, sound
from interleaf_vlogger.components import TalkingMotion, face_of, pieces
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.config import MotionConfig, TeacherConfig
from interleaf_vlogger.judge import gaps
from interleaf_vlogger.pairs import Teacher
from interleaf_vlogger.speaking import Manner, drawn
from interleaf_vlogger.teacher import actions

DARK = 0.5  # of the skin's brightness


class Mouth:
    """Counts dark pixels in a box about the mouth: half as wide again as its corners lie apart."""

    def __init__(self, photo: np.ndarray, points: dict[str, tuple[float, float]]) -> None:
        (ax, ay), (bx, by) = points["left_mouth"], points["right_mouth"]
        wide, x, y = abs(ax - bx), (ax + bx) / 2, (ay + by) / 2
        self.box = np.s_[
            int(y - 0.35 * wide) : int(y + 0.65 * wide), int(x - 0.5 * wide) : int(x + 0.5 * wide)
        ]
        around = np.s_[int(y - wide) : int(y + wide), int(x - wide) : int(x + wide)]
        self.below = DARK * float(np.median(photo[around].mean(-1)))

    def __call__(self, frame: np.ndarray) -> float:
        """The share of the box that is dark."""
        return float((frame[self.box].mean(-1) < self.below).mean())


def main() -> None:
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    photo = skimage.data.astronaut()
    size = photo.shape[1], photo.shape[0]
    points = detect(photo)
    person = fit(body_model("anny"), "anny", points, size)
    model, mouth = TalkingMotion(MotionConfig()), Mouth(photo, points.at)
    data = Teacher(TeacherConfig(gestures=sys.argv[1], part="held", utterances=count, words=(7, 9)))
    rows, sheet = [], []
    for i, pair in enumerate(data):
        compositor = Compositor(photo, person)
        blocks = [
            (turns, face_of(actions(lips), compositor.body))
            for lips, turns in pieces(model, pair.samples, i)
        ]
        dark = []
        for k, frame in enumerate(drawn(compositor, blocks, Manner())):
            dark.append(mouth(frame))
            if i == 0 and k % 8 == 0:
                sheet.append(frame[mouth.box])
        teacher = gaps(body_model("anny").bake(), pair.lips)
        span = judging.active(sound.loudness(pair.samples, len(pair.lips), pair.fps))
        rows.append(judging.sync(np.array(dark), teacher, span))
        print(f"{pair.voice}: {rows[-1][0]:.2f}, shifted {rows[-1][1]:.2f}, lag {rows[-1][2]}")
    mean = np.mean(rows, 0)
    print(f"{count} sentences: {mean[0]:.2f} (target 0.6), shifted {mean[1]:.2f} (0.15)")
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_bytes(encode_png(Image(np.hstack(sheet))))


if __name__ == "__main__":
    main()
