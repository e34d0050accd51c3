"""Parts share no work; documents lose nothing."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf_continual import works
from interleaf_continual.config import TextConfig
from interleaf_continual.sources import Text

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "text"
HERE = Path(works.__file__).parent


@given(st.binary(max_size=3000), st.integers(64, 500))
def test_documents_are_the_text(text, least):
    begins = [*works.documents(text, least), len(text)]
    pieces = [text[a:b] for a, b in pairwise(begins)]
    assert b"".join(pieces) == text
    assert all(len(p) >= least / 2 for p in pieces[1:])
    assert begins == sorted(begins)


def test_the_cut_falls_where_a_work_ends():
    text = (HERE / "example.txt").read_bytes()
    place = works.cut(text, 0.75)
    assert text[place:].startswith(b"A GARDEN IN MARCH")
    assert text[works.cut(text, 0.3, rb"^[A-Z ]{9,}$") :].startswith(b"THE CARTOGRAPHER")
    assert works.cohesion(text, place) < 0.2 < works.cohesion(text, place + 900)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data at {DATA}")
@pytest.mark.parametrize(
    ("name", "valid", "held"),
    [
        ("de_novels", "Inhalt\n\nReisezurüstungen", "CASANOVAS HEIMFAHRT"),
        ("en_a_novels", "The Woman in White", "The Warden"),
    ],
)
def test_novels_laid_end_to_end_are_told_apart(name, valid, held):
    for part, begin in (("valid", valid), ("held", held)):
        text = Text(TextConfig(path=str(DATA / f"{name}.txt.xz"), part=part))
        assert bytes(text.ids_of_tokens[:200]).decode("utf-8", "ignore").startswith(begin)


def test_a_tokenizer_of_ones_own(tmp_path):
    library = pytest.importorskip("tokenizers")
    tool = library.Tokenizer(library.models.WordLevel({"?": 0, "the": 1, "lock": 2}, unk_token="?"))
    tool.pre_tokenizer = library.pre_tokenizers.Whitespace()
    tool.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "a.txt").write_text("the lock the key")
    config = TextConfig(path=str(tmp_path / "a.txt"), tokenizer=str(tmp_path / "tokenizer.json"))
    text = Text(config)
    assert text.ids_of_tokens.tolist() == [1, 2, 1, 0] and text.ids_of_tokens.dtype == "uint16"
    assert text.tokenizer.startswith("sha256:") and text.bytes_of_documents.tolist() == [16]
