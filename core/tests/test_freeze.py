"""Values survive the way to disk and back, and nothing else gets in."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf import Frames, Image, InterleafError, Measure, Report, Table, Verdict
from interleaf.errors import CorruptData
from interleaf.pipeline.freeze import Freezer, Thawer, digest_values

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=12,
)


def round_trip(value, folder: Path):
    """``value`` through JSON text and files."""
    folder.mkdir(parents=True, exist_ok=True)
    tree = json.loads(json.dumps(Freezer(folder).tree(value), allow_nan=False))
    return Thawer(folder, lambda n: (folder / n).read_bytes(), lambda k, p: None).value(tree)


@given(value=VALUES)
def test_plain_values_come_back_equal(value, tmp_path_factory):
    back = round_trip(value, tmp_path_factory.mktemp("freeze"))
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "complex128", "<U3", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (1, 0, 4)])
def test_arrays_keep_dtype_shape_and_bytes(dtype, shape, tmp_path):
    array = np.ones(shape, dtype)
    back = round_trip(array, tmp_path)
    assert back.dtype == array.dtype and back.shape == shape and back.tobytes() == array.tobytes()


def test_dataclasses_of_interleaf_come_back(tmp_path):
    report = Report(
        measures=(Measure(name="m", value=float("inf"), interval=(0.0, 1.0)),),
        tables=(Table({"a": [1, None]}, "caption"),),
        verdict=Verdict("review", ("because",)),
    )
    assert round_trip(report, tmp_path) == report


def test_frames_keep_an_exact_rate(tmp_path):
    frames = Frames(np.zeros((2, 3, 4, 3), np.uint8), Fraction(30000, 1001))
    assert round_trip(frames, tmp_path).fps == Fraction(30000, 1001)


def test_object_arrays_and_strange_objects_are_refused(tmp_path):
    for value in (np.array([object()]), object(), {1, 2}, lambda: None):
        with pytest.raises(InterleafError):
            Freezer(tmp_path).tree(value)


@pytest.mark.parametrize(
    "name", ["subprocess:Popen", "interleaf.api:run", "os:system", "interleaf.values:Absent", "x"]
)
def test_a_stored_type_is_only_looked_up_among_dataclasses_of_plugins(name, tmp_path):
    tree = {"$": "data", "type": name, "fields": {}}
    with pytest.raises(CorruptData):
        Thawer(tmp_path, lambda n: b"", lambda k, p: None).value(tree)


def test_an_unknown_form_is_corrupt(tmp_path):
    with pytest.raises(CorruptData):
        Thawer(tmp_path, lambda n: b"", lambda k, p: None).value({"$": "pickle"})


def test_a_digest_of_values_sees_one_byte_and_not_the_place():
    picture = np.zeros((2, 2, 3), np.uint8)
    same = digest_values([("a", Image(picture))])
    assert same == digest_values([("a", Image(picture.copy()))])
    picture[1, 1, 2] = 1
    assert same != digest_values([("a", Image(picture))])
    assert same != digest_values([("b", Image(np.zeros((2, 2, 3), np.uint8)))])


def test_the_specification_names_every_form():
    import re
    from pathlib import Path

    from interleaf.pipeline.freeze import Thawer

    text = (Path(__file__).parents[2] / "spec" / "keys.md").read_text()
    told = set(re.findall(r"^\| `(\w+)` \|", text.partition("### `meta.json`")[2], re.M))
    known = {n[1:] for n in vars(Thawer) if re.fullmatch(r"_[a-z]+", n)}
    assert told == known
