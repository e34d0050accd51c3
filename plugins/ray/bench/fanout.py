"""A fan-out of equal single-threaded steps: one process, and Ray on as many workers as there are cores.

    python plugins/ray/bench/fanout.py [--steps 8] [--iterations 1300]

Each step fits Gaussians to one photo with a seed of its own (``gaussianimage.fit``, one thread). Both runs
start from an empty store; wall-clock includes starting Python and Ray. Prints JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PIPELINE = """
version: 1
name: fanout
steps:
  photo: {{use: media.sample, with: {{name: astronaut}}}}
  fit:
    use: gaussianimage.fit
    each: {{seed: {seeds}}}
    with: {{points: 10000, steps: {iterations}}}
    needs: {{image: photo}}
  drawn: {{use: gaussianimage.draw, needs: {{splats: fit}}}}
outputs: {{drawn: drawn}}
"""


def main() -> None:
    """Measure both, compare their outputs byte by byte."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=1300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "fanout.yaml"
        seeds = list(range(given.steps))
        file.write_text(PIPELINE.format(seeds=seeds, iterations=given.iterations))
        warm = folder / "warm.yaml"
        warm.write_text(PIPELINE.format(seeds=[0], iterations=5))
        timed(warm, "warm")  # compiles what is compiled once for all
        ray, local = timed(file, "ray", "--executor", "ray"), timed(file, "local")
    same = ray.pop("outputs") == local.pop("outputs")
    ratio = local["seconds"] / ray["seconds"]
    found = {"local": local, "ray": ray, "ratio": round(ratio, 2), "same bytes": same}
    print(json.dumps({"cores": os.cpu_count(), **found}, indent=1))


def timed(file: Path, name: str, *options: str) -> dict[str, Any]:
    """One run from nothing: wall-clock, seconds of each step, digests of what it published."""
    out, store = file.parent / name, file.parent / f"store-{name}"
    command = [
        sys.executable,
        "-m",
        "interleaf_cli",
        "--threads",
        "1",
        "--store",
        str(store),
        "run",
    ]
    start = time.perf_counter()
    subprocess.run(
        [*command, *options, "--out", str(out), str(file)],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    seconds = time.perf_counter() - start
    steps = json.loads((out / "manifest.json").read_text())["steps"]
    fits = [s["seconds"] for n, s in steps.items() if n.startswith("fit")]
    outputs = {
        str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted((out / "outputs").rglob("*"))
        if f.is_file()
    }
    return {"seconds": round(seconds, 1), "fits": fits, "outputs": outputs}


if __name__ == "__main__":
    main()
