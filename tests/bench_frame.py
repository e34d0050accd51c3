"""The frame beside its peers: start-up in units of an empty Python start, and the cost of a step.

    python tests/bench_frame.py [PEERS_PYTHON]

CPU time (user and system) of the child process, median of 9, measured turn by turn. PEERS_PYTHON is
the interpreter of an environment with kedro, hydra-core and llm; without it they are left out, and
the table says so.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from interleaf.pipeline.plan import load_plan
from interleaf.pipeline.runner import RunOptions, run_plan

ROUNDS = 9
HYDRA = "import hydra\n@hydra.main(version_base=None)\ndef main(c): pass\nmain()\n"
HEAVY = (
    "import sys, interleaf_cli.checking as c; c.checked({file!r}, []); "
    "print([m for m in ('torch', 'numpy', 'diffusers') if m in sys.modules])"
)


def cpu(command: list[str], env: Mapping[str, str]) -> float:
    """Seconds of CPU that one call takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratios(commands: Mapping[str, tuple[list[str], Mapping[str, str]]]) -> dict[str, float]:
    """Median CPU time of each command over that of an empty start of the same round."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for command, env in commands.values():
        cpu(command, env)
    for _ in range(ROUNDS):
        empty = cpu([sys.executable, "-c", "pass"], os.environ)
        for name, (command, env) in commands.items():
            found[name].append(cpu(command, env) / empty)
    return {name: statistics.median(values) for name, values in found.items()}


def fake_plugins(folder: Path, count: int) -> None:
    """Distributions with a small descriptor each."""
    for number in range(count):
        package = folder / f"interleaf_fake{number}"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "plugin.py").write_text(
            "from interleaf.interfaces import Model\nfrom interleaf.plugin import Call, Plugin, component\n"
            f"PLUGIN = Plugin(name='fake{number}', api=1, summary='fake', components=[\n"
            f"    component('x', Model, 'interleaf_fake{number}.code:X',\n"
            "              calls={'apply': Call(needs={'x': 'any'}, gives={'x': 'any'})})])\n"
        )
        info = folder / f"fake{number}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fake{number}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            f"[interleaf.plugins]\nfake{number} = interleaf_fake{number}.plugin\n"
        )


def chain(steps: int) -> str:
    """A pipeline of that many trivial steps."""
    lines = ["version: 1", "name: chain", "steps:", "  d: {use: toy.images, with: {n: 1, size: 2}}"]
    previous = "d"
    for number in range(1, steps):
        lines.append(f"  p{number}: {{use: toy.pass, needs: {{x: {previous}}}}}")
        previous = f"p{number}"
    return "\n".join(lines) + "\n"


def mixed(photo: str) -> str:
    """A pipeline of 20 steps over the installed plugins."""
    lines = ["version: 1", "name: twenty", "vars:", f"  photo: {photo}", "steps:",
             '  photo: {use: media.images, with: {root: "${vars.photo}"}}']  # fmt: skip
    for number in range(4):
        lines += [
            f"  fit{number}: {{use: gaussianimage.fit, with: {{points: {number + 1}}}, "
            "needs: {image: photo}}",
            f"  drawn{number}: {{use: gaussianimage.draw, needs: {{splats: fit{number}}}}}",
            f"  score{number}: {{use: media.fidelity, needs: {{subject: drawn{number}, reference: photo}}}}",
            f"  rows{number}: {{use: core.collect, needs: {{reports: score{number}}}}}",
        ]
    lines += [
        "  rate: {use: core.cosine, with: {length: 10}}",
        "  all: {use: core.collect, needs: {reports: [score0, score1]}}",
        "  page: {use: pages.page, needs: {items: [all, drawn0], reference: photo}}",
        "outputs: {page: page}",
    ]
    return "\n".join(lines) + "\n"


def startup(folder: Path, peers: str) -> None:
    """Print the table of start-up ratios."""
    import skimage

    document = folder / "twenty.yaml"
    document.write_text(mixed(str(Path(skimage.__file__).parent / "data" / "coffee.png")))
    many = folder / "many"
    many.mkdir()
    fake_plugins(many, 100)
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    crowd = {**env, "PYTHONPATH": str(many), "XDG_CACHE_HOME": str(folder / "crowd")}
    ours = [sys.executable, "-m", "interleaf_cli"]
    commands: dict[str, tuple[list[str], Mapping[str, str]]] = {
        "interleaf --help (≤ 10)": ([*ours, "--help"], env),
        "interleaf list (≤ 10)": ([*ours, "list"], env),
        "interleaf --help, 100 more plugins (≤ 20)": ([*ours, "--help"], crowd),
        "interleaf list, 100 more plugins (≤ 20)": ([*ours, "list"], crowd),
        "interleaf validate, 20 steps (≤ 25)": ([*ours, "validate", str(document)], env),
    }
    if peers:
        commands |= {
            "kedro --help": ([peers, "-m", "kedro", "--help"], env),
            "llm --help": ([peers, "-m", "llm", "--help"], {**env, "LLM_USER_PATH": str(folder)}),
            "hydra app --help": ([peers, "-c", HYDRA, "--help"], env),
        }
    print("| command | × an empty start |\n|---|---|")
    for name, ratio in ratios(commands).items():
        print(f"| {name} | {ratio:.1f} |", flush=True)
    if not peers:
        print("| kedro, llm, hydra | not measured: no interpreter named |")
    done = subprocess.run(
        [sys.executable, "-c", HEAVY.format(file=str(document))], capture_output=True, text=True
    )
    print(f"\nloaded by validate, of torch, numpy, diffusers: {done.stdout.strip()}")


def per_step(folder: Path) -> None:
    """Print microseconds a trivial step: what a longer chain takes more than a short one.

    A step is run from a plan that was read before; reading and checking its lines is told apart.
    """
    print("\n| trivial step | µs |\n|---|---|")
    for name, store in (
        ("first store (≤ 1,000)", "new"),
        ("warm resume (≤ 150)", "new"),
        ("in memory (≤ 60)", "memory:"),
    ):
        seconds, reading = {}, {}
        for steps in (50, 450):
            file = folder / f"chain{steps}.yaml"
            file.write_text(chain(steps))
            where = store if store == "memory:" else str(folder / f"{store}{steps}")
            options = RunOptions(store=where, out=folder / "out")
            taken, read = [], []
            for _ in range(1 if name.startswith("first") else 5):
                began = time.perf_counter()
                plan = load_plan(file)
                planned = time.perf_counter()
                run_plan(plan, options)
                taken.append(time.perf_counter() - planned)
                read.append(planned - began)
            seconds[steps], reading[steps] = min(taken), min(read)
        print(f"| {name} | {(seconds[450] - seconds[50]) / 400 * 1e6:.0f} |", flush=True)
    print(f"| the file system alone: folder, file, fsync, rename | {bare(folder / 'bare'):.0f} |")
    print(f"| reading and planning | {(reading[450] - reading[50]) / 400 * 1e6:.0f} |", flush=True)


def bare(folder: Path, count: int = 200) -> float:
    """Microseconds that the least an entry needs takes on this disk."""
    folder.mkdir()
    began = time.perf_counter()
    for number in range(count):
        made = folder / f"{number}.new"
        made.mkdir()
        with (made / "meta.json").open("wb") as file:
            file.write(bytes(400))
            file.flush()
            os.fsync(file.fileno())
        made.rename(folder / str(number))
    return (time.perf_counter() - began) / count * 1e6


def main() -> None:
    """Both tables."""
    with tempfile.TemporaryDirectory() as folder:
        startup(Path(folder), sys.argv[1] if len(sys.argv) > 1 else "")
        per_step(Path(folder))


if __name__ == "__main__":
    main()
