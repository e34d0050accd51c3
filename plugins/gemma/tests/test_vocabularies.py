"""The same vocabulary in a SentencePiece model, in a GGUF file and in a tokenizer.json gives the same ids."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma import Gemma, Tokenizer
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.converting import convert
from interleaf_gemma.gguf_file import write
from interleaf_gemma.pieces import NORMAL, USER, entries
from interleaf_gemma.shipped import FOLDER, TOKENIZER

WORDS = Tokenizer.load(TOKENIZER)
STORY = 'One day, Tom saw 12 big dogs.  \n\nHe said: "Grüße, 世界! 🙂"\t<end_of_turn><unused3>'
TEXTS = st.one_of(
    st.text(max_size=20),
    st.lists(st.sampled_from(STORY.split(" ")), max_size=12).map(" ".join),
    st.just(STORY),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """The package's model as a .gguf file, and its vocabulary as transformers keeps it."""
    made: Path = tmp_path_factory.mktemp("made")
    model = Gemma.load(FOLDER)
    write(model.config, dict(model.state_dict()), made / "model.gguf", tokenizer=WORDS)
    write(model.config, dict(model.state_dict()), made / "bare.gguf")
    (made / "hf").mkdir()
    model.save(made / "hf")
    theirs().save(str(made / "hf" / "tokenizer.json"))
    return made


def theirs() -> Any:
    """The vocabulary in Hugging Face's tokenizers, as their converter makes it of a SentencePiece model."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces = entries(WORDS.data)
    ids = {p.text: i for i, p in enumerate(pieces)}
    merges = sorted(
        (-p.score, ids[p.text[:k]], ids[p.text[k:]], (p.text[:k], p.text[k:]))
        for p in pieces
        if p.type == NORMAL
        for k in range(1, len(p.text))
        if p.text[:k] in ids and p.text[k:] in ids
    )
    model = tokenizers.models.BPE(
        ids, [pair for *_, pair in merges], unk_token="<unk>", byte_fallback=True, fuse_unk=True
    )
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.Replace(" ", "\u2581")
    made.add_special_tokens([tokenizers.AddedToken(p.text, normalized=False) for p in pieces[:4]])
    users = [tokenizers.AddedToken(p.text, normalized=False) for p in pieces if p.type == USER]
    made.add_tokens(users)
    return made


@pytest.fixture(scope="module")
def others(folder: Path) -> list[Tokenizer]:
    places = (folder / "model.gguf", folder / "hf" / "tokenizer.json", folder / "hf")
    return [Tokenizer.load(place) for place in places]


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_all_three_give_the_same_ids(others: list[Tokenizer], text: str) -> None:
    assert [o.encode(text) for o in others] == [WORDS.encode(text)] * 3


def test_all_three_have_the_same_entries(others: list[Tokenizer]) -> None:
    for found in others:
        assert found.control == WORDS.control
        assert (found.pad, found.eos, found.bos, found.unk) == (0, 1, 2, 3)
        assert [p.text for p in found.pieces(2048)] == [p.text for p in WORDS.pieces(2048)]


@settings(deadline=None, max_examples=60)
@given(TEXTS.map(lambda t: t.replace("<end_of_turn>", "").replace("<unused3>", "")))
def test_tokenizers_gives_the_same_ids(text: str) -> None:
    expected = LIBRARY.encode(text, add_special_tokens=False).ids
    if not WORDS.control & set(expected):  # what looks like a control token is text for us
        assert WORDS.encode(text, bos=False) == expected


LIBRARY = theirs()


def test_a_gguf_file_is_all_that_is_needed(folder: Path) -> None:
    alone = Decoder(DecoderConfig(weights=str(folder / "model.gguf")))
    text = alone.generate("Tom", max_new_tokens=8, temperature=0.0)
    assert text == Decoder().generate("Tom", max_new_tokens=8, temperature=0.0)
    told = convert(folder / "model.gguf", folder / "back", "hf")
    assert told["tokenizer"].endswith("model.gguf")
    assert Tokenizer.load(folder / "back").encode(STORY) == WORDS.encode(STORY)


def test_the_precision_holds_for_weights_too() -> None:
    for precision in ("reference", "hf"):
        decoder = Decoder(DecoderConfig(precision=precision))
        assert decoder.gemma.config.precision == precision
        assert decoder.gemma.model.layers[0].self_attn.c.precision == precision
    made = [
        Decoder(DecoderConfig(precision=p, dtype="bfloat16")).gemma for p in ("reference", "hf")
    ]
    ids = torch.arange(200, 300)[None]
    with torch.no_grad():
        first, second = (m(ids)[0] for m in made)
    assert not torch.equal(first, second)


def test_without_a_tokenizer_it_says_where_one_was_looked_for(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"tokenizer\.model"):
        Decoder(DecoderConfig(weights=str(folder / "bare.gguf"))).generate("Tom")
    with pytest.raises(InvalidInput, match="holds no tokenizer"):
        Tokenizer.load(folder / "bare.gguf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "Unigram"}}, "its model is Unigram"),
        ({"model": {"type": "BPE"}}, "no byte fallback"),
        ({"normalizer": {"type": "NFC"}}, "its normalizer is"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "its pre_tokenizer is ByteLevel"),
    ],
)
def test_other_kinds_are_refused(
    folder: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    data = json.loads((folder / "hf" / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps({**data, **change}))
    with pytest.raises(InvalidInput, match=message):
        Tokenizer.load(tmp_path)


def test_damaged_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    whole = json.loads((folder / "hf" / "tokenizer.json").read_text())
    without = {**whole["model"]["vocab"]}
    del without["▁the"]
    gap = {**whole, "model": {**whole["model"], "vocab": without}}
    for text in ("{", "[]", "{}", json.dumps(gap)):
        (tmp_path / "tokenizer.json").write_text(text)
        with pytest.raises(CorruptData, match=r"tokenizer\.json"):
            Tokenizer.load(tmp_path)
