"""``core.paired`` against figures worked out by hand and by scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import interleaf
from interleaf.interfaces import Measure, Report
from interleaf.intervals import student
from interleaf.values import Item


def told(value: float | None, coords: dict[str, object], group: str = "") -> Item:
    reason = "" if value is not None else "absent"
    measures = [Measure(name="psnr", value=value, reason=reason, direction="up")]
    measures += [Measure(name="psnr", value=value, reason=reason, group=group)] if group else []
    return Item(Report(tuple(measures)), "score", "", coords)


def runs(rate: str, values: list[float | None]) -> list[Item]:
    return [told(v, {"seed": n, "rate": rate}) for n, v in enumerate(values)]


def paired(items: list[Item], **more: object) -> Report:
    return interleaf.load("core.paired", axis="rate", baseline="cosine", **more)(reports=items)


def test_the_interval_is_student_s_over_the_differences() -> None:
    found = paired(runs("cosine", [30.0, 31.0, 31.0]) + runs("warm", [31.0, 32.0, 33.5]))
    # differences 1, 1, 2.5: mean 1.5, s = 0.8660, half = 4.303 · 0.8660 / √3
    measure = found["psnr_difference/rate=warm"]
    assert measure.value == pytest.approx(1.5)
    assert measure.interval == pytest.approx((1.5 - 2.1513, 1.5 + 2.1513), abs=1e-3)
    assert (measure.n, measure.direction) == (3, "up")
    assert [r["difference"] for r in found.tables[0].rows] == [1.0, 1.0, 2.5]


def test_quantiles_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 10, 11, 15, 30, 200):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=3e-3)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.floats(-1e3, 1e3))
def test_what_all_repetitions_share_does_not_matter(values: list[float], shift: float) -> None:
    moved = paired(runs("cosine", [*values]) + runs("warm", [v + shift for v in values]))
    measure = moved["psnr_difference/rate=warm"]
    assert measure.value == pytest.approx(shift, abs=1e-9)
    assert measure.interval == pytest.approx((shift, shift), abs=1e-6)


def test_each_other_value_is_a_group_and_so_are_the_reports_groups() -> None:
    items = [told(30.0, {"rate": "cosine"}, "cat"), told(31.0, {"rate": "warm"}, "cat")]
    found = paired([*items, told(29.0, {"rate": "cold"}, "cat")])
    assert found["psnr_difference/rate=warm/cat"].value == 1.0
    assert found["psnr_difference/rate=cold"].value == -1.0
    assert found["psnr_difference/rate=cold"].interval is None


def test_only_what_is_asked_for() -> None:
    items = runs("cosine", [30.0]) + runs("warm", [31.0])
    assert paired(items, measures=["psnr"])["psnr_difference/rate=warm"].value == 1.0
    assert paired(items, measures=["ssim"])["difference"].value is None


def test_what_is_missing_is_told() -> None:
    found = paired(runs("cosine", [30.0, 30.0]) + runs("warm", [31.0, None]))
    measure = found["psnr_difference/rate=warm"]
    assert (measure.value, measure.n) == (1.0, 1)
    assert "1 of 2 pairs" in measure.reason
    assert paired(runs("warm", [31.0]))["difference"].value is None
    assert paired([told(1.0, {"seed": 3, "rate": "cosine"}), *runs("warm", [31.0])])[
        "difference"
    ].reason
