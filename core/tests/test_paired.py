"""``core.paired`` against figures worked out by hand and by scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.builtin.paired import Paired, student
from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, Report
from interleaf.values import Item


def told(value: float | None, coords: dict[str, object], group: str = "") -> Item:
    reason = "" if value is not None else "absent"
    measures = [Measure(name="psnr", value=value, reason=reason, direction="up")]
    measures += [Measure(name="psnr", value=value, reason=reason, group=group)] if group else []
    return Item(Report(tuple(measures)), "score", "", coords)


def seeds(values: list[float | None], **more: object) -> list[Item]:
    return [told(v, {"seed": n, **more}) for n, v in enumerate(values)]


def test_the_interval_is_student_s_over_the_differences() -> None:
    found = Paired().evaluate(seeds([31.0, 32.0, 33.5]), seeds([30.0, 31.0, 31.0]))[
        "psnr_difference"
    ]
    # differences 1, 1, 2.5: mean 1.5, s = 0.8660, half = 4.303 · 0.8660 / √3
    assert found.value == pytest.approx(1.5)
    assert found.interval == pytest.approx((1.5 - 2.1513, 1.5 + 2.1513), abs=1e-3)
    assert (found.n, found.direction) == (3, "up")


def test_quantiles_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 10, 11, 15, 30, 200):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=3e-3)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.floats(-1e3, 1e3))
def test_what_all_repetitions_share_does_not_matter(values: list[float], shift: float) -> None:
    moved = Paired().evaluate(seeds([v + shift for v in values]), seeds(values))["psnr_difference"]
    assert moved.value == pytest.approx(shift, abs=1e-9)
    assert moved.interval == pytest.approx((shift, shift), abs=1e-6)


def test_coordinates_of_the_treatment_alone_are_groups() -> None:
    ways = seeds([31.0, 31.5], rate="warm") + seeds([29.0, 29.0], rate="cold")
    found = Paired().evaluate(ways, seeds([30.0, 30.0]))
    assert found["psnr_difference/rate=warm"].value == pytest.approx(1.25)
    assert found["psnr_difference/rate=cold"].value == pytest.approx(-1.0)


def test_groups_are_paired_each_for_itself() -> None:
    found = Paired().evaluate([told(31.0, {}, "cat")], [told(30.0, {}, "cat")])
    assert found["psnr_difference/cat"].value == 1.0
    assert found["psnr_difference/cat"].interval is None


def test_what_is_missing_is_told() -> None:
    found = Paired().evaluate(seeds([31.0, None]), seeds([30.0, 30.0]))["psnr_difference"]
    assert (found.value, found.n) == (1.0, 1)
    assert "1 of 2 pairs" in found.reason
    nothing = Paired().evaluate(seeds([31.0]), [told(30.0, {"seed": 7})])["difference"]
    assert nothing.value is None


def test_two_controls_for_one_treatment_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 controls"):
        Paired().evaluate([told(31.0, {"seed": 0})], seeds([30.0, 30.0], rate="a")[:1] * 2)
