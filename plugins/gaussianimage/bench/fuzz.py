"""Damaged files: python plugins/gaussianimage/bench/fuzz.py [count]

Truncated, flipped, spliced, random, and with checksums made to fit. Each must raise a GsiError, or, where its
checksums fit, may give a picture; nothing else, and in little time and memory.
"""

import resource
import sys
import time

import numpy as np
import skimage

from interleaf_gaussianimage import GsiError, decode, encode
from interleaf_gaussianimage.format import Header, chunk, chunks


def damaged(files: list[bytes], rng: np.random.Generator) -> tuple[str, bytes]:
    """How, and a file."""
    data = files[rng.integers(len(files))]
    how = ("cut", "flipped", "spliced", "random", "sealed")[rng.integers(5)]
    if how == "cut":
        return how, data[: rng.integers(len(data))]
    if how == "flipped":
        broken = bytearray(data)
        for at in rng.integers(len(data), size=rng.integers(1, 9)):
            broken[at] ^= 1 << rng.integers(8)
        return how, bytes(broken)
    if how == "spliced":
        other = files[rng.integers(len(files))]
        return how, data[: rng.integers(len(data))] + other[rng.integers(len(other)) :]
    if how == "random":
        return how, data[: rng.integers(40)] + rng.bytes(int(rng.integers(1, 3000)))
    parts = [(kind, bytearray(payload)) for kind, payload in chunks(data)]
    for _ in range(rng.integers(1, 5)):
        payload = parts[rng.integers(len(parts))][1]
        if payload:
            payload[rng.integers(len(payload))] = rng.integers(256)
    body = b"".join(chunk(kind, bytes(payload)) for kind, payload in parts)
    return how, data[: Header.SIZE] + body + chunk(b"END ", b"")


def main() -> None:
    """Fuzz, count, report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    photo = skimage.data.coffee()[:200, :300]
    files = [
        encode(photo, bpp=0.5, preset="fast"),
        encode(photo[:64, :64], bpp=2, preset="fast", layers=3),
        encode(photo[:, :, :1].astype(np.uint16) * 257, bpp=0.3, preset="fast"),
    ]
    good = {f: decode(f).tobytes() for f in files}
    rng, found, slowest = np.random.default_rng(0), dict[str, int](), 0.0
    for _ in range(count):
        how, data = damaged(files, rng)
        began = time.perf_counter()
        try:
            pixels = decode(data)
            told = "a picture"
            if how != "sealed" and good.get(data) != pixels.tobytes():
                raise SystemExit(f"a silent wrong picture from a file that was {how}")
        except GsiError as error:
            told = type(error).__name__
        slowest = max(slowest, time.perf_counter() - began)
        found[f"{how}: {told}"] = found.get(f"{how}: {told}", 0) + 1
    for name, number in sorted(found.items()):
        print(f"{number:6} {name}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} files, the slowest {1000 * slowest:.0f} ms, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
