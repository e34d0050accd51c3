"""``make bench``: run every benchmark, print its figures with command, machine and date.

What it prints belongs into BENCHMARKS.md. INTERLEAF_PEERS names the interpreter of an environment with
kedro, hydra-core and llm, beside which the frame is measured.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]


def machine() -> str:
    """Processor, cores, system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    wide = "AVX-512" if any("avx512f" in line for line in lines) else "AVX2"
    return f"{model or platform.processor()}, {os.cpu_count()} cores, {wide}, {platform.system()}"


def main() -> int:
    """Run them one after the other, so that none disturbs another; 1 when one failed."""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, Python {platform.python_version()}\n")
    failed = 0
    peers = os.environ.get("INTERLEAF_PEERS", "")
    scripts = [[str(s)] for s in sorted(ROOT.glob("plugins/*/bench/*.py"))]
    for words in [*scripts, [str(ROOT / "tests" / "bench_frame.py"), *filter(None, [peers])]]:
        print(f"## python {Path(words[0]).relative_to(ROOT)}", flush=True)
        failed |= subprocess.run([sys.executable, *words], cwd=ROOT).returncode != 0
        print(flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
