"""``core.collect``: a row for each report and group, reasons kept."""

import interleaf
from interleaf import Item, Measure, Report


def report(value, reason=""):
    return Report((Measure(name="psnr", value=value, reason=reason, unit="dB", direction="up"),))


def test_coordinates_become_columns():
    items = [
        Item(report(30.0), "score", coords={"points": 500}),
        Item(report(31.0), "score", coords={"points": 900}),
    ]
    table = interleaf.load("core.collect")(reports=items)
    assert dict(table.columns) == {"points": [500, 900], "psnr (dB)": [30.0, 31.0]}


def test_a_missing_value_is_empty_and_says_why():
    table = interleaf.load("core.collect")(reports=[report(None, "too small")])
    assert table.rows == [{"psnr (dB)": None, "note": "psnr: too small"}]


def test_groups_and_several_steps_are_told_apart():
    grouped = Report((Measure(name="m", value=1.0), Measure(name="m", value=2.0, group="a")))
    table = interleaf.load("core.collect")(reports=[Item(grouped, "x"), Item(report(3.0), "y")])
    assert [row["step"] for row in table.rows] == ["x", "x", "y"]
    assert [row["group"] for row in table.rows] == ["all", "a", None]
