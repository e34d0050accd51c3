"""Memory and time of the true 2B shape: ``python plugins/gemma/bench/memory.py [bf16 int8 int4]``.

Weights are zeros in a mapped file (bfloat16) or random (quantised): neither changes what is counted. Each
kind runs in a process of its own, which tells its peak resident memory beside weights, cache and what Python
and torch took before, seconds to the first token of a prompt of 8 once warm, and decoding beside the memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

PROMPT, ROUNDS = [2, *range(300, 307)], 6


def peak() -> float:
    """GiB that this process ever held (Linux)."""
    (line,) = (x for x in open("/proc/self/status") if x.startswith("VmHWM"))  # noqa: SIM115
    return int(line.split()[1]) / 2**20


def one(folder: str, kind: str) -> None:
    """Load, read the prompt twice, decode."""
    torch.set_num_threads(1)
    from interleaf_gemma import Gemma
    from interleaf_gemma.addresses import size
    from interleaf_gemma.benching.peers import quantised
    from interleaf_gemma.generation import Batch, requests
    from interleaf_gemma.kernels.bandwidth import bandwidth

    before = peak()
    model = Gemma.load(folder)
    if kind != "bf16":
        model = quantised(model, kind)  # type: ignore[arg-type]
    first: list[float] = []
    for _ in range(3):
        batch, began = Batch(model), time.process_time()
        batch.add(requests(model, [PROMPT], 64, 0.0, 0, 1.0, 0, ()))
        first.append(time.process_time() - began)
    batch.step()
    held, weights = peak(), size(model)
    steps, rates = [], []
    for _ in range(ROUNDS):  # in turn, so that others on the machine disturb both
        for _ in range(2):
            began = time.process_time()
            batch.step()
            steps.append(time.process_time() - began)
        rates.append(bandwidth(1, 1))
    rate = max(rates)
    told = {
        "kind": kind, "weights_GiB": weights / 2**30, "cache_GiB": batch.cache.bytes / 2**30,
        "python_and_torch_GiB": before, "peak_GiB": held,
        "beyond_GiB": held - (weights + batch.cache.bytes) / 2**30,
        "first_token_s": min(first[1:]), "cold_first_token_s": first[0],
        "tokens_per_s": 1 / min(steps), "memory_GB_per_s": rate / 1e9,
        "of_roofline": weights / min(steps) / rate,
    }  # fmt: skip
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in told.items()}))


def main(kinds: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from load import made

    with TemporaryDirectory() as folder:
        made(Path(folder))
        for kind in kinds:
            subprocess.run([sys.executable, __file__, "--one", folder, kind], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
    else:
        main(sys.argv[1:] or ["bf16", "int8", "int4"])
