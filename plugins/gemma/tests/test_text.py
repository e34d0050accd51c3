"""Tokenizers, conversations as ids, replies that conform to a schema, vocabularies."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context
from interleaf_gemma.chat import RoleOrder, conversation, ends, masked
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.serving.text import Words
from interleaf_gemma.shipped import TOKENIZER
from interleaf_gemma.tokenizer import Tokenizer
from interleaf_gemma.vocabulary import train

WORDS = Tokenizer.load(TOKENIZER)
CONTROL = ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<unused3>", "<pad>", "<mask>"]
texts = st.lists(st.one_of(st.text(max_size=9), st.sampled_from(CONTROL)), max_size=6).map("".join)


def test_control_tokens_have_gemmas_ids() -> None:
    assert (WORDS.pad, WORDS.eos, WORDS.bos, WORDS.unk) == (0, 1, 2, 3)
    found = [
        WORDS.id(n)
        for n in ("<mask>", "<unused0>", "<unused98>", "<start_of_turn>", "<end_of_turn>")
    ]
    assert found == [4, 7, 105, 106, 107]


@settings(deadline=None, max_examples=200)
@given(texts)
def test_text_comes_back_and_never_is_a_control_token(text: str) -> None:
    text = text.replace("\u2581", " ").removeprefix("<bos>")
    ids = WORDS.encode(text, bos=False)
    assert WORDS.decode(ids) == text
    assert not set(ids) & (WORDS.control - {WORDS.unk})


@settings(deadline=None, max_examples=60)
@given(texts)
def test_one_bos(text: str) -> None:
    assert WORDS.encode(text).count(WORDS.bos) == 1
    assert WORDS.encode("<bos>" + text) == [2, *WORDS.encode(text, bos=False)]


@pytest.mark.parametrize("data", [b"", b"nothing", TOKENIZER.read_bytes()[:5000]])
def test_what_is_no_tokenizer(data: bytes) -> None:
    with pytest.raises(CorruptData):
        Tokenizer(data)


def test_the_template() -> None:
    turns = [
        {"role": "user", "content": " hi\n"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "so?"},
    ]
    raw = [
        WORDS.processor.id_to_piece(i) if i in WORDS.control else None
        for i in conversation(turns, WORDS)
    ]
    spelt = "".join(
        n or WORDS.decode([i]) for n, i in zip(raw, conversation(turns, WORDS), strict=True)
    )
    assert spelt == (
        "<bos><start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\nyes<end_of_turn>\n"
        "<start_of_turn>user\nso?<end_of_turn>\n<start_of_turn>model\n"
    )
    assert ends(WORDS) == {1, 107}


@settings(deadline=None, max_examples=60)
@given(texts)
def test_a_turn_cannot_be_forged(text: str) -> None:
    ids = conversation([{"role": "user", "content": text}], WORDS)
    assert ids.count(107) == 1
    assert ids.count(106) == 2
    assert ids.count(2) == 1


@pytest.mark.parametrize(
    "turns",
    [
        [],
        "hi",
        [{"role": "model", "content": "x"}],
        [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}],
        [{"role": "user", "content": "x"}, {"role": "model", "content": "y"}],
        [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}],
        [{"role": "tool", "content": "x"}],
        [{"role": "user", "content": 3}],
        [{"content": "x"}],
        [3],
    ],
)
def test_orders_that_the_template_forbids(turns: Any) -> None:
    with pytest.raises(RoleOrder):
        conversation(turns, WORDS)


def test_a_system_turn_may_be_put_first() -> None:
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."}]
    found = conversation(turns, WORDS, system="prepend")
    assert found == conversation([{"role": "user", "content": "Be kind.\n\nHi."}], WORDS)


def test_only_what_the_model_says_is_counted() -> None:
    ids, own = masked(
        [{"role": "user", "content": "a dog"}, {"role": "model", "content": "a cat"}], WORDS
    )
    said = [i for i, o in zip(ids, own, strict=True) if o]
    assert said == [*WORDS.encode("a cat", bos=False), 107]


SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {
            "action": {"enum": ["speak", "none", "leave"]}, "argument": {"type": "string"},
            "n": {"type": "integer"}, "x": {"type": "number"},
        },
        "required": ["action", "argument", "n", "x"], "additionalProperties": False,
    },
    {
        "type": "array", "minItems": 2,
        "items": {
            "type": "object", "required": ["a"],
            "properties": {"a": {"type": "array", "items": {"type": "integer"}}},
        },
    },
    {"type": "string", "minLength": 3, "maxLength": 12},
    {"type": "object"},
]  # fmt: skip


@pytest.fixture(scope="module")
def untrained() -> Decoder:
    return Decoder(DecoderConfig(preset="tiny", layers=1, d_model=32, heads=2, d_ff=64))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("limit", [40, 120])
def test_replies_conform_whatever_the_weights_say(
    untrained: Decoder, schema: Any, limit: int
) -> None:
    asked = [[{"role": "user", "content": "Go on."}]] * 3
    for seed in (1, 2):
        for said in untrained.reply(asked, schema, limit, 1.5, ctx=Context(seed=seed)):
            jsonschema.validate(json.loads(said["content"]), schema)
            assert said["usage"]["completion_tokens"] <= limit


def test_a_limit_too_short_and_a_schema_that_is_none(untrained: Decoder) -> None:
    asked = [[{"role": "user", "content": "Go on."}]]
    with pytest.raises(InvalidInput, match="too short"):
        untrained.reply(asked, SCHEMAS[0], 10)
    with pytest.raises(InvalidInput, match="schema"):
        untrained.reply(asked, {"type": "nonsense"}, 50)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=3), max_size=2))
def test_streams_give_whole_characters_and_nothing_behind_a_stop(
    text: str, stops: list[str]
) -> None:
    text = text.replace("\u2581", " ")
    words = Words(WORDS.piece, stops)
    shown = [words.feed([i]) for i in WORDS.encode(text, bos=False)]
    assert all("\ufffd" not in s for s in shown) or "\ufffd" in text
    found = "".join(shown) + words.finish()
    first = min((at for s in stops if (at := text.find(s)) >= 0), default=len(text))
    assert found == text[:first]


def test_vocabularies_are_trained_the_same_way_twice() -> None:
    text = "Tom had a red dog. The dog ran to the park and played with a ball.\n" * 40
    assert train([text], 410) == train([text], 410)
    assert len(Tokenizer(train([text], 410))) == 410
    for size in (100, 100_000):
        with pytest.raises(InvalidInput):
            train([text], size)
