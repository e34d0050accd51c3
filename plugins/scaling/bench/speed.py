"""4,500 starts on 234 points, beside SciPy's L-BFGS-B and the package ``chinchilla``.

    python plugins/scaling/bench/speed.py [PYTHON_WITH_CHINCHILLA]

The points are a made-up law with 1 % noise; the starts are Hoffmann's grid (alpha, beta in {0, .5, 1, 1.5,
2}, e in {-1, -.5, 0, .5, 1}, a, b in {0, 5, …, 25}). The peers make some of the starts, and their time is
scaled; all use the Huber loss of ln L with delta = 1e-3, chinchilla its own loss.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time

import numpy as np
from scipy.optimize import minimize

from interleaf_scaling.fitting import fit
from interleaf_scaling.intervals import draw
from interleaf_scaling.laws import CHINCHILLA
from interleaf_scaling.runs import Runs

TRUE = {"A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366, "E": 1.817}
DELTA = 1e-3
PEER = """
import json, sys, time
import numpy as np
from chinchilla import Chinchilla
n, d, loss, count = json.load(sys.stdin)
import tempfile
with tempfile.TemporaryDirectory() as folder:
    half = [0.0, 1.0]
    cc = Chinchilla(folder, param_grid=dict(E=np.linspace(.5, 1.5, 2), A=np.linspace(0, 25, 2),
        B=np.linspace(0, 25, 2), alpha=np.linspace(0, 2, 2), beta=np.linspace(0, 2, 2)),
        seed_ranges=dict(C=(1e18, 1e19), N_to_D=(10, 100)), log_level=50)
    cc.database.df = type(cc.database.df)(dict(C=6 * np.array(n) * d, N=n, D=d, loss=loss))
    began = time.perf_counter()
    cc.fit(parallel=False)
    print(json.dumps([time.perf_counter() - began, 32]))
"""


def points(seed: int = 0) -> Runs:
    """234 runs."""
    rng = np.random.default_rng(seed)
    n, d = 10 ** rng.uniform(7.5, 10.3, 234), 10 ** rng.uniform(9, 11.5, 234)
    loss = CHINCHILLA.loss(TRUE, n, d) * np.exp(rng.normal(0, 0.01, 234))
    names = tuple(f"r{i}" for i in range(234))
    return Runs(names, ("",) * 234, n, d, loss, np.full(234, np.nan), np.ones(234))


def hoffmann() -> np.ndarray:
    """[4500, 5]: a, b, alpha, beta, e."""
    half, amounts = (0, 0.5, 1, 1.5, 2), range(0, 26, 5)
    grid = itertools.product(amounts, amounts, half, half, (-1, -0.5, 0, 0.5, 1))
    return np.array(list(grid), dtype=float)


def scipy_loop(runs: Runs, starts: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds, and the objective each start ends at; analytic gradient."""
    log_n, log_d, target = np.log(runs.n), np.log(runs.d), np.log(runs.loss)

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, alpha, beta, e = theta
        logs = np.stack([a - alpha * log_n, b - beta * log_d, np.full_like(log_n, e)])
        top = logs.max(axis=0)
        shares = np.exp(logs - top)
        total = shares.sum(axis=0)
        residual = top + np.log(total) - target
        shares /= total
        size = np.abs(residual)
        huber = np.where(size <= DELTA, residual**2 / 2, DELTA * (size - DELTA / 2))
        slope = np.clip(residual, -DELTA, DELTA)
        one, two, three = slope * shares
        gradient = [one.sum(), two.sum(), -(one * log_n).sum(), -(two * log_d).sum(), three.sum()]
        return huber.sum(), np.array(gradient)

    began = time.perf_counter()
    ended = [minimize(value, s, jac=True, method="L-BFGS-B").fun for s in starts]
    return time.perf_counter() - began, np.array(ended)


def main() -> None:
    """Print the table."""
    runs, starts = points(), hoffmann()
    fit(runs, CHINCHILLA, delta=DELTA, starts=starts[:10])
    began = time.perf_counter()
    ours = fit(runs, CHINCHILLA, delta=DELTA, starts=starts)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    fit(runs, CHINCHILLA, delta=DELTA, starts=4500)
    drawn = time.perf_counter() - began
    some = starts[:: len(starts) // 200]
    loop, ended = scipy_loop(runs, some)
    loop *= len(starts) / len(some)
    best = min(ours.objective, ended.min())
    print(
        "| 4,500 starts, 234 points | s | × ours | best objective | starts within 1 % of the best |"
    )
    print("|---|---|---|---|---|")
    print(f"| ours | {seconds:.2f} | 1 | {ours.objective:.9g} | {100 * ours.at_best:.0f} % |")
    print(f"| ours, 4,500 random exponents | {drawn:.2f} | {drawn / seconds:.0f} | | |")
    near = 100 * np.mean(ended <= best * 1.01)
    print(
        f"| SciPy L-BFGS-B, {len(some)} starts scaled | {loop:.1f} | {loop / seconds:.0f} "
        f"| {ended.min():.9g} | {near:.1f} % |"
    )
    if other := (sys.argv[1] if len(sys.argv) > 1 else os.environ.get("INTERLEAF_PEERS", "")):
        told = json.dumps([runs.n.tolist(), runs.d.tolist(), runs.loss.tolist(), 32])
        done = subprocess.run([other, "-c", PEER], input=told, capture_output=True, text=True)
        try:
            peer, count = json.loads(done.stdout.splitlines()[-1])
            peer *= len(starts) / count
            print(f"| chinchilla, {count} starts scaled | {peer:.0f} | {peer / seconds:.0f} | | |")
        except (ValueError, IndexError):
            print(f"| chinchilla | failed: {done.stderr.strip().splitlines()[-1:]} | | | |")
    else:
        print("| chinchilla | not measured: no interpreter named | | | |")
    began = time.perf_counter()
    draw(runs, CHINCHILLA, ours, "residual", 1000)
    print(f"\n1,000 bootstrap resamples of the 234 points: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
