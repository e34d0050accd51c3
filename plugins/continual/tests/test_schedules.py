"""Learning rates: laws under random phases, closed forms, the same rates as torch's schedulers."""

from __future__ import annotations

import subprocess
import sys
from math import cos, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_continual import rates
from interleaf_continual.config import (
    InfiniteConfig,
    PhaseConfig,
    PiecewiseConfig,
    PolynomialConfig,
    PowerLawConfig,
    RepeatConfig,
    RewarmConfig,
    StableConfig,
    TrapezoidConfig,
)
from interleaf_continual.rates import SHAPES, Phase, Tail, learning_rate
from interleaf_continual.schedules import (
    Infinite,
    Piecewise,
    Polynomial,
    PowerLaw,
    Repeat,
    Rewarm,
    Stable,
    Trapezoid,
)

values = st.floats(1e-6, 10)
shapes = st.sampled_from(sorted(SHAPES))


@st.composite
def rows(draw):
    """Phases that meet, zero-length ones among them, perhaps with a tail."""
    level, found = draw(values), []
    for _ in range(draw(st.integers(1, 5))):
        length, to = draw(st.integers(0, 40)), draw(values)
        found.append(Phase(length, level, to, draw(shapes), draw(st.floats(0.3, 4))))
        level = to if length else level
    if draw(st.booleans()) or not sum(p.length for p in found):
        found.append(Tail(level, draw(st.sampled_from([0.0, 0.5, 1.2])), 7.0, level / 3))
    return found


def _first(parts):
    part = next(p for p in parts if p.length)
    return part.start if isinstance(part, Phase) else part.value


@given(rows())
def test_phases_meet_and_stay_between_their_ends(parts):
    begin, level = 0.0, _first(parts)
    for part in (p for p in parts if p.length):
        length = min(part.length, 50.0)
        inside = learning_rate(parts, begin + np.linspace(0, length, 41))
        if isinstance(part, Phase):
            low, high = sorted((part.start, part.stop))
            steps = np.diff(inside[:-1]) * (1 if part.stop >= part.start else -1)
            assert (steps >= -1e-12 * high).all(), "turns inside a phase"
        else:
            low, high = part.floor, part.value
        assert (inside >= low * (1 - 1e-12)).all() and (inside <= high * (1 + 1e-12)).all()
        first = float(learning_rate(parts, np.array([begin]))[0])
        assert first == part.at(np.zeros(1))[0] == level, "a boundary jumps"
        level = float(part.at(np.array([length]))[0])
        begin += part.length


@given(rows(), st.integers(0, 2**32 - 1))
def test_many_points_are_exactly_each_point(parts, seed):
    end = min(sum(p.length for p in parts), 400.0)
    ts = np.random.default_rng(seed).uniform(0, end, 300)
    together = learning_rate(parts, ts)
    assert [float(learning_rate(parts, np.array([t]))[0]) for t in ts] == together.tolist()
    assert np.array_equal(learning_rate(parts, ts[::-1])[::-1], together)


@given(rows(), st.floats(1e-3, 1e3))
def test_rates_scale_with_their_values(parts, c):
    from dataclasses import replace

    scaled = [
        replace(p, start=c * p.start, stop=c * p.stop) if isinstance(p, Phase)
        else replace(p, value=c * p.value, floor=c * p.floor)
        for p in parts
    ]  # fmt: skip
    ts = np.linspace(0, min(sum(p.length for p in parts), 300.0), 101)
    assert np.allclose(learning_rate(scaled, ts), c * learning_rate(parts, ts), rtol=1e-10)


@given(st.integers(1, 3000), st.integers(0, 3000), st.floats(0, 1), st.floats(0, 1))
def test_rewarm_is_its_closed_form(steps, warmup, start, floor):
    warmup, peak = min(warmup, steps), 1.0
    lr = Rewarm(RewarmConfig(steps=steps, warmup=warmup if warmup != 1 else 1.0, peak=peak,
                             start=start, floor=floor))  # fmt: skip
    for t in {0, warmup, steps // 3, steps}:
        if t < warmup:
            expected = start + (peak - start) * t / warmup
        elif warmup == steps:
            expected = peak
        else:
            expected = floor + (peak - floor) / 2 * (1 + cos(pi * (t - warmup) / (steps - warmup)))
        assert lr.at(t)["value"] == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("shape", ["cosine", "invsqrt", "linear"])
def test_infinite_is_its_closed_form(shape):
    top, constant, low, n = 3e-4, 1.65e-4, 3e-5, 1000
    lr = Infinite(InfiniteConfig(steps=n, shape=shape))
    for t in range(0, n + 1, 7):
        if t < 10:
            expected = top * t / 10
        elif t < 610:
            u = (t - 10) / 600
            h = (1 / sqrt(1 + 10 * u) - 1) / (1 / sqrt(11) - 1)
            fall = {"cosine": (1 - cos(pi * u)) / 2, "linear": u, "invsqrt": h}[shape]
            expected = top + (constant - top) * fall
        elif t < 860:
            expected = constant
        else:
            expected = constant * (low / constant) ** ((t - 860) / 140)
        assert lr.at(t)["value"] == pytest.approx(expected, rel=1e-12)


def test_more_data_moves_only_the_anneal():
    short, long = (
        Infinite(InfiniteConfig(steps=n, warmup=10, cooldown=50, hold=n - 80)) for n in (100, 900)
    )
    ts = np.arange(81)
    assert np.array_equal(short.table(ts)["value"], long.table(ts)["value"])
    endless = Infinite(InfiniteConfig(steps=100, warmup=10, cooldown=50, endless=True))
    for at in (5, 33, 60, 700):  # from any phase
        branch = endless.branch(at, 20, 3e-5)
        got = learning_rate(branch, np.array([0, at - 1, at, at + 20.0]))
        assert got[:3].tolist() == endless.table([0, at - 1, at])["value"].tolist()
        assert got[3] == pytest.approx(3e-5, rel=1e-12)


def test_lengths_are_lengths():
    with pytest.raises(InvalidInput, match="warmup 1 \\+ cooldown 60 \\+ hold 85 = 146 of 100"):
        Infinite(InfiniteConfig(steps=100, hold=0.85)).parts()
    whole = Infinite(InfiniteConfig(steps=3, warmup=0.5, cooldown=0.25, hold=0.25))
    assert whole.domain.stop == 3
    with pytest.raises(InvalidInput, match="do not fall"):
        Infinite(InfiniteConfig(steps=10, constant=1.0)).parts()
    with pytest.raises(InvalidInput, match="never reaches 0"):
        Stable(StableConfig(steps=10, shape="exponential")).parts()


def test_the_first_step_may_learn():
    lr = Rewarm(RewarmConfig(steps=100, warmup=4, peak=1.0, from_first=True))
    assert lr.table(range(5))["value"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_repeat_is_cyclic_and_ends():
    of = Rewarm(RewarmConfig(steps=8, warmup=2, start=3e-5))
    thrice = Repeat(RepeatConfig(of=of, times=3))
    assert thrice.domain.stop == 24
    assert thrice.at(24)["value"] == of.at(8)["value"]
    assert thrice.at(17.5)["value"] == of.at(1.5)["value"]
    with pytest.raises(InvalidInput, match="endless"):
        _ = Repeat(RepeatConfig(of=Rewarm(RewarmConfig(steps=8, endless=True)))).domain


def test_piecewise_says_anything():
    lr = Piecewise(PiecewiseConfig(start=1.0, phases=(
        PhaseConfig(length=10, to=0.1, shape="exponential"), PhaseConfig(length=5, to=0.1),
    ), endless=True))  # fmt: skip
    assert lr.at(5)["value"] == pytest.approx(sqrt(0.1), rel=1e-12)
    assert lr.at(12)["value"] == lr.at(1e9)["value"] == 0.1


def test_importing_schedules_loads_neither_numpy_nor_torch():
    code = (
        "import sys, interleaf_continual.schedules, interleaf_continual.adapters as a;"
        "print(sorted({'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def follow(optimizer, scheduler, steps):
    """The rates of a torch scheduler, step by step."""
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, PolynomialLR

    def of(make, lr):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
        return follow(optimizer, make(optimizer), 51)

    theirs = of(lambda o: CosineAnnealingLR(o, 50, eta_min=1e-4), 1e-3)
    ours = Rewarm(RewarmConfig(steps=50, warmup=0, peak=1e-3, floor=1e-4))
    assert theirs == pytest.approx(ours.table(range(51))["value"].tolist(), rel=1e-9)
    theirs = of(lambda o: LinearLR(o, 0.1, 1.0, total_iters=50), 1e-3)
    line = Piecewise(PiecewiseConfig(start=1e-4, phases=(PhaseConfig(length=50, to=1e-3),)))
    assert theirs == pytest.approx(line.table(range(51))["value"].tolist(), rel=1e-9)
    theirs = of(lambda o: PolynomialLR(o, 50, power=2.5), 1e-3)
    power = Polynomial(PolynomialConfig(steps=50, warmup=0, peak=1e-3, exponent=2.5))
    assert theirs == pytest.approx(power.table(range(51))["value"].tolist(), rel=1e-6, abs=1e-12)


def test_agrees_with_transformers():
    torch = pytest.importorskip("torch")
    hf = pytest.importorskip("transformers.optimization")

    def of(make, **keywords):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
        return follow(optimizer, make(optimizer, **keywords), 100)

    pairs = [
        (
            of(hf.get_cosine_with_min_lr_schedule_with_warmup, num_warmup_steps=10,
               num_training_steps=100, min_lr=1e-4),
            Rewarm(RewarmConfig(steps=100, warmup=10, peak=1e-3, floor=1e-4)),
        ),
        (
            of(hf.get_inverse_sqrt_schedule, num_warmup_steps=10),
            PowerLaw(PowerLawConfig(warmup=10, peak=1e-3)),
        ),
        (
            of(hf.get_wsd_schedule, num_warmup_steps=10, num_decay_steps=30,
               num_training_steps=100, min_lr_ratio=0.1, decay_type="linear"),
            Trapezoid(TrapezoidConfig(steps=100, warmup=10, decay=30, peak=1e-3, start=1e-4,
                                      floor=1e-4)),
        ),
        (
            of(hf.get_polynomial_decay_schedule_with_warmup, num_warmup_steps=10,
               num_training_steps=100, lr_end=1e-5, power=2.0),
            Polynomial(PolynomialConfig(steps=100, warmup=10, peak=1e-3, floor=1e-5, exponent=2)),
        ),
    ]  # fmt: skip
    for theirs, ours in pairs:
        assert theirs == pytest.approx(ours.table(range(100))["value"].tolist(), rel=1e-9)


def test_a_loop_of_torch_follows_and_resumes_in_any_order():
    torch = pytest.importorskip("torch")
    from interleaf_continual.adapters import as_lambda_lr

    def made(lr=0.77):
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)

    schedule = Infinite(InfiniteConfig(steps=40, warmup=4, cooldown=20, hold=8))
    wanted = schedule.table(range(40))["value"].tolist()
    optimizer = made()
    scheduler = as_lambda_lr(schedule, optimizer)
    assert follow(optimizer, scheduler, 23) == wanted[:23]
    saved = optimizer.state_dict(), scheduler.state_dict()
    for optimizer_first in (True, False):
        again = made(lr=5.0)
        follower = as_lambda_lr(schedule, again)
        order = [lambda o=again: o.load_state_dict(saved[0]),
                 lambda f=follower: f.load_state_dict(saved[1])]  # fmt: skip
        for load in order if optimizer_first else reversed(order):
            load()
        assert follow(again, follower, 17) == wanted[23:]


def test_rates_of_ten_million_steps_fit_in_memory_of_the_answer():
    lr = Infinite(InfiniteConfig(steps=10_000_000))
    found = lr.table(np.arange(0, 10_000_001, 1000))["value"]
    assert found[0] == 0 and found[-1] == pytest.approx(3e-5)
    assert rates.CHUNK * 8 < 2**20
