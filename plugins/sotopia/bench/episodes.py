"""1,000 episodes over real HTTP on loopback: faults, kills, the concurrency ceiling, memory.

    python plugins/sotopia/bench/episodes.py [--episodes 1000] [--latency 0.2] [--concurrency 16]

Server and player are processes of their own. Ceiling: answers at `latency` each, `concurrency` at once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from interleaf_sotopia.sample import write_sample
from interleaf_sotopia.store import Store

COMMAND = [sys.executable, "-m", "interleaf_cli", "sotopia"]


def served(fault_rate: float, latency: float) -> tuple[subprocess.Popen[str], str]:
    """A test server and where it is."""
    process = subprocess.Popen(
        [*COMMAND, "serve-test", "--port", "0", "--fault-rate", str(fault_rate), "--latency", str(latency)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"http://\S+/v1", process.stdout.readline())
    assert found
    return process, found[0]


def peak(pid: int) -> float:
    """Resident MB of a running process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def turns(store: Path) -> int:
    """Requests stored so far."""
    try:
        with Store(store) as opened:
            return opened.requests()
    except Exception:
        return 0


def played(
    folder: Path, name: str, url: str, a: argparse.Namespace, kills: int
) -> dict[str, object]:
    """Play all, killed `kills` times on the way; the report, the seconds from first to last turn, memory."""
    store = folder / name
    asked = ["play", str(folder / "scenarios.jsonl"), "--model", url, "--store", str(store), "--repetitions",
             str(a.episodes // 2), "--max-turns", "6", "--concurrency", str(a.concurrency)]  # fmt: skip
    memory: list[float] = []
    begun = 0.0
    for n in range(kills + 1):
        process = subprocess.Popen(
            [*COMMAND, *asked], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        first = turns(store)
        while process.poll() is None:
            time.sleep(0.25)
            now = turns(store)
            if not begun and now > 0:
                begun, first_turns = time.monotonic(), now
            memory.append(peak(process.pid) if process.poll() is None else 0.0)
            if n < kills and now - first > a.episodes:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
        asked = ["resume", str(store)]
    seconds = time.monotonic() - begun
    told = json.loads(
        subprocess.run(
            [*COMMAND, "report", str(store), "--json"], capture_output=True, text=True
        ).stdout
    )
    known = [m for m in memory if m]
    third = max(1, len(known) // 3)
    told |= {"seconds": seconds, "rate": (told["turns"] - first_turns) / seconds,
             "memory_early": max(known[third : 2 * third]), "memory_late": max(known[-third:])}  # fmt: skip
    return told


def main() -> None:
    """Print the figures of a fault-free run and of one with faults and kills."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=16)
    a = parser.parse_args()
    folder = write_sample(Path(tempfile.mkdtemp()))
    digests = []
    for name, rate, kills in (("plain.db", 0.0, 0), ("faulty.db", 0.1, 3)):
        server, url = served(rate, a.latency)
        told = played(folder, name, url, a, kills)
        stats = json.load(urlopen(url.removesuffix("/v1") + "/stats"))
        server.terminate()
        ceiling = a.concurrency / a.latency
        print(
            f"{name}: {told['done']} done, {told['lost']} lost, {told['doubled']} doubled, "
            f"{told['turns']} turns, "
            f"{stats['requests']} requests, {stats['answered']} answered "
            f"({stats['answered_again']} again after a kill), "
            f"{told['seconds']:.1f} s, {told['rate']:.1f} turns/s = {told['rate'] / ceiling:.1%} "
            f"of the ceiling "
            f"{ceiling:.0f}, memory {told['memory_early']:.0f} → {told['memory_late']:.0f} MB"
        )
        digests.append(told["digest"])
    print("digests equal:", digests[0] == digests[1])
    print(
        "cpu of all children:", round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, 1), "s"
    )


if __name__ == "__main__":
    main()
