"""How often 90 % intervals hold what they should: 200 tables of a known law with known noise.

python plugins/scaling/bench/coverage.py
"""

from __future__ import annotations

import numpy as np

from interleaf_scaling.laws import OVERTRAINED
from interleaf_scaling.procedures import calibrate
from interleaf_scaling.runs import Runs

TRUE = {"a": 140.0, "b": 290.0, "eta": -0.26, "E": 1.75}
MODELS = {"1.4B, M = 640": (1.4e9, 9e11), "7B, M = 20": (7e9, 1.4e11), "0.4B, M = 20": (4e8, 8e9)}
TABLES = 200


def table(rng: np.random.Generator, noise: float) -> Runs:
    """24 runs like the paper's, with Gaussian noise of ln loss."""
    n, m = (g.ravel() for g in np.meshgrid([1e7, 7.9e7, 1.5e8, 4.1e8], [10, 20, 40, 80, 160, 320]))
    loss = OVERTRAINED.loss(TRUE, n, m * n) * np.exp(rng.normal(0, noise, n.size))
    names = tuple(f"r{i}" for i in range(n.size))
    return Runs(names, ("",) * n.size, n, m * n, loss, np.full(n.size, np.nan), np.ones(n.size))


def main() -> None:
    """Print the part of tables whose interval holds the law's value, and one run's measurement."""
    rng = np.random.default_rng(2024)
    print("| noise of ln L | model | law in its interval | run in its interval | half-width, run |")
    print("|---|---|---|---|---|")
    for noise in (0.002, 0.005, 0.01):
        found = {name: [] for name in MODELS}
        for _ in range(TABLES):
            chain = calibrate(table(rng, noise), law="overtrained", draws=300)
            for name, (n, d) in MODELS.items():
                told = chain.predict(n, d)
                true = OVERTRAINED.loss(TRUE, n, d).item()
                run = true * np.exp(rng.normal(0, noise))
                law = told.law.low <= true <= told.law.high
                inside = told.loss.low <= run <= told.loss.high
                found[name].append((law, inside, told.loss.half_width))
        for name, rows in found.items():
            law, run, half = np.mean(rows, axis=0)
            print(
                f"| {noise:g} | {name} | {100 * law:.1f} % | {100 * run:.1f} % | {100 * half:.2f} % |"
            )


if __name__ == "__main__":
    main()
