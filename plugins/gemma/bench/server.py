"""Eight requests at once against one after the other, through OpenAI's client, to ``interleaf gemma serve``.

    python plugins/gemma/bench/server.py [WEIGHTS] [tokens]

The peer is the same server asked sequentially. Rounds take turns; the texts must be equal.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

ROUNDS, AT_ONCE, PORT = 5, 8, 8765
STARTS = [
    "Once upon a time", "One day, a little girl", "Tom had a dog", "The sun was hot and", "Lily and Ben",
    "There was a big tree", "A small bird", "In the park, Max",
]  # fmt: skip


def main() -> None:
    weights = sys.argv[1:2] if len(sys.argv) > 1 and sys.argv[1] != "-" else []
    tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    command = ["interleaf", "gemma", "serve", *weights, "--port", str(PORT), "--threads", "1"]
    server = subprocess.Popen(
        [f"{sys.prefix}/bin/{command[0]}", *command[1:]], stdout=subprocess.DEVNULL
    )
    try:
        wait()
        print(json.dumps(measure(tokens), indent=1))
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


def measure(tokens: int) -> dict[str, float | int | bool]:
    client = OpenAI(base_url=f"http://127.0.0.1:{PORT}/v1", api_key="none")

    def ask(prompt: str) -> tuple[str, int]:
        reply = client.completions.create(model="", prompt=prompt, temperature=0, max_tokens=tokens)
        return reply.choices[0].text, reply.usage.completion_tokens

    def timed(workers: int) -> tuple[float, list[tuple[str, int]]]:
        begin = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(ask, STARTS[:AT_ONCE]))
        return time.perf_counter() - begin, found

    timed(AT_ONCE), timed(1)
    alone, together, equal, counted = [], [], True, 0
    for _ in range(ROUNDS):
        seconds, texts = timed(1)
        alone.append(seconds)
        seconds, same = timed(AT_ONCE)
        together.append(seconds)
        equal, counted = equal and texts == same, sum(n for _, n in texts)
    slow, fast = statistics.median(alone), statistics.median(together)
    return {
        "requests": AT_ONCE, "tokens": counted, "sequential_tokens_per_s": round(counted / slow, 1),
        "concurrent_tokens_per_s": round(counted / fast, 1), "ratio": round(slow / fast, 2),
        "ratios": [round(a / b, 2) for a, b in zip(alone, together, strict=True)], "equal_texts": equal,
    }  # type: ignore[return-value]  # fmt: skip


if __name__ == "__main__":
    main()
