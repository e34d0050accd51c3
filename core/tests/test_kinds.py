"""Kinds: the specification equals the code, and what fits where."""

import tomllib
from pathlib import Path

import pytest

from interleaf.kinds import KINDS, fits, item_kind, mapped, maps

SPEC = Path(__file__).parents[2] / "spec" / "kinds.toml"


def test_the_specification_equals_the_code():
    spec = tomllib.loads(SPEC.read_text(encoding="utf-8"))["kinds"]
    assert {name: entry["holds"] for name, entry in spec.items()} == dict(KINDS)


@pytest.mark.parametrize(
    ("given", "wanted", "fit", "map_"),
    [
        ("image", "image", True, False),
        ("image", "tokens", False, False),
        ("any", "tokens", True, False),
        ("tokens", "any", True, False),
        ("frames", "dataset[image]", True, False),
        ("dataset[image]", "frames", False, False),
        ("frames", "image", False, True),
        ("dataset[image]", "image", False, True),
        ("dataset[frames]", "frames", False, True),
        ("dataset[image]", "any", True, False),
        ("dataset[tokens]", "image", False, False),
        ("dataset[image]", "dataset[tokens]", False, False),
        ("dataset[any]", "dataset[tokens]", True, False),
    ],
)
def test_what_fits_and_what_maps(given, wanted, fit, map_):
    assert fits(given, wanted) is fit
    assert maps(given, wanted) is map_


def test_a_mapped_output_is_a_dataset_of_it():
    assert item_kind(mapped("image")) == "image" and item_kind("image") is None
