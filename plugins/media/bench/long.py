"""PSNR and SSIM of a 1920×1080 clip of 300 frames: wall time, CPU time, peak memory.

python plugins/media/bench/long.py [FRAMES]
"""

import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np


def make(folder: Path, count: int) -> tuple[Path, Path]:
    """A drifting picture with noise, and a heavily compressed copy."""
    from interleaf_media.encoding import write_stream

    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(0, 256, (150, 300, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    grain = rng.integers(0, 12, (1080, 1920, 3), np.uint8)

    def frames():
        for t in range(count):
            yield ground[t % 300 : t % 300 + 1080, 2 * t % 900 : 2 * t % 900 + 1920] // 2 + np.roll(
                grain, t, 1
            )

    files = folder / "original.mp4", folder / "copy.mp4"
    for file, crf in zip(files, (18, 36), strict=True):
        write_stream(file, frames(), Fraction(30), "h264", crf, False, None, {})
    return files


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    if len(sys.argv) > 2:  # in a process of its own, so that memory is that of the comparison
        from interleaf_media.comparing_files import compared

        began, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
        found = compared(Path(sys.argv[3]), Path(sys.argv[2]), ["psnr", "ssim"])
        told = ", ".join(f"{m.name} {m.value:.4f}" for m in found.measures)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        own = time.thread_time() - own  # two free cores would take max(own, cpu / 2) or little more
        print(
            f"{count} frames: {wall:.1f} s, {cpu:.1f} s of CPU ({own:.1f} of them measuring, the rest "
            f"decoding), {peak:.0f} MiB; {told}"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        files = make(Path(folder), count)
        subprocess.run([sys.executable, __file__, str(count), *map(str, files)], check=True)


if __name__ == "__main__":
    main()
