"""Scenarios and records: right on what is known, and every fault named."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import interleaf
import interleaf_openrisk
from interleaf_openrisk.results import attempts_of, compare, summary
from interleaf_openrisk.scenario import FIELDS, quantile_of, simulate
from interleaf_openrisk.uplift import BadCounts

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example.jsonl")
PLAIN = {"attempts": 1000, "p_open": 0.3, "p_ref": 0.2, "efficacy": 0.5, "impact": 10}


def call(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_points_give_the_product():
    found = simulate(PLAIN, count=100)
    assert found.mean == pytest.approx(500) and found.p_positive == 1
    assert all(v == pytest.approx(500) for v in found.quantiles.values())


@pytest.mark.parametrize(
    ("raw", "quantiles"),
    [
        ({"uniform": {"low": 2, "high": 6}}, {0.05: 2.2, 0.5: 4, 0.95: 5.8}),
        ({"triangular": {"low": 0, "mode": 1, "high": 2}}, {0.125: 0.5, 0.5: 1, 0.875: 1.5}),
        ({"lognormal": {"low": 1, "high": 100}}, {0.05: 1, 0.5: 10, 0.95: 100}),
    ],
)
def test_distributions_have_the_quantiles_they_should(raw, quantiles):
    made = quantile_of("attempts", raw)
    for q, value in quantiles.items():
        assert made(np.array([q]))[0] == pytest.approx(value, rel=1e-6)


def test_the_tornado_puts_the_widest_first_and_draws_are_repeatable():
    fields = {
        **PLAIN,
        "attempts": {"lognormal": {"low": 10, "high": 1e5}},
        "impact": {"uniform": {"low": 9, "high": 11}},
    }
    found = simulate(fields)
    assert list(found.tornado)[:2] == ["attempts", "impact"]
    assert found == simulate(fields) and found != simulate(fields, seed=1)
    began = time.perf_counter()
    simulate({**fields, "p_open": {"beta": {"k": 30, "n": 100}}})
    assert time.perf_counter() - began < 30  # a hang, not a speed claim


def test_correlations_widen_what_they_should():
    fields = {
        **PLAIN,
        "attempts": {"uniform": {"low": 0, "high": 2000}},
        "impact": {"uniform": {"low": 0, "high": 20}},
    }
    free, tied = simulate(fields), simulate(fields, {("attempts", "impact"): 0.95})
    assert tied.mean > 1.2 * free.mean and tied.quantiles[0.95] > free.quantiles[0.95]
    with pytest.raises(BadCounts, match="contradict"):
        simulate(
            fields,
            {("attempts", "impact"): 0.9, ("impact", "p_ref"): 0.9, ("attempts", "p_ref"): -0.9},
        )
    with pytest.raises(BadCounts, match="no correlation"):
        simulate(fields, {("attempts", "attempts"): 0.5})


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_number_is_an_error_not_zero(field):
    with pytest.raises(BadCounts, match=f"no distribution for {field}"):
        simulate({k: v for k, v in PLAIN.items() if k != field})


@pytest.mark.parametrize(
    ("field", "raw", "told"),
    [
        ("p_open", 1.2, "is a probability"),
        ("efficacy", {"uniform": {"low": -0.1, "high": 0.5}}, "is a probability"),
        ("attempts", -1, "never negative"),
        ("attempts", {"uniform": {"low": 5, "high": 2}}, "not in order"),
        ("attempts", {"lognormal": {"low": 0, "high": 2}}, "above 0"),
        ("attempts", {"normal": {"mean": 5}}, "no distribution"),
        ("attempts", {"uniform": {"low": 5}}, "takes low, high"),
        ("attempts", float("nan"), "value is nan"),
        ("impact", "many", "no distribution"),
        ("p_ref", {"beta": {"k": 5, "n": 2}}, "0 to n"),
    ],
)
def test_bad_distributions_are_named(field, raw, told):
    with pytest.raises(BadCounts, match=told):
        simulate({**PLAIN, field: raw}, count=10)


def record(**changes):
    row = {"vector": "v", "task_id": "t", "arm": "open", "participant": "p", "outcome": True}
    return {k: v for k, v in {**row, **changes}.items() if v is not None}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (record(arm="opne"), "no arm 'opne'"),
        (record(outcome="yes"), "outcome is 'yes'"),
        (record(outcome=2), "outcome is 2"),
        (record(outcome=None), "outcome is None"),
        (record(task_id=""), "no task_id"),
        (record(vector=None), "no vector"),
        (record(participant=None), "neither participant nor seed"),
    ],
)
def test_a_bad_record_is_named(row, told):
    with pytest.raises(BadCounts, match=f"record 2.*{told}"):
        attempts_of([record(task_id="other"), row])


def test_a_record_that_has_leaked_is_refused():
    with pytest.raises(BadCounts, match="record 2 repeats record 1"):
        attempts_of([record(), record(outcome=False)])


def test_one_arm_missing_is_told_and_is_never_zero():
    rows = [record(participant=f"p{i}", arm=a) for i in range(5) for a in ("open", "existing")]
    found = compare(attempts_of(rows))
    assert found["closed"] == "no attempts in the arm 'closed'" and not isinstance(
        found["existing"], str
    )
    told = summary(attempts_of(rows))["vectors"]["v"]
    assert told["closed"] == {"missing": found["closed"]} and told["headline"] == "existing"


def test_designs_are_recognised():
    tasks = [f"t{i}" for i in range(12)]
    paired = [
        record(task_id=t, arm=a, participant=a, outcome=i % (2 if a == "open" else 4) == 0)
        for i, t in enumerate(tasks)
        for a in ("open", "closed")
    ]
    assert compare(attempts_of(paired))["closed"].design == "paired"
    crossed = [
        record(task_id=t, arm=a, participant=f"p{p}", outcome=(p + i) % 3 == 0)
        for i, t in enumerate(tasks)
        for p in range(4)
        for a in ("open", "closed")
    ]
    found = compare(attempts_of(crossed))["closed"]
    assert found.design == "clustered" and "not independent" in found.notes[-1]
    apart = [record(task_id="a", participant=f"p{i}") for i in range(6)]
    apart += [record(task_id="b", participant=f"q{i}", arm="closed") for i in range(6)]
    found = compare(attempts_of(apart))["closed"]
    assert found.design == "independent" and "different tasks" in found.notes[0]


def test_commands(tmp_path):
    done = call("uplift", "--open", "30/100", "--reference", "20/100", "--json")
    found = json.loads(done.stdout)
    assert found["difference"] == pytest.approx(0.10)
    assert found["newcombe95"] == pytest.approx([-0.0202, 0.2167], abs=5e-5)
    assert found["p_gt_0"] == pytest.approx(0.949, abs=5e-4) and "never" in found["limits"]
    done = call("uplift", "--results", EXAMPLE, "--json")
    vectors = json.loads(done.stdout)["vectors"]
    assert len(vectors) == 2 and all(0 <= v["p_holm"] <= 1 for v in vectors.values())
    file = tmp_path / "h.yaml"
    file.write_text(
        "attempts: 10\np_open: 0.3\np_ref: 0.1\nefficacy: 0.5\nimpact: {uniform: {low: 1, high: 3}}\n"
    )
    assert json.loads(call("scenario", file, "--json").stdout)["mean"] == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["uplift"], "give counts of two arms, or a file"),
        (["uplift", "--open", "30", "--reference", "2/3"], "no k/n"),
        (["uplift", "--open", "5/3", "--reference", "2/3"], "successes are 0 to n"),
        (["uplift", "--open", "0/0", "--reference", "2/3"], "no attempts"),
        (["uplift", "--open", "1/3", "--reference", "2/3", "--delta", "0"], "no part of 1"),
        (["uplift", "--results", "none.jsonl"], "no such file"),
        (["scenario", "none.yaml"], "cannot read the file"),
    ],
)
def test_mistakes_are_told(words, told):
    done = call(*words)
    assert done.returncode == 3 and told in done.stderr and not done.stdout
    assert "Traceback" not in done.stderr


def test_the_pipeline_and_the_facts(tmp_path):
    done = interleaf.run("openrisk/uplift", results=str(EXAMPLE), store="memory:", out=tmp_path)
    assert any("uplift_over_closed" in name for name in done.metrics)
    (table,) = interleaf.load("openrisk.facts", name="prior_studies")
    steps = [c for c in table.columns if c in ("existing_risk", "marginal_risk_evidence")]
    complete = [r for r in table.rows if "absent" not in r.values() and "partial" not in r.values()]
    assert (
        len(table) == 7 and len(steps) == 2 and [r["misuse_vector"] for r in complete] == ["csam"]
    )
