"""How long a checkpoint of several GB takes to open: ``python bench/load.py [FOLDER]``.

Without a folder, random weights of 5 GB in bfloat16 are written to a temporary one first. The peer is
safetensors' own ``load_file``; both map the file.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.hf import WHOLE, write


def made(folder: Path) -> None:
    """The true 2B shape, as zeros."""
    config = GemmaConfig.preset("2b")
    with torch.device("meta"):
        shapes = Gemma(config).state_dict()
    tensors = {n: torch.zeros(t.shape, dtype=torch.bfloat16) for n, t in shapes.items()}
    write(config, tensors, folder, shard=10**11)


def main(folder: Path) -> None:
    """Print milliseconds, medians of 9, and the growth of peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, opened in (("Gemma.load", Gemma.load), ("load_file", lambda f: load_file(f / WHOLE))):
        taken = []
        for _ in range(9):
            began = time.perf_counter()
            opened(folder)
            taken.append(time.perf_counter() - began)
        print(f"{name}: {1e3 * sorted(taken)[4]:.1f} ms")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    size = (folder / WHOLE).stat().st_size
    print(f"{size / 1e9:.2f} GB, peak memory grew by {grown / 1024:.0f} MiB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made_here:
            made(Path(made_here))
            main(Path(made_here))
