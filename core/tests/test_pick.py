"""``core.pick``: one item, by id or place."""

import pytest

import interleaf
from interleaf.errors import InvalidInput
from interleaf.pipeline.collection import Collection

DATA = Collection.of({"cat": "a cat", "dog": "a dog"})


def test_by_id_by_place_and_the_first() -> None:
    assert interleaf.load("core.pick", id="dog")(data=DATA) == "a dog"
    assert interleaf.load("core.pick", index=1)(data=DATA) == "a dog"
    assert interleaf.load("core.pick")(data=DATA) == "a cat"


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput, match="cow") as told:
        interleaf.load("core.pick", id="cow")(data=DATA)
    assert "cat, dog" in str(told.value)
    with pytest.raises(InvalidInput, match="no item 2"):
        interleaf.load("core.pick", index=2)(data=DATA)
