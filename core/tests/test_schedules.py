"""The built-in schedules: their laws, their ends, and the algebra."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import interleaf
from interleaf.errors import InvalidInput

NUMBERS = st.floats(-1e6, 1e6)
LENGTHS = st.floats(1e-3, 1e9)


@pytest.mark.parametrize("name", ["core.linear", "core.cosine"])
@given(start=NUMBERS, stop=NUMBERS, length=LENGTHS, share=st.floats(0, 1))
def test_ramps_start_and_stop_exactly_and_stay_between(name, start, stop, length, share):
    ramp = interleaf.load(name, start=start, stop=stop, length=length)
    assert ramp.at(0)["value"] == start and ramp.at(length)["value"] == stop
    slack = 1e-9 * max(abs(start), abs(stop))
    assert min(start, stop) - slack <= ramp.at(share * length)["value"] <= max(start, stop) + slack


@given(start=NUMBERS, stop=NUMBERS)
def test_a_cosine_is_halfway_at_half(start, stop):
    value = interleaf.load("core.cosine", start=start, stop=stop, length=2.0).at(1)["value"]
    assert math.isclose(value, (start + stop) / 2, rel_tol=1e-9, abs_tol=1e-6)


def test_a_table_is_its_points():
    cosine = interleaf.load("core.cosine", length=10)
    xs = np.linspace(0, 10, 7)
    assert cosine.table(xs)["value"].tolist() == [cosine.at(x)["value"] for x in xs]


@pytest.mark.parametrize("x", [-1e-9, 10.1, math.inf, math.nan])
def test_outside_the_domain_is_an_error(x):
    with pytest.raises(InvalidInput, match="defined for"):
        interleaf.load("core.linear", length=10).at(x)


def test_an_endless_schedule_holds_very_far_out():
    assert interleaf.load("core.constant", value=3.5).at(1e12)["value"] == 3.5


def test_then_hands_over_at_the_joint():
    warm = interleaf.load("core.linear", start=0, stop=1, length=5)
    rest = interleaf.load("core.cosine", start=1, stop=0, length=20)
    both = interleaf.load("core.then", first=warm, second=rest)
    assert both.domain.stop == 25
    assert both.at(5)["value"] == 1 and both.at(2.5)["value"] == 0.5
    assert both.at(15)["value"] == pytest.approx(0.5) and both.at(25)["value"] == 0


def test_then_refuses_an_endless_first():
    endless, ramp = interleaf.load("core.constant", value=1), interleaf.load("core.linear")
    with pytest.raises(InvalidInput, match="endless"):
        interleaf.load("core.then", first=endless, second=ramp).at(0)


@given(factor=st.floats(-10, 10), stretch=st.floats(0.01, 100), share=st.floats(0, 1))
def test_scale_stretches_and_multiplies(factor, stretch, share):
    ramp = interleaf.load("core.linear", start=2, stop=6, length=8)
    scaled = interleaf.load("core.scale", of=ramp, factor=factor, stretch=stretch)
    got = scaled.at(share * scaled.domain.stop)["value"]
    assert got == pytest.approx(factor * ramp.at(share * 8)["value"], abs=1e-6)


@given(weight=st.floats(0, 1))
def test_mix_of_a_schedule_with_itself_is_itself(weight):
    ramp = interleaf.load("core.linear", start=2, stop=6, length=8)
    mixed = interleaf.load("core.mix", first=ramp, second=ramp, weight=weight)
    assert mixed.at(3)["value"] == pytest.approx(ramp.at(3)["value"])


def test_different_units_do_not_mix():
    steps, tokens = interleaf.load("core.linear"), interleaf.load("core.linear", unit="token")
    with pytest.raises(InvalidInput, match="counts in"):
        interleaf.load("core.mix", first=steps, second=tokens).at(0)


def test_load_names_every_wrong_parameter():
    with pytest.raises(interleaf.InterleafError) as caught:
        interleaf.load("core.cosine", length=-1, begin=3, stop="low")
    text = str(caught.value)
    assert all(code in text for code in ("E301", "E302", "E304"))
