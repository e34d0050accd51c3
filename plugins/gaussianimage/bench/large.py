"""A picture of 8192 x 8192: python plugins/gaussianimage/bench/large.py [side] [bpp]

Tiles a photograph, encodes it with the preset fast, decodes a window and the whole; times and peak memory.
"""

import resource
import sys
import time

import numpy as np
import skimage

from interleaf_gaussianimage import decode, encode


def main() -> None:
    """Encode, decode, report."""
    side, bpp = (float(w) for w in (*sys.argv[1:], "8192", "0.2")[:2])
    photo = skimage.data.astronaut()
    times = -(-int(side) // 512)
    image = np.tile(photo, (times, times, 1))[: int(side), : int(side)]

    def peak() -> str:
        return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"

    def report(done: int, all_: int) -> None:
        print(f"\r{done} of {all_}", end="", file=sys.stderr, flush=True)

    began = time.perf_counter()
    data = encode(image, bpp=bpp, preset="fast", report=report)
    print(f"\nencoded to {len(data)} bytes in {time.perf_counter() - began:.0f} s, {peak()}")
    began = time.perf_counter()
    x = image.shape[0] // 3
    part = decode(data, region=(x, x, 512, 512))
    error = np.square(part.astype(float) - image[x : x + 512, x : x + 512]).mean()
    psnr = 10 * np.log10(255**2 / error)
    print(
        f"512 x 512 of it decoded in {1000 * (time.perf_counter() - began):.0f} ms, {psnr:.2f} dB"
    )
    began = time.perf_counter()
    decode(data)
    print(f"all of it in {time.perf_counter() - began:.2f} s, {peak()}")


if __name__ == "__main__":
    main()
