"""Eight requests at once against one after the other, through OpenAI's client, to ``interleaf gemma serve``.

    python plugins/gemma/bench/server.py [WEIGHTS] [tokens]

The peer is the same server asked sequentially. Rounds take turns; the texts must be equal.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

EXTRA = sys.argv[3:]  # such as --dtype bfloat16
ROUNDS, AT_ONCE, PORT = 5, 8, 8765
STARTS = [
    "Once upon a time", "One day, a little girl", "Tom had a dog", "The sun was hot and", "Lily and Ben",
    "There was a big tree", "A small bird", "In the park, Max",
]  # fmt: skip


def main() -> None:
    weights = sys.argv[1:2] if len(sys.argv) > 1 and sys.argv[1] != "-" else []
    tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    command = [
        "interleaf",
        "gemma",
        "serve",
        *weights,
        "--port",
        str(PORT),
        "--threads",
        "1",
        *EXTRA,
    ]
    server = subprocess.Popen(
        [f"{sys.prefix}/bin/{command[0]}", *command[1:]], stdout=subprocess.DEVNULL
    )
    try:
        wait()
        print(json.dumps(measure(tokens, server.pid), indent=1))
    finally:
        server.terminate()
        server.wait()


def wait() -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health").read()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def spent(pid: int) -> float:
    """CPU seconds of a process so far (Linux): steadier than a clock on a machine with other work."""
    with open(f"/proc/{pid}/stat") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(tokens: int, pid: int) -> dict[str, float | int | bool]:
    client = OpenAI(base_url=f"http://127.0.0.1:{PORT}/v1", api_key="none")

    def ask(prompt: str) -> tuple[str, int]:
        reply = client.completions.create(model="", prompt=prompt, temperature=0, max_tokens=tokens)
        return reply.choices[0].text, reply.usage.completion_tokens

    def timed(workers: int) -> tuple[float, float, list[tuple[str, int]]]:
        begin, cpu = time.perf_counter(), spent(pid)
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(ask, STARTS[:AT_ONCE]))
        return time.perf_counter() - begin, spent(pid) - cpu, found

    timed(AT_ONCE), timed(1)
    alone, together, cpu, equal, counted = [], [], [], True, 0
    for _ in range(ROUNDS):
        seconds, used, texts = timed(1)
        alone.append(seconds)
        seconds, less, same = timed(AT_ONCE)
        together.append(seconds)
        cpu.append(used / less)
        equal, counted = equal and texts == same, sum(n for _, n in texts)
    slow, fast = statistics.median(alone), statistics.median(together)
    return {
        "requests": AT_ONCE, "tokens": counted, "sequential_tokens_per_s": round(counted / slow, 1),
        "concurrent_tokens_per_s": round(counted / fast, 1), "ratio": round(slow / fast, 2),
        "ratios": [round(a / b, 2) for a, b in zip(alone, together, strict=True)],
        "cpu_ratio": round(statistics.median(cpu), 2), "equal_texts": equal,
    }  # type: ignore[return-value]  # fmt: skip


if __name__ == "__main__":
    main()
