"""Scores, costs and times against SciPy, published curves and simulation."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interleaf_openrisk.outcomes import (
    cliffs_delta,
    measured,
    median_time,
    restricted_mean,
    survival,
)
from interleaf_openrisk.results import Attempt, attempts_of
from interleaf_openrisk.uplift import BadCounts


def arm(name, values, measure="score", censored=(), who=""):
    return [
        Attempt("ncii", f"t{i}", name, f"{who or name}{i}", float(v), measure, i in censored)
        for i, v in enumerate(values)
    ]


def over(attempts, reference="existing"):
    measure = attempts[0].measure
    return measured(attempts)["ncii"][measure][reference]


def test_independent_scores_are_welchs():
    rng = np.random.default_rng(1)
    a, b = rng.normal(5, 1, 30), rng.normal(4, 2, 40)
    told = over(arm("open", a) + arm("existing", b))
    want = stats.ttest_ind(a, b, equal_var=False)
    ends = want.confidence_interval()
    assert told["interval95"] == pytest.approx((ends.low, ends.high)) and told["p"] == want.pvalue
    assert told["finding"] == "uplift" and told["difference"] == pytest.approx(a.mean() - b.mean())
    assert over(arm("open", a, "cost") + arm("existing", b, "cost"))["finding"].endswith("worse")
    assert "missing" in measured(arm("open", a))["ncii"]["score"]["closed"]


def test_repeated_participants_widen_the_interval():
    rng = np.random.default_rng(2)
    skill = rng.normal(0, 3, 12)
    values = [[float(s + rng.normal()) for _ in range(8)] for s in skill]
    rows = [
        Attempt("ncii", f"t{k}", side, f"{side}{i}", v, "score")
        for side in ("open", "existing") for i, vs in enumerate(values) for k, v in enumerate(vs)
    ]  # fmt: skip
    told = over(rows)
    low, high = told["interval95"]
    alone = stats.ttest_ind(
        np.ravel(values), np.ravel(values), equal_var=False
    ).confidence_interval()
    assert high - low > 1.5 * (alone.high - alone.low) and told["p"] is None and told["notes"]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_cliffs_delta_is_the_mean_sign_over_pairs(a, b):
    want = np.mean([np.sign(x - y) for x in a for y in b])
    assert cliffs_delta(arm("open", a), arm("existing", b)) == pytest.approx(want)


def test_kaplan_meier_on_a_small_table_by_hand():
    """Times 1, 2+, 3, 4+, 5: the curve is 4/5, 4/5 * 2/3, 0."""
    mine = arm("open", [1, 2, 3, 4, 5], "time", censored={1, 3})
    times, left = survival(mine)
    assert dict(zip(times.tolist(), left.round(9).tolist(), strict=True)) == pytest.approx(
        {1: 0.8, 2: 0.8, 3: 8 / 15, 4: 8 / 15, 5: 0}
    )
    assert median_time(mine) == 5 and restricted_mean(mine, 4) == pytest.approx(
        1 + 2 * 0.8 + 8 / 15
    )
    assert restricted_mean(arm("open", [1, 2, 3], "time"), 3) == pytest.approx(2)


def test_shorter_times_are_uplift_and_censoring_counts():
    rng = np.random.default_rng(3)
    fast, slow = rng.exponential(10, 60), rng.exponential(30, 60)
    cut = 40.0
    gone = {i for i, v in enumerate(slow) if v > cut}
    a, b = (
        arm("open", np.minimum(fast, cut), "time"),
        arm("existing", np.minimum(slow, cut), "time", gone),
    )
    told = over(a + b)
    assert told["finding"] == "uplift" and told["p"] < 1e-3 and told["horizon"] <= cut
    assert told["centres"][0] < told["centres"][1]
    never = arm("closed", [5, 5, 5], "time", {0, 1, 2})
    told = over(never + arm("open", [5, 5], "time", {0, 1}), "closed")
    assert told["p"] is None and told["centres"] == (None, None) and told["difference"] == 0


def test_records_of_every_measure(tmp_path):
    base = {"vector": "ncii", "task_id": "t"}
    rows = [
        {**base, "arm": side, "participant": f"{side}{i}", "outcome": value, "measure": measure}
        for side in ("open", "existing") for i in range(3)
        for measure, value in (("success", i > 0), ("score", i * 1.5), ("time", 10 + i))
    ]  # fmt: skip
    assert len(attempts_of(rows)) == 6 and len(attempts_of(rows, measures=("time",))) == 6
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", "uplift", "--results", str(file)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert (
        set(told["measured"]["ncii"]) == {"score", "time"} and "closed" in told["vectors"]["ncii"]
    )
    assert "score over existing" in subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measure": "speed"}, "no measure"),
        ({"outcome": True}, "the outcome is"),
        ({"outcome": float("nan")}, "the outcome is"),
        ({"outcome": "3"}, "the outcome is"),
        ({"outcome": -1, "measure": "time"}, "a time of -1"),
        ({"censored": True}, "censored"),
        ({"censored": 1, "measure": "time"}, "censored"),
    ],
)
def test_bad_records(change, said):
    row = {
        "vector": "v",
        "task_id": "t",
        "arm": "open",
        "seed": 1,
        "measure": "score",
        "outcome": 2,
    }
    with pytest.raises(BadCounts, match=f"record 1: .*{said}"):
        attempts_of([row | change])
