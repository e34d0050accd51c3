"""Intervals cover what they say, on laws and noise that are known."""

from __future__ import annotations

import numpy as np
import pytest

from interleaf_scaling.fitting import fit
from interleaf_scaling.intervals import draw, law_interval, parameter_intervals, profile
from interleaf_scaling.laws import OVERTRAINED
from interleaf_scaling.procedures import calibrate
from interleaf_scaling.runs import BadRuns, Runs

TRUE = {"a": 140.0, "b": 290.0, "eta": -0.26, "E": 1.75}


def noisy(seed: int, noise: float = 0.006) -> Runs:
    n, m = (g.ravel() for g in np.meshgrid([1e7, 7.9e7, 1.5e8, 4.1e8], [10, 20, 40, 80, 160, 320]))
    loss = OVERTRAINED.loss(TRUE, n, m * n)
    loss = loss * np.exp(np.random.default_rng(seed).normal(0, noise, n.size))
    error = 0.86 - 2.2 * np.exp(-0.71 * loss)
    names = tuple(f"r{i}" for i in range(n.size))
    return Runs(names, ("",) * n.size, n, m * n, loss, error, np.ones(n.size))


def test_ninety_per_cent_cover_about_ninety():
    """60 replications of three models; bench/coverage.py does 200 with several noises."""
    models = ((1.4e9, 9e11), (7e9, 1.4e11), (4e8, 8e9))
    rng = np.random.default_rng(5)
    law = run = 0
    for seed in range(60):
        chain = calibrate(noisy(seed), law="overtrained", draws=200)
        for n, d in models:
            true = OVERTRAINED.loss(TRUE, n, d).item()
            measured = true * np.exp(rng.normal(0, 0.006))
            found = chain.predict(n, d)
            law += found.law.low <= true <= found.law.high
            run += found.loss.low <= measured <= found.loss.high
    # 90 % of 180 are 162; the three of one replication are not independent
    assert 145 <= law <= 176 and 148 <= run <= 178


def test_wider_for_higher_levels_and_for_farther_models():
    chain = calibrate(noisy(1), law="overtrained")
    near, far = chain.predict(4e8, 8e9), chain.predict(7e9, 1.4e11)
    assert near.loss.half_width < far.loss.half_width
    assert chain.predict(7e9, 1.4e11, 0.5).loss.half_width < far.loss.half_width
    assert near.error and far.error and near.error.half_width < far.error.half_width
    assert far.loss.low < far.loss.value < far.loss.high


@pytest.mark.parametrize("kind", ["residual", "pairs", "cluster", "jackknife"])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_every_way_of_resampling_encloses_the_fit(kind, method):
    runs = noisy(2)
    found = fit(runs, OVERTRAINED, delta=0.01)
    draws = draw(runs, OVERTRAINED, found, kind, 300)
    assert np.isfinite(draws.theta).all()
    for name, ends in parameter_intervals(OVERTRAINED, found, draws, 0.95, method).items():
        assert ends.low < found.params[name] < ends.high
    again = draw(runs, OVERTRAINED, found, kind, 300)
    assert np.array_equal(draws.theta, again.theta)
    ends = law_interval(OVERTRAINED, found, draws, 1e9, 2e10)
    assert ends.low < ends.value < ends.high


def test_profile_intervals_are_like_the_bootstraps():
    runs = noisy(3)
    found = fit(runs, OVERTRAINED, "mse_log")
    draws = parameter_intervals(OVERTRAINED, found, draw(runs, OVERTRAINED, found))
    for name in OVERTRAINED.params:
        ends = profile(runs, OVERTRAINED, found, name)
        assert ends.low < found.params[name] < ends.high
        ratio = (ends.high - ends.low) / (draws[name].high - draws[name].low)
        assert 0.7 < ratio < 1.8, (name, ends, draws[name])


def test_few_rows_are_told():
    runs = noisy(4).where(np.arange(5) * 5 + 1)
    chain = calibrate(runs, law="overtrained")
    assert chain.draws.kind == "jackknife" and any("jackknife" in n for n in chain.notes)
    assert any(w.startswith("underdetermined") for w in chain.warnings)
    four = noisy(4).where([0, 6, 13, 20])
    found = fit(four, OVERTRAINED)
    with pytest.raises(BadRuns, match="residuals"):
        draw(four, OVERTRAINED, found)
    with pytest.raises(BadRuns, match="profile"):
        profile(four, OVERTRAINED, found, "E")
