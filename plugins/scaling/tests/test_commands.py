"""The commands and pipelines, as users call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import interleaf
import interleaf_scaling
from interleaf.errors import InvalidInput
from interleaf.values import Table
from interleaf_scaling.components import ScalingLaw
from interleaf_scaling.config import LawConfig

DATA = Path(interleaf_scaling.__file__).with_name("example.csv")


def call(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interleaf_cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def told(*words: object) -> dict[str, object]:
    done = call("scaling", *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_fit_prints_parameters_and_what_was_not_fitted():
    found = told("fit", DATA, "--group", "a", "--max-flops", "1e19")
    assert {"a", "b", "eta", "E", "k", "gamma", "eps"} == set(found["params"])
    target = found["targets"][-1]
    assert target["flops"] > 1e19 and target["loss"]["relative_error_percent"] < 5
    assert target["error"]["low"] < target["error"]["predicted"] < target["error"]["high"]
    assert found["reliable"] is True


def test_predict_plan_compare_bootstrap():
    at = ("--group", "B", "--params", "1.4e9", "--tokens", "900e9")
    found = told("predict", DATA, *at)
    for name in ("loss", "error"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert any("outside" in w or "extrapolating" in w for w in found["warnings"])
    plan = told("plan", DATA, "--group", "B", "--flops", "1e21", "--inference-tokens", "1e12")
    assert plan["cost"]["total"] == pytest.approx(1e21)
    assert plan["cost"]["inference"] == pytest.approx(2e12 * plan["n_params"])
    assert plan["alternatives"] and plan["loss"]["value"] < found["loss"]["value"] + 1
    goal = plan["loss"]["value"]
    words = ("--group", "B", "--inference-tokens", "1e12", "--target-loss", goal)
    assert told("plan", DATA, *words)["cost"]["total"] == pytest.approx(1e21, rel=1e-6)
    laws = {row["law"]: row for row in told("compare", DATA, "--group", "A")["laws"]}
    assert laws["overtrained"]["leave_one_out"] < laws["power"]["leave_one_out"]
    ends = told("bootstrap", DATA, "--group", "A", "--count", "100")["params"]["eta"]
    assert ends["low"] < ends["value"] < ends["high"]


@pytest.mark.parametrize("kind", ["compute", "error", "contours", "residuals", "bootstrap"])
def test_plots_are_written_whole(tmp_path, kind):
    out = tmp_path / "p.svg"
    done = call("scaling", "plot", DATA, "--group", "A", "--kind", kind, "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_text().lstrip().startswith("<?xml") and out.read_text().rstrip().endswith(
        "</svg>"
    )


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["fit", "none.csv"], 3, ["no such file: none.csv"]),
        (["fit", DATA], 3, ["2 groups", "--group"]),
        (["fit", DATA, "--group", "A", "--law", "magic"], 3, ["no law 'magic'", "overtrained"]),
        (["fit", DATA, "--group", "A", "--procedure", "mine"], 3, ["no procedure", "default or paper"]),
        (["fit", DATA, "--group", "A", "--procedure", "paper"], 3, ["paper's procedure", "default"]),
        (["fit", DATA, "--group", "A", "--column", "loss"], 3, ["'loss' is no column", "field=VALUE"]),
        (["fit", DATA, "--group", "A", "--max-flops", "1"], 3, ["no run has at most", "raise"]),
        (["predict", DATA, "--group", "A", "--params", "-1", "--tokens", "1e9"], 3, ["-1 parameters"]),
        (["predict", DATA, "--group", "A", "--params", "1e9"], 2, ["--tokens"]),
        (["plan", DATA, "--group", "A"], 3, ["a budget or a loss", "--flops"]),
        (["plan", DATA, "--group", "A", "--target-loss", "0.1"], 3, ["irreducible"]),
        (["bootstrap", DATA, "--group", "A", "--kind", "x"], 3, ["no bootstrap 'x'", "jackknife"]),
        (["plot", DATA, "--group", "A", "--kind", "x", "--out", "p.svg"], 3, ["no plot 'x'", "contours"]),
    ],
)  # fmt: skip
def test_mistakes_are_told(tmp_path, words, code, expected):
    done = call("scaling", *words, cwd=tmp_path)
    assert done.returncode == code and not done.stdout, done.stdout + done.stderr
    assert all(e in done.stderr for e in expected) and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_pipelines_run_on_another_plugins_table_or_a_file(tmp_path):
    pytest.importorskip("interleaf_pages", reason="interleaf-pages is not installed")
    options = {"store": "memory:", "out": tmp_path / "out"}
    done = interleaf.run("scaling/overtrained", table=str(DATA), procedure="default", **options)
    assert "score.loss_relative_error" in done.metrics
    assert done.outputs["page"][0].read_bytes().count(b"data:image/svg+xml;base64") == 6
    done = interleaf.run("scaling/plan", table=str(DATA), group="A", flops=1e21, **options)
    (plan,) = list(done.value("plan"))
    assert plan.columns["training FLOPs"][0] == pytest.approx(1e21)


def test_a_law_that_has_seen_nothing_says_so():
    law = ScalingLaw(LawConfig())
    with pytest.raises(InvalidInput, match="not been fitted"):
        law.apply(Table({"n_params": [1e9], "tokens": [1e10]}))
