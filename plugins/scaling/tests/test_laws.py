"""Laws, fits and plans against mathematics: conversions, derivatives, recovery, brute force."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from interleaf_scaling import descent
from interleaf_scaling.errorlaws import EXP_DECAY, LINEAR, SIGMOID
from interleaf_scaling.fitting import Fit, fit, problem_of
from interleaf_scaling.lawbook import add_law, loss_law, loss_laws
from interleaf_scaling.laws import (
    CHINCHILLA,
    KAPLAN,
    OVERTRAINED,
    POWER_IRREDUCIBLE,
    Curved,
    PowerSum,
    optimal_multiplier,
    to_chinchilla,
    to_overtrained,
)
from interleaf_scaling.planner import Need, alternatives, cheapest, closed_form, plan
from interleaf_scaling.runs import BadRuns, Runs

amplitudes = st.floats(20, 3000)
overtrained = st.fixed_dictionaries(
    {"a": amplitudes, "b": amplitudes, "eta": st.floats(-0.5, -0.15), "E": st.floats(0.5, 3)}
)
chinchilla = st.fixed_dictionaries(
    {
        "A": amplitudes, "B": amplitudes, "alpha": st.floats(0.2, 0.5), "beta": st.floats(0.2, 0.5),
        "E": st.floats(0.5, 3),
    }
)  # fmt: skip


def grid(law: PowerSum, params: dict[str, float], noise: float = 0.0, seed: int = 0) -> Runs:
    n, m = (g.ravel() for g in np.meshgrid(np.geomspace(1e7, 2e9, 6), [5, 20, 80, 320, 640]))
    loss = law.loss(params, n, m * n)
    loss = loss * np.exp(np.random.default_rng(seed).normal(0, noise, n.size))
    nothing = np.full(n.size, np.nan)
    names = tuple(f"r{i}" for i in range(n.size))
    return Runs(names, ("",) * n.size, n, m * n, loss, nothing, np.ones(n.size))


@given(overtrained)
def test_the_forms_are_one_another_exactly(params):
    other = to_chinchilla(params)
    n, d = np.geomspace(1e6, 1e12, 9), np.geomspace(1e8, 1e13, 9)
    assert np.allclose(
        OVERTRAINED.loss(params, n, d), CHINCHILLA.loss(other, n, d), rtol=1e-13, atol=0
    )
    back = to_overtrained(other)
    assert back["a"] == params["a"] and back["eta"] == params["eta"] and back["E"] == params["E"]
    assert back["b"] == pytest.approx(params["b"], rel=1e-15)
    with pytest.raises(ValueError, match="differ"):
        to_overtrained({**other, "beta": other["beta"] + 0.1})


@given(overtrained)
def test_the_papers_form_in_compute_and_multiplier(params):
    """L = E + (a' M^h + b M^-h) C^-h with h = -eta / 2 and a' = a 6^h, the offset apart."""
    h = -params["eta"] / 2
    c, m = 1e20, 40.0
    n = np.sqrt(c / 6 / m)
    law = OVERTRAINED.loss(params, n, m * n).item()
    ours = params["E"] + (params["a"] * 6**h * m**h + params["b"] * m**-h) * c**-h
    assert law == pytest.approx(ours, rel=1e-12)


@given(overtrained)
def test_the_best_multiplier_does_not_depend_on_compute(params):
    best = optimal_multiplier(params)
    for c in (1e18, 1e24):
        m = best * np.geomspace(0.5, 2, 401)
        n = np.sqrt(c / 6 / m)
        assert m[np.argmin(OVERTRAINED.loss(params, n, m * n))] == pytest.approx(best, rel=0.01)


def test_no_overflow_at_any_size():
    params = {"a": 1e4, "b": 1e4, "eta": -0.3, "E": 0.0}
    sizes = np.array([1e-3, 1.0, 1e12, 1e300])
    found = OVERTRAINED.loss(params, sizes, sizes)
    assert np.isfinite(found).all() and (np.diff(found) < 0).all()


@settings(max_examples=20, deadline=None)
@given(chinchilla)
def test_exact_data_give_the_law_back(params):
    runs = grid(CHINCHILLA, params)
    for loss in ("huber_log", "mse"):
        found = fit(runs, CHINCHILLA, loss)
        assert found.params == pytest.approx(params, rel=1e-6), found.warnings
        assert found.at_best > 0.5


@settings(max_examples=20, deadline=None)
@given(overtrained)
def test_exact_data_give_the_tied_law_back(params):
    found = fit(grid(OVERTRAINED, params), OVERTRAINED)
    assert found.params == pytest.approx(params, rel=1e-6)


@pytest.mark.parametrize("law", [OVERTRAINED, CHINCHILLA, POWER_IRREDUCIBLE])
@pytest.mark.parametrize("loss", ["huber_log", "mse_log", "huber", "mse", "asym"])
def test_gradient_and_hessian_are_the_derivatives(law, loss):
    rng = np.random.default_rng(3)
    params = {"a": 200.0, "b": 300.0, "eta": -0.28, "E": 1.7}
    runs = grid(OVERTRAINED, params, 0.02)
    problem = problem_of(law, runs, loss, 0.015)
    theta = fit(runs, law, "mse_log").theta + rng.normal(0, 0.01, len(law.params))
    weights, ys = rng.uniform(0.5, 2, (1, len(runs))), problem.target[None]

    def at(point):
        return descent._evaluate(problem, point[None], weights, ys, problem.delta)

    value, gradient, hessian, _ = at(theta)
    assert value[0] > 0
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-6
        slope = (at(theta + step)[0][0] - at(theta - step)[0][0]) / 2e-6
        assert gradient[0, place] == pytest.approx(
            slope, rel=1e-4, abs=1e-6 * np.abs(gradient).max()
        )
        bend = (at(theta + step)[1][0] - at(theta - step)[1][0]) / 2e-6
        close = 1e-3 * np.abs(hessian).max()
        assert hessian[0, place] == pytest.approx(bend, rel=1e-3, abs=close)


def test_outliers_do_not_move_a_huber_fit():
    params = {"a": 150.0, "b": 320.0, "eta": -0.27, "E": 1.8}
    runs = grid(OVERTRAINED, params, 0.002)
    bad = runs.loss.copy()
    bad[[3, 17]] *= 1.2
    spoilt = Runs(runs.name, runs.group, runs.n, runs.d, bad, runs.error, runs.weight)
    n, d = 7e9, 1.4e11
    true = OVERTRAINED.loss(params, n, d).item()
    huber = OVERTRAINED.loss(fit(spoilt, OVERTRAINED).params, n, d).item()
    squares = OVERTRAINED.loss(fit(spoilt, OVERTRAINED, "mse").params, n, d).item()
    assert abs(huber / true - 1) < 0.005 < abs(squares / true - 1)


def test_the_reference_grid_and_random_starts_find_one_optimum():
    params = {"A": 482.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366, "E": 1.817}
    runs = grid(CHINCHILLA, params, 0.01)
    some = fit(runs, CHINCHILLA, starts=40, seed=3)
    all_ = fit(runs, CHINCHILLA)
    assert some.objective == pytest.approx(all_.objective, rel=1e-9)
    assert some.at_best > 0.5 and all_.starts == 25


BITS = """
import sys
import numpy as np
from interleaf_scaling.components import as_runs, example_table
from interleaf_scaling.procedures import calibrate
found = calibrate(as_runs(example_table()), draws=60)
print(np.array(found.fit.theta).tobytes().hex(), found.draws.theta.tobytes().hex()[:200])
"""


def test_the_same_bits_on_any_number_of_threads():
    told = set()
    for threads in ("1", "2"):
        env = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", BITS], env=env, capture_output=True, text=True, check=True
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_a_fit_survives_json():
    found = fit(
        grid(OVERTRAINED, {"a": 100.0, "b": 200.0, "eta": -0.3, "E": 2.0}, 0.01), OVERTRAINED
    )
    assert Fit.from_json(found.to_json()) == found
    for text in ("{}", "[]", "x", found.to_json().replace('"format": 1', '"format": 9')):
        with pytest.raises(BadRuns, match="no fit of format"):
            Fit.from_json(text)


def test_another_package_may_bring_a_law():
    tied = PowerSum(
        name="tied_without_floor",
        formula="L = a N^eta + b 6^(eta/2) D^eta",
        params=("a", "b", "eta"),
        amplitudes=(0, 1),
        exponents={2: (-3.0, -1e-3)},
        terms=lambda log_n, log_d: OVERTRAINED.terms(log_n, log_d)[:2, :, :3],
        irreducible="",
        grid=(-0.05, -0.1, -0.2),
    )
    add_law(tied)
    assert "tied_without_floor" in loss_laws() and loss_law("tied_without_floor") is tied
    found = fit(grid(OVERTRAINED, {"a": 50.0, "b": 60.0, "eta": -0.1, "E": 1e-9}), tied)
    assert found.params == pytest.approx({"a": 50.0, "b": 60.0, "eta": -0.1}, rel=1e-6)
    with pytest.raises(BadRuns, match="known already"):
        add_law(PowerSum(**{**tied.__dict__, "formula": "another"}))


@pytest.mark.parametrize("law", [EXP_DECAY, SIGMOID, LINEAR])
def test_error_laws_have_the_slopes_they_say(law):
    theta = np.array(law.starts[0]) + 0.1
    loss = np.linspace(2, 5, 7)
    for place in range(len(theta)):
        step = np.zeros(len(theta))
        step[place] = 1e-6
        slope = (law.value(theta + step, loss) - law.value(theta - step, loss)) / 2e-6
        assert np.allclose(law.jacobian(theta, loss)[:, place], slope, rtol=1e-5, atol=1e-8)


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(chinchilla, st.floats(18, 25), st.sampled_from([0.0, 1e10, 1e12, 1e14]))
def test_plans_are_those_of_brute_force(params, exponent, tokens):
    flops = 10.0**exponent
    need = Need(inference_tokens=tokens)
    if flops < 4e4 * tokens:
        return
    best = plan(CHINCHILLA, params, flops, need)
    n = np.geomspace(max(1e3, best.n / 1e3), best.n * 1e3, 400_001)
    d = (flops - 2 * n * tokens) / (6 * n)
    found = CHINCHILLA.loss(params, n[d > 0], d[d > 0]).min()
    assert best.loss <= found * (1 + 1e-12) and best.loss == pytest.approx(found, rel=1e-6)
    assert best.total == pytest.approx(flops, rel=1e-9)
    if not tokens:
        n_star, d_star = closed_form(params, flops)
        exact = CHINCHILLA.loss(params, n_star, d_star).item()
        assert n_star < 1e3 or best.loss == pytest.approx(exact, rel=1e-12)
        assert best.n == pytest.approx(max(n_star, 1e3), rel=1e-4)


@settings(max_examples=20, deadline=None, phases=[Phase.generate])
@given(overtrained, st.sampled_from([0.0, 1e12]))
def test_the_cheapest_model_of_a_loss(params, tokens):
    loss = OVERTRAINED.loss(params, 1e9, 2e10).item()
    need = Need(inference_tokens=tokens, price=0.5)
    best = cheapest(OVERTRAINED, params, loss, need)
    assert OVERTRAINED.loss(params, best.n, best.d).item() == pytest.approx(loss, rel=1e-10)
    assert best.total <= (6 * 1e9 * 2e10 + 2 * 1e9 * tokens * 0.5) * (1 + 1e-9)
    for other in alternatives(OVERTRAINED, params, best, need):
        assert other.total >= 1 - 1e-9 or best.n < 1.01e3
        assert OVERTRAINED.loss(params, other.plan.n, other.plan.d).item() == pytest.approx(loss)


def test_limits_hold():
    params = {"a": 150.0, "b": 320.0, "eta": -0.27, "E": 1.8}
    free = plan(OVERTRAINED, params, 1e22)
    for need, what in (
        (Need(most_tokens=free.d / 4), lambda p: p.d <= free.d / 4 * (1 + 1e-12)),
        (Need(most_multiplier=2.0), lambda p: p.d / p.n <= 2 * (1 + 1e-12)),
        (Need(least_multiplier=100.0), lambda p: p.d / p.n >= 100 * (1 - 1e-9)),
        (Need(sizes=(1e9, 7e9)), lambda p: p.n in (1e9, 7e9)),
    ):
        found = plan(OVERTRAINED, params, 1e22, need)
        assert what(found) and found.loss >= free.loss
    with pytest.raises(BadRuns, match="irreducible"):
        cheapest(OVERTRAINED, params, 1.8)
    with pytest.raises(BadRuns, match="cannot pay"):
        plan(OVERTRAINED, params, 1e15, Need(inference_tokens=1e13))
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(BadRuns, match="budget"):
            plan(OVERTRAINED, params, wrong)
    assert plan(OVERTRAINED, params, 1e25).loss < free.loss


@settings(max_examples=10, deadline=None, phases=[Phase.generate])
@given(st.floats(25, 32), st.floats(26, 34), st.floats(0.06, 0.3), st.floats(0.06, 0.3))
def test_kaplans_law_is_recovered_and_has_the_slopes_it_says(log_nc, log_dc, alpha_n, alpha_d):
    theta = np.array([log_nc, log_dc, alpha_n, alpha_d])
    params = KAPLAN.named(theta)
    runs = grid(KAPLAN, params)
    n, d = 3e9, 5e10
    by_hand = ((params["Nc"] / n) ** (alpha_n / alpha_d) + params["Dc"] / d) ** alpha_d
    assert KAPLAN.loss(params, n, d).item() == pytest.approx(by_hand, rel=1e-10)
    log_n, log_d = np.log(runs.n), np.log(runs.d)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        ends = [KAPLAN.log_loss(theta + way * step, log_n, log_d) for way in (1, -1)]
        slope = (ends[0] - ends[1]) / 2e-6
        assert np.allclose(
            KAPLAN.slopes(theta, log_n, log_d)[:, place], slope, rtol=1e-5, atol=1e-7
        )
    found = fit(runs, KAPLAN)
    assert np.allclose(KAPLAN.loss(found.params, runs.n, runs.d), runs.loss, rtol=1e-6)
    assert found.objective < 1e-9


def test_both_optimisers_minimise_the_same_thing():
    """A sum of powers, fitted as if it were none: the same optimum."""
    runs = grid(OVERTRAINED, {"a": 150.0, "b": 320.0, "eta": -0.27, "E": 1.8}, 0.01)
    slow = Curved(
        name="slow",
        formula="the tied law",
        params=OVERTRAINED.params,
        amplitudes=OVERTRAINED.amplitudes,
        exponents=OVERTRAINED.exponents,
        value=lambda t, n, d: (OVERTRAINED.log_loss(t, n, d), OVERTRAINED.slopes(t, n, d)),
        starts=[(5.0, 5.5, -0.25, 0.5)],
    )
    for loss in ("mse_log", "mse", "huber_log", "asym"):
        one, two = fit(runs, OVERTRAINED, loss, 0.01), fit(runs, slow, loss, 0.01)
        assert one.objective <= two.objective * (1 + 1e-9)
        assert one.objective == pytest.approx(two.objective, rel=1e-4), loss
