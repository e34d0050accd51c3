"""A talk in the terminal: turns that are kept, and those that no longer fit."""

from __future__ import annotations

from typing import Any

import pytest

from interleaf.errors import InvalidInput
from interleaf_gemma import Tokenizer
from interleaf_gemma.serving.talk import Talk
from interleaf_gemma.shipped import TOKENIZER
from interleaf_gemma.text import Prose


@pytest.fixture
def talk(server: Any) -> Talk:
    return Talk(server.host.engine.model, Tokenizer.load(TOKENIZER), Prose(20, temperature=0))


def test_a_talk_remembers(talk: Talk) -> None:
    first = "".join(talk.say("Hello."))
    assert [t["content"] for t in talk.turns] == ["Hello.", first]
    second = "".join(talk.say("Hello."))
    assert len(talk.turns) == 4
    assert second != first  # it has read the turns before
    talk.forget()
    assert "".join(talk.say("Hello.")) == first


def test_what_does_not_fit_is_forgotten_and_told(talk: Talk) -> None:
    for _ in range(8):
        list(talk.say("A long question about many dogs and cats. " * 3))
    assert "forgotten" in talk.note


def test_a_text_that_never_fits_is_refused_and_not_kept(talk: Talk) -> None:
    list(talk.say("Hello."))
    with pytest.raises(InvalidInput, match="longer than the context"):
        list(talk.say("dog " * 600))
    assert len(talk.turns) == 2
