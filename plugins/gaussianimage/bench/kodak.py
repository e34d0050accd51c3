"""Quality on the Kodak pictures: python plugins/gaussianimage/bench/kodak.py [points] [steps]

Fits every picture of INTERLEAF_DATA/images/kodak and prints PSNR after rounding to 8 bits.
"""

import os
import sys
import time
from pathlib import Path

import interleaf


def main() -> None:
    """Fit, score, print the mean."""
    points, steps = (int(word) for word in (*sys.argv[1:], 10_000, 1000)[:2])
    folder = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "images" / "kodak"
    pictures = interleaf.load("media.images", root=str(folder))
    fit = interleaf.load("gaussianimage.fit", points=points, steps=steps)
    draw, fidelity = interleaf.load("gaussianimage.draw"), interleaf.load("media.fidelity")
    began, scores = time.perf_counter(), []
    for name, picture in pictures.items():
        report = fidelity(subject=draw(splats=fit(image=picture)), reference=picture)
        scores.append([report[m].value for m in ("psnr", "ssim", "ms_ssim")])
        print(f"{name}: {scores[-1][0]:.2f} dB", flush=True)
    psnr, ssim, ms_ssim = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    seconds = (time.perf_counter() - began) / len(scores)
    print(
        f"mean of {len(scores)}, N = {points}, {steps} steps: {psnr:.2f} dB, SSIM {ssim:.4f}, "
        f"MS-SSIM {ms_ssim:.4f}, {seconds:.1f} s a picture"
    )


if __name__ == "__main__":
    main()
