"""Runs from a pipeline's own reports, and what is said of the larger run."""

import pytest

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, Report
from interleaf.values import Item
from interleaf_scaling.components import Measured, ScalingLaw, example_table, first_rows
from interleaf_scaling.config import LawConfig, MeasuredConfig


def size(n: float, tokens: float, **coords: object) -> Item:
    measures = Measure(name="n_params", value=n), Measure(name="tokens", value=tokens)
    return Item(Report(measures), "size", "", coords)


def loss(value: float, group: str = "", **coords: object) -> Item:
    return Item(Report((Measure(name="loss", value=value, group=group),)), "loss", "", coords)


def test_a_row_for_each_place_of_the_fan_out() -> None:
    reports = [
        size(1e6, 2e7, width=1),
        size(2e6, 4e7, width=2),
        loss(3.5, width=1),
        loss(3.2, width=2),
    ]
    assert Measured().apply(reports).rows == [
        {"run": "width=1", "n_params": 1e6, "tokens": 2e7, "loss": 3.5},
        {"run": "width=2", "n_params": 2e6, "tokens": 4e7, "loss": 3.2},
    ]


def test_the_loss_of_a_group_and_of_a_run_without_coordinates() -> None:
    config = MeasuredConfig(loss="loss/held", name="large")
    (row,) = Measured(config).apply([size(1e6, 2e7), loss(3.1, "held"), loss(9.0)]).rows
    assert (row["run"], row["loss"]) == ("large", 3.1)


def test_a_run_that_lacks_or_doubles_a_measure_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"width=1.*'loss'"):
        Measured().apply([size(1e6, 2e7, width=1)])
    with pytest.raises(InvalidInput, match="two measures 'loss'"):
        Measured().apply([size(1e6, 2e7, width=1), loss(3.0, width=1), loss(3.1, width=1)])


@pytest.mark.parametrize(("off", "where"), [(1.0, "inside"), (1.5, "OUTSIDE")])
def test_the_report_says_whether_the_interval_holds_the_larger_run(off: float, where: str) -> None:
    table = example_table()
    law = ScalingLaw(LawConfig(draws=80, level=0.95)).fit(first_rows(table, 12)).model
    (one,) = law.apply(interleaf.values.Table({"n_params": [2e9], "tokens": [4e10]})).rows
    measured = interleaf.values.Table(
        {"run": ["large"], "n_params": [2e9], "tokens": [4e10], "loss": [one["loss"] * off]}
    )
    report = interleaf.load("scaling.holdout")(law=law, runs=measured)
    predicted = report["loss_predicted/large"]
    assert predicted.interval == pytest.approx((one["loss_low"], one["loss_high"]))
    assert report["loss_measured/large"].value == pytest.approx(one["loss"] * off)
    assert report["inside/large"].value == float(where == "inside")
    assert f"lies {where} the 95 % interval" in report.evidence[0].claim


def test_other_levels_are_not_called_95() -> None:
    table = example_table()
    law = ScalingLaw(LawConfig(draws=40, level=0.8)).fit(first_rows(table, 12)).model
    large = {"run": ["large"], "n_params": [2e9], "tokens": [4e10], "loss": [2.0]}
    report = interleaf.load("scaling.holdout")(law=law, runs=interleaf.values.Table(large))
    named = [m for m in report.measures if m.name == "loss_predicted"]
    assert named and all(m.interval is None and m.settings["level"] == 0.8 for m in named)
