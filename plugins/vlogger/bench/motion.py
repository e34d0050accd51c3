"""How fast movement is made from sound, in CPU time of one thread, and what memory a long sound takes.

    OMP_NUM_THREADS=1 python plugins/vlogger/bench/motion.py RECORDING [SECONDS]

The recording is repeated to fill SECONDS (default 600) and arrives one second at a time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from interleaf_media.sounds import read_audio
from interleaf_vlogger import sound
from interleaf_vlogger.components import TalkingMotion
from interleaf_vlogger.config import MotionConfig

WARM = 20  # seconds of sound after which memory is compared


def resident() -> float:
    """Resident memory now, MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    torch.set_num_threads(1)
    samples = sound.mono(read_audio(Path(sys.argv[1]), sys.argv[1]))
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    stream = TalkingMotion(MotionConfig()).stream(seed=0)
    frames, before, begun = 0, 0.0, time.process_time()
    for second in range(seconds):
        at = np.arange(second * sound.RATE, (second + 1) * sound.RATE) % len(samples)
        frames += sum(len(lips) for lips, _ in stream.push(samples[at]))
        if second == WARM:
            before = resident()
    spent = time.process_time() - begun
    print(
        f"{frames} frames of {seconds} s in {spent:.1f} CPU s: {frames / 25 / spent:.1f} x real time"
    )
    print(f"memory {before:.0f} MB after {WARM} s, {resident():.0f} MB after {seconds} s")


if __name__ == "__main__":
    main()
