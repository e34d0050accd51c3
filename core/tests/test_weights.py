"""Weights of others: found by name, held to their bytes."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.weights import Weights, find_weights, read_weights, weights_named

DATA = b"trunk" * 100
WANTED = Weights(
    "trunk", "trunk-1.pth", hashlib.sha256(DATA).hexdigest(), len(DATA), "MIT", "the authors"
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Neither variable nor cache of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("INTERLEAF_WEIGHTS", raising=False)


def test_nowhere_is_told_with_all_that_a_person_needs():
    with pytest.raises(WeightsMissing) as error:
        find_weights(WANTED)
    assert error.value.exit_code == 4
    for part in ("trunk-1.pth", "500 bytes", WANTED.sha256, "INTERLEAF_WEIGHTS", "MIT"):
        assert part in str(error.value)


def test_places_are_searched_in_order(tmp_path, monkeypatch):
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (hub, second):
        folder.mkdir(parents=True)
        (folder / WANTED.file).write_bytes(DATA)
    assert find_weights(WANTED) == hub / WANTED.file
    monkeypatch.setenv("INTERLEAF_WEIGHTS", f"{first}:{second}")
    assert find_weights(WANTED) == second / WANTED.file
    named = tmp_path / "renamed.bin"
    named.write_bytes(DATA)
    assert find_weights(WANTED, named) == named
    assert find_weights(WANTED, second) == second / WANTED.file
    with pytest.raises(WeightsMissing, match="give the path"):
        find_weights(WANTED, tmp_path / "absent")


@given(st.integers(0, len(DATA) - 1), st.booleans())
def test_other_bytes_are_never_used(tmp_path_factory, at, cut):
    altered = DATA[:at] if cut else DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    file = tmp_path_factory.mktemp("w") / WANTED.file
    file.write_bytes(altered)
    with pytest.raises(WeightsMissing, match="another file"):
        find_weights(WANTED, file)


def test_a_file_that_changes_is_read_again(tmp_path):
    file = tmp_path / WANTED.file
    file.write_bytes(DATA)
    assert find_weights(WANTED, file) == file
    file.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(WeightsMissing):
        find_weights(WANTED, file)


def manifest(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "weights.toml"
    file.write_text(text)
    return file


def test_a_manifest_is_read(tmp_path):
    text = f'[trunk]\nfile = "trunk-1.pth"\nsha256 = "{WANTED.sha256}"\nbytes = 500\n'
    known = read_weights(manifest(tmp_path, text))
    assert known["trunk"] == Weights("trunk", "trunk-1.pth", WANTED.sha256, 500)
    assert weights_named(known, "trunk").label == f"trunk:sha256:{WANTED.sha256[:12]}"
    with pytest.raises(InvalidInput, match="did you mean 'trunk'"):
        weights_named(known, "trunc")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a", "weights.toml"),
        ("a = 1", "not a table"),
        ('[a]\nfile = "f"\nsha256 = "12"', "64 lower-case"),
        ('[a]\nfile = "../f"\nsha256 = "' + "0" * 64 + '"', "plain file name"),
        ('[a]\nsha256 = "' + "0" * 64 + '"', "plain file name"),
        ('[a]\nfile = "f"\nsha = "1"', "did you mean 'sha256'"),
        ('[a]\nfile = "f"\nbytes = "1"', "expected int"),
    ],
)
def test_a_bad_manifest_is_named(tmp_path, text, said):
    with pytest.raises(CorruptData, match=said):
        read_weights(manifest(tmp_path, text))
