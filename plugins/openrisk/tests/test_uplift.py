"""Uplift statistics against published and worked values, and against simulation."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interleaf_openrisk.uplift import (
    BadCounts,
    Counts,
    Grader,
    Posterior,
    bootstrap,
    corrected,
    finding,
    holm,
    margin,
    mcnemar,
    minimum_detectable,
    newcombe,
    p_greater,
    power,
    risk_ratio,
    sample_size,
    two_sided_p,
    wilson,
)

ROOT = Path(__file__).parents[3]
FILE = (
    Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data"))
    / "risk/uplift_examples.json"
)
counts = st.integers(1, 60).flatmap(lambda n: st.builds(Counts, st.integers(0, n), st.just(n)))


@pytest.mark.skipif(not FILE.exists(), reason=f"no {FILE}: set INTERLEAF_DATA")
def test_the_worked_numbers():
    for case in json.loads(FILE.read_text())["cases"]:
        found = margin(Counts(*case["open"]), Counts(*case["baseline"]))
        assert found.difference == pytest.approx(case["diff"], abs=1e-12)
        assert found.newcombe95 == pytest.approx(case["newcombe95"], abs=1e-5)
        assert found.p_gt_0 == pytest.approx(case["P_gt_0"], abs=1e-4)
        assert found.p_gt_delta == pytest.approx(case["P_gt_0_05"], abs=1e-4)


def test_newcombes_own_example():
    """Newcombe 1998, table II, (a) 56/70 and 48/80 by method 10: 0.0524 to 0.3339."""
    assert newcombe(Counts(56, 70), Counts(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(counts, counts)
def test_intervals_hold_the_estimate_and_mirror(a, b):
    low, high = newcombe(a, b)
    assert -1 <= low <= a.rate - b.rate <= high <= 1
    back = newcombe(b, a)
    assert back == pytest.approx((-high, -low), abs=1e-12)
    one, two = wilson(a)
    assert 0 <= one <= a.rate + 1e-12 and a.rate - 1e-12 <= two <= 1
    assert p_greater(a, b) + p_greater(b, a) == pytest.approx(1, abs=1e-3)
    ratio, lowest, highest = risk_ratio(a, b)
    assert 0 < lowest <= ratio <= highest


def test_coverage_over_the_grid():
    """Exact coverage for equal rates: no cell below 93.5 %, mean 94.5 to 97.5 %."""
    cells = []
    for n in (10, 20, 50, 200):
        held = {}
        for p in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5):
            chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
            total = 0.0
            for i, one in enumerate(chance):
                for j, two in enumerate(chance):
                    if one * two > 1e-12:
                        if (i, j) not in held:
                            low, high = newcombe(Counts(i, n), Counts(j, n))
                            held[i, j] = low <= 0 <= high
                        total += one * two * held[i, j]
            cells.append(total)
    assert min(cells) >= 0.935 and 0.945 <= np.mean(cells) <= 0.975


def test_the_posterior_is_jeffreys_beta():
    special = pytest.importorskip("scipy.special")
    for k, n in ((0, 50), (3, 20), (30, 100), (50, 50), (499_000, 1_000_000)):
        ours = Posterior(Counts(k, n))
        for q in (0.025, 0.5, 0.975):
            theirs = special.betaincinv(k + 0.5, n - k + 0.5, q)
            assert ours.quantile(q) == pytest.approx(theirs, abs=1e-5)


def test_fishers_and_mcnemars_tests():
    stats = pytest.importorskip("scipy.stats")
    for a, b in ((Counts(30, 100), Counts(20, 100)), (Counts(0, 9), Counts(7, 8))):
        table = [[a.k, a.n - a.k], [b.k, b.n - b.k]]
        assert two_sided_p(a, b) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)
    pairs = [(True, False)] * 9 + [(False, True)] * 2 + [(True, True)] * 5
    assert mcnemar(pairs)[:2] == (9, 2)
    assert mcnemar(pairs)[2] == pytest.approx(stats.binomtest(2, 11).pvalue, rel=1e-12)
    assert mcnemar([(True, True)])[2] == 1.0


def test_power_agrees_with_simulation():
    n = sample_size(0.2, 0.15)
    rng = np.random.default_rng(1)
    a, b = rng.binomial(n, 0.35, 4000), rng.binomial(n, 0.2, 4000)
    found = np.mean(
        [newcombe(Counts(int(i), n), Counts(int(j), n))[0] > 0 for i, j in zip(a, b, strict=True)]
    )
    assert found == pytest.approx(0.8, abs=0.04)
    least = minimum_detectable(0.2, n, n)
    assert least == pytest.approx(0.15, abs=0.002) and power(0.2, least, n, n) >= 0.8
    assert minimum_detectable(0.5, 2, 2) is None
    assert minimum_detectable(0.0, 50, 50) > 0.05  # none of 50 is no proof of none


def test_a_clustered_bootstrap_is_wider_than_newcombe():
    rng = np.random.default_rng(2)
    groups, k = {}, [0, 0]
    for person in range(20):
        ability = rng.beta(0.5, 0.5)
        outcomes = [rng.random(15) < ability for _ in range(2)]
        groups[f"p{person}"] = tuple(o.astype(float).tolist() for o in outcomes)
        k = [k[i] + int(outcomes[i].sum()) for i in range(2)]
    means = {n: (v[0], [0.0] * 15) for n, v in groups.items()}
    _, low, high = bootstrap(means)
    plain = wilson(Counts(k[0], 300))
    assert high - low > 1.5 * (plain[1] - plain[0])
    assert bootstrap(groups) == bootstrap(groups)
    with pytest.raises(BadCounts):
        bootstrap({})


def test_holm_and_what_an_interval_says():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert finding(0.01, 0.2, 0.05) == "uplift"
    assert finding(-0.03, 0.04, 0.05) == "no meaningful uplift"
    assert finding(-0.03, 0.2, 0.05) == "no evidence"


def test_a_graders_errors_are_undone_and_carried_along():
    good = Grader(Counts(990, 1000), Counts(990, 1000))
    middle, low, high = corrected(Counts(300, 1000), Counts(200, 1000), good)
    plain = newcombe(Counts(300, 1000), Counts(200, 1000))
    assert middle == pytest.approx(0.1, abs=0.01) and high - low >= plain[1] - plain[0] - 0.002
    weak = Grader(Counts(80, 100), Counts(90, 100))
    middle, low, high = corrected(Counts(30, 100), Counts(20, 100), weak)
    assert middle > 0.1 and high - low > 0.25
    with pytest.raises(BadCounts, match="no better than chance"):
        corrected(Counts(30, 100), Counts(20, 100), Grader(Counts(5, 10), Counts(5, 10)))


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 5), (0, 0), (0, -3)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(BadCounts) as caught:
        Counts(k, n)
    assert caught.value.hint


def test_a_gate_on_the_lower_bound_seldom_blocks_without_uplift():
    """Exact chance that the lower bound is above 0 where both rates are equal: at most 5 %."""
    worst = 0.0
    for n in (10, 20, 50, 200):
        chances = np.array(
            [
                [newcombe(Counts(a, n), Counts(b, n))[0] > 0 for b in range(n + 1)]
                for a in range(n + 1)
            ]
        )
        for p in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5):
            mass = stats.binom.pmf(np.arange(n + 1), n, p)
            worst = max(worst, float(mass @ chances @ mass))
    assert 0.01 < worst <= 0.05, worst
