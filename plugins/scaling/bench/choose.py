"""How the default procedure was chosen, on development rows only.

    python plugins/scaling/bench/choose.py [dev_runs.csv]

Large runs: each of the largest 30 % by compute with M >= 20, predicted from runs of less than a third of
its compute. Mid-grid: each run below 1B with M >= 20 that the paper's procedure does not fit, predicted
from all others. Mean absolute relative error in percent over the three training sets, for each
combination of law, least multiplier and Huber threshold; the paper's five-run fit in the last line.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import numpy as np

from interleaf_scaling.fitting import fit
from interleaf_scaling.lawbook import loss_law
from interleaf_scaling.procedures import calibrate
from interleaf_scaling.reading import read_runs
from interleaf_scaling.runs import Runs

GROUPS = ("C4", "RedPajama", "RefinedWeb")
DELTAS = (1e-3, 1e-2, float("inf"))


def predicted(runs: Runs, place: int, train: Runs, law: str, delta: float) -> float:
    """Relative error of one run from others."""
    chosen = loss_law(law)
    kind = "huber_log" if np.isfinite(delta) else "mse_log"
    params = fit(train, chosen, kind, delta).params
    return abs(chosen.loss(params, runs.n[place], runs.d[place]).item() / runs.loss[place] - 1)


def large(runs: Runs, law: str, least: float, delta: float) -> list[float]:
    """Errors of predicting the largest runs."""
    found = []
    for place in np.argsort(runs.flops, kind="stable")[-round(0.3 * len(runs)) :]:
        smaller = runs.flops < runs.flops[place] / 3
        if runs.multiplier[place] > 19.8:
            train = runs.where(smaller & (runs.multiplier >= 0.99 * least))
            found.append(predicted(runs, place, train, law, delta))
    return found


def middle(runs: Runs) -> list[int]:
    """Places of the mid-grid runs."""
    five = set(calibrate(runs, "paper").used)
    rows = enumerate(zip(runs.name, runs.n, runs.multiplier, strict=True))
    return [i for i, (name, n, m) in rows if name not in five and n < 1e9 and m > 19.8]


def mid_grid(runs: Runs, law: str, least: float, delta: float) -> list[float]:
    """Errors of predicting each mid-grid run from all others."""
    kept = runs.multiplier >= 0.99 * least
    others = [(i, kept & (np.arange(len(runs)) != i)) for i in middle(runs)]
    return [predicted(runs, i, runs.where(mask), law, delta) for i, mask in others]


def main() -> None:
    """Print the table, best mean first."""
    data = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
    runs = read_runs(sys.argv[1] if len(sys.argv) > 1 else data / "scaling" / "dev_runs.csv")
    groups = [runs.of_group(g) for g in GROUPS]
    rows = []
    for law, least, delta in itertools.product(("overtrained", "chinchilla"), (0, 10, 20), DELTAS):
        far = 100 * np.mean([e for g in groups for e in large(g, law, least, delta)])
        near = 100 * np.mean([e for g in groups for e in mid_grid(g, law, least, delta)])
        rows.append((far + near, law, least, delta, far, near))
    print("| law | M from | delta | large runs | mid-grid |\n|---|---|---|---|---|")
    for _, law, least, delta, far, near in sorted(rows):
        print(f"| {law} | {least} | {delta:g} | {far:.2f} | {near:.2f} |")
    paper = []
    for g in groups:
        off = np.abs(calibrate(g, "paper").loss(g.n, g.d) / g.loss - 1)
        paper += [off[i] for i in middle(g)]
    print(f"| the paper's five runs | | | | {100 * np.mean(paper):.2f} |")


if __name__ == "__main__":
    main()
