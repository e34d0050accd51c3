"""How long Gaussians take to the PSNR that SIREN, WIRE and a hash grid hold after half an hour; peak memory.

    python plugins/gaussianimage/bench/versus_inr.py [PICTURE [MINUTES [FOLDER]]]

With a FOLDER, networks in training are kept there every minute and go on from there after a kill.
Every contender runs in a process of its own. Time is the process's CPU time over the number of cores, so that
other work on the machine takes nothing away from either side. Networks draw batches of pixels (which helps
them: whole pictures take them 20 times longer to the same error); memory is that of a step over all pixels.
"""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from interleaf_media.reading import read_image

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
CORES = os.cpu_count() or 1
BATCH = 16384
TELL = 60.0  # seconds between two measurements of a network, each some seconds of work itself


def clock() -> float:
    """Seconds of all cores."""
    return time.process_time() / CORES


def memory(name: str) -> float:
    """MiB: VmRSS or VmHWM of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def psnr(pixels, target) -> float:
    """dB after rounding to 8 bits."""
    rounded = np.rint(np.clip(pixels, 0, 1) * 255)
    return float(-10 * np.log10(np.square(rounded / 255 - target, dtype=np.float64).mean()))


def network(name: str):
    """A network and its rate, the best of what was tried for 45 s on kodim05."""
    import torch

    from interleaf_gaussianimage.inr import HashGrid, Siren, Wire

    torch.manual_seed(0)
    return {
        "siren": lambda: (Siren(3, 256, 5, 30.0), 5e-4),
        "wire": lambda: (Wire(3, 181, 2, 10.0, 10.0), 5e-3),
        "hashgrid": lambda: (HashGrid(3, 16, 2, 14, 16, 768, 64, 2), 1e-2),
    }[name]()


def packed(**arrays) -> bytes:
    """The arrays as one .npz."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def run_network(
    name: str, target, minutes: float, kept: Path | None = None
) -> list[tuple[float, float]]:
    """(seconds, dB) on the way; goes on from ``kept`` where that is."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_gaussianimage.inr import Training, draw

    net, rate = network(name)
    training = Training(net, target, rate, 10**9, BATCH, minutes, clock=clock)
    trace: list[tuple[float, float]] = []
    if kept and kept.exists():
        with np.load(kept) as state:
            training.restore(state)
            trace = [(float(s), float(level)) for s, level in state["trace"]]
    while training.progress < 1:
        training.advance()
        told = trace[-1][0] if trace else 0.0
        if training.spent - told > TELL or training.progress >= 1:
            told = training.spent
            trace.append((told, psnr(draw(net, *target.shape[:2]), target)))
            if kept:
                write_atomic(kept, packed(trace=np.array(trace), **training.state))
            print(
                name, f"{told:.0f} s, {training.step} steps, {trace[-1][1]:.2f} dB", file=sys.stderr
            )
    return trace


def run_gaussians(points: int, steps: int, target) -> list[tuple[float, float]]:
    """(seconds, dB) on the way, the start's own time included."""
    from interleaf.builtin.config import RampConfig
    from interleaf.builtin.schedules import Cosine
    from interleaf_gaussianimage.drawing import render
    from interleaf_gaussianimage.fitting import Fitting
    from interleaf_gaussianimage.initial import start

    ramp = Cosine(RampConfig(start=1.0, stop=0.02, length=steps)).table(np.arange(steps))
    factors = next(iter(ramp.values()))
    tiny = target[:64, :64].copy()
    with Fitting(tiny, start(tiny, 10, np.random.default_rng(0)), rotation_scale=True) as fitting:
        fitting.advance()  # compiled code is loaded
        render(fitting.splats)
    began = clock()
    begin = start(target, points, np.random.default_rng(7))
    spent, trace = clock() - began, []
    with Fitting(target, begin, rotation_scale=True) as fitting:
        for step in range(steps):
            began = clock()
            fitting.advance(float(factors[step]))
            spent += clock() - began
            if (step + 1) % 10 == 0:
                trace.append((spent, psnr(render(fitting.splats), target)))
    return trace


def peak(name: str, target) -> float:
    """MiB that three steps over all pixels take, beside the libraries."""
    if name.startswith("gaussians"):
        from interleaf_gaussianimage.fitting import Fitting
        from interleaf_gaussianimage.initial import start

        def work(target) -> None:
            rng = np.random.default_rng(7)
            with Fitting(target, start(target, int(name[9:]), rng), rotation_scale=True) as fitting:
                for _ in range(3):
                    fitting.advance()
    else:
        from interleaf_gaussianimage.inr import Training

        net, rate = network(name)

        def work(target) -> None:
            training = Training(net, target, rate, 10)
            for _ in range(3):
                training.advance()

    work(target[:64, :64].copy())  # libraries and compiled code are loaded
    before = memory("VmRSS")
    work(target)
    return memory("VmHWM") - before


def child(*arguments: str):
    """What this file prints as JSON when it is run with ``arguments``."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, __file__, "--one", *arguments]
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout
    return json.loads(out)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        what, name, picture, amount, *folder = sys.argv[2:]
        target = read_image(Path(picture)).pixels.astype(np.float32) / 255
        if what == "memory":
            print(json.dumps(peak(name, target)))
        elif name.startswith("gaussians"):
            print(json.dumps(run_gaussians(int(name[9:]), int(amount), target)))
        else:
            kept = Path(folder[0], f"{name}.npz") if folder else None
            print(json.dumps(run_network(name, target, float(amount), kept)))
        return
    picture = sys.argv[1] if len(sys.argv) > 1 else str(DATA / "images/kodak/kodim19.png")
    minutes = sys.argv[2] if len(sys.argv) > 2 else "30"
    folder = sys.argv[3:4]
    ours = {
        n: child("time", f"gaussians{n}", picture, str(steps))
        for n, steps in ((10_000, 1000), (30_000, 1000), (70_000, 3000))
    }
    for n, trace in ours.items():
        print(f"ours, N = {n}: {trace[-1][1]:.2f} dB after {trace[-1][0]:.1f} s", flush=True)
    print(f"time(70k) / time(10k), a step: {ours[70_000][-1][0] / 3 / ours[10_000][-1][0]:.2f}")
    small = child("memory", "gaussians70000", picture, "0")
    print(f"memory at 70,000: {small:.0f} MiB", flush=True)
    for name in ("hashgrid", "siren", "wire"):
        trace = child("time", name, picture, minutes, *folder)
        held = trace[-1][1]
        reached = [s for t in ours.values() for s, level in t if level >= held]
        large = child("memory", name, picture, "0")
        print(f"{name}: {held:.2f} dB after {minutes} minutes", flush=True)
        if reached:
            times = 60 * float(minutes) / min(reached)
            print(f"    ours: {min(reached):.2f} s, {times:.0f}×", flush=True)
        print(f"    memory {large:.0f} MiB, {large / small:.1f}×", flush=True)


if __name__ == "__main__":
    main()
