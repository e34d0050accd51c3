"""``core.tabulate``: the schedule's own values, both ends included; endless ones ask for an end."""

import pytest

import interleaf
from interleaf.errors import InvalidInput


def test_points_are_the_schedule_itself():
    schedule = interleaf.load("core.linear", start=2.0, stop=0.0, length=4.0)
    table = interleaf.load("core.tabulate", points=5)(schedule=schedule)
    assert dict(table.columns) == {"step": [0, 1, 2, 3, 4], "value": [2.0, 1.5, 1.0, 0.5, 0.0]}


def test_an_endless_schedule_needs_an_end():
    endless = interleaf.load("core.constant", value=3.0)
    with pytest.raises(InvalidInput, match="endless") as caught:
        interleaf.load("core.tabulate", points=3)(schedule=endless)
    assert "stop" in caught.value.hint
    table = interleaf.load("core.tabulate", points=3, stop=10.0)(schedule=endless)
    assert table.columns["value"] == [3.0, 3.0, 3.0]
