"""Figures of arXiv 2403.08540, section 4, from the authors' runs (read from INTERLEAF_DATA)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from interleaf_scaling.procedures import calibrate
from interleaf_scaling.reading import read_runs

ROOT = Path(__file__).parents[3]
FILE = (
    Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data")) / "scaling/dev_runs.csv"
)
pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no {FILE}: set INTERLEAF_DATA")

CONSTANTS = {
    "RedPajama": {
        "a": "166.2", "b": "366.7", "eta": "-0.2729", "E": "1.837",
        "k": "2.206", "gamma": "0.7146", "eps": "0.8570",
    },
    "C4": {
        "a": "113.7", "b": "189.5", "eta": "-0.2425", "E": "1.508",
        "k": "2.079", "gamma": "0.7561", "eps": "0.8497",
    },
    "RefinedWeb": {
        "a": "125.1", "b": "246.2", "eta": "-0.2544", "E": "1.734",
        "k": "2.215", "gamma": "0.7070", "eps": "0.8653",
    },
}  # fmt: skip
HEADLINE = {  # percent: loss, error on 17 tasks, error on 46 tasks
    "rpj-open_lm_1b-32.0": (0.7103, 3.6365, 3.44),
    "rpj-open_lm_7b-1.0": (0.7320, 0.0464, 2.10),
}


def called(*words: object) -> dict[str, object]:
    command = [sys.executable, "-m", "interleaf_cli", "scaling", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def digits(value: float, text: str) -> str:
    places = len(text.lstrip("-").partition(".")[2])
    return f"{value:.{places}f}"


@pytest.mark.parametrize("group", CONSTANTS)
def test_constants_to_four_digits(group):
    found = called("fit", FILE, "--group", group.lower(), "--procedure", "paper")
    params = {k: digits(found["params"][k], v) for k, v in CONSTANTS[group].items()}
    expected = dict(CONSTANTS[group])
    assert params == expected and found["starts_at_best"] == 1.0


def test_the_four_headline_figures():
    found = called("fit", FILE, "--group", "RedPajama", "--procedure", "paper")
    targets = {t["run"]: t for t in found["targets"]}
    for run, (loss, error, _) in HEADLINE.items():
        assert targets[run]["loss"]["relative_error_percent"] == pytest.approx(loss, abs=5e-4)
        assert targets[run]["error"]["relative_error_percent"] == pytest.approx(error, abs=5e-4)
        assert targets[run]["extrapolated"]
    in_fit = targets["rpj-open_lm_1b-1.0"]
    assert in_fit["error"]["in_fit"] and not targets["rpj-open_lm_1b-32.0"]["error"]["in_fit"]
    columns = ("--column", "error=err_avg46")
    found = called("fit", FILE, "--group", "RedPajama", "--procedure", "paper", *columns)
    for target in found["targets"]:
        if target["run"] in HEADLINE:
            wanted = HEADLINE[target["run"]][2]
            assert target["error"]["relative_error_percent"] == pytest.approx(wanted, abs=5e-3)


def test_a_bad_fit_is_told_and_a_good_one_is_not():
    columns = {"loss": "loss_paloma_redpajama"}
    bad = calibrate(read_runs(FILE, columns).of_group("RedPajama"), "paper")
    assert not bad.reliable and bad.warnings[0].startswith("unreliable: 19 runs")
    good = calibrate(read_runs(FILE).of_group("RedPajama"), "paper")
    assert good.reliable and not any(w.startswith("unreliable") for w in good.warnings)


@pytest.mark.parametrize(("group", "most"), [("RedPajama", 1.0), ("C4", 2.0), ("RefinedWeb", 1.5)])
def test_the_default_predicts_large_runs_from_small_ones(group, most):
    """Runs above 2e20 FLOPs from those below; those of M >= 20 are what both procedures claim."""
    runs = read_runs(FILE).of_group(group)
    small, large = runs.split(2e20)
    chain = calibrate(small)
    off, inside = [], []
    for n, d, loss in zip(large.n, large.d, large.loss, strict=True):
        found = chain.predict(n, d).loss
        off.append(100 * abs(found.value / loss - 1))
        inside.append(found.low <= loss <= found.high)
    assert np.mean(off) < most and np.mean(inside) >= 0.5


def test_the_default_beats_the_paper_where_both_were_not_fitted():
    runs = read_runs(FILE).of_group("RedPajama")
    small, large = runs.split(4e20)
    off = {}
    for name, given in (("default", small), ("paper", runs)):
        chain = calibrate(given, name)
        off[name] = np.mean(np.abs(chain.loss(large.n, large.d) / large.loss - 1))
    assert off["default"] < off["paper"]
