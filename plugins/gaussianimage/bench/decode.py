"""Decoding speed: python plugins/gaussianimage/bench/decode.py [picture]

768×512 from bytes to uint8, beside JPEG, WebP and AVIF of about the same size through Pillow. Medians.
"""

import io
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image

from interleaf.values import Image
from interleaf_gaussianimage import decode, encode
from interleaf_gaussianimage.codec import open_file
from interleaf_media.compressing import compress
from interleaf_media.reading import read_image


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(100):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def unpacked(data: bytes) -> np.ndarray:
    """Pillow's pixels."""
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


def main() -> None:
    """Encode with rising N, decode with 1 and 2 threads, and what Pillow takes."""
    data = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
    name = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "images" / "kodak" / "kodim01.png"
    pixels = read_image(name).pixels
    for points in (1000, 3000, 9000, 70_000):
        blob = encode(pixels, points=points, preset="fast")
        one, two = (median(partial(decode, blob, threads=t)) for t in (1, 2))
        told = f"N = {open_file(blob).header.points}, {len(blob) * 8 / pixels[..., 0].size:.3f} bpp"
        print(
            f"{told}: {one:.2f} ms on 1 thread, {two:.2f} on 2, {1000 / two:.0f} pictures a second"
        )
    for codec, quality in (("jpeg", 60), ("webp", 70), ("avif", 60)):
        blob = compress(Image(pixels), codec, quality)
        bpp = len(blob) * 8 / pixels[..., 0].size
        print(f"{codec}, {bpp:.3f} bpp: {median(partial(unpacked, blob)):.2f} ms")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
