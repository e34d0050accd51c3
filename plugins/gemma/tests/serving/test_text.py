"""Text is released only when it is whole, and nothing behind a stop ever is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interleaf_gemma.serving.text import Words

TEXTS = st.text(alphabet="ab é🙂\n", max_size=30)
STOPS = st.lists(st.text(alphabet="ab \n", min_size=1, max_size=4), max_size=3)


@given(TEXTS, STOPS, st.integers(1, 4))
def test_pieces_are_the_text_up_to_the_first_stop(text: str, stops: list[str], size: int) -> None:
    data = text.encode()
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    words = Words(lambda i: chunks[i], stops)
    shown = [words.feed([i]) for i in range(len(chunks))]
    whole = "".join(shown) + words.finish()
    ends = [text.find(stop) for stop in stops if stop in text]
    assert words.stopped == bool(ends)
    assert "\ufffd" not in whole
    assert not any(stop in whole for stop in stops)
    assert text.startswith(whole)
    if not ends:
        assert whole == text
    if len(stops) == 1 and ends:
        assert whole == text[: ends[0]]


def test_ids_behind_the_stop_are_not_counted() -> None:
    words = Words(lambda i: b"abcdef"[i : i + 1], ["cd"])
    assert words.feed([0, 1, 2, 3, 4, 5]) == "ab"
    assert (words.stopped, words.tokens, words.finish()) == (True, 4, "")


def test_a_character_cut_at_the_end_is_told() -> None:
    words = Words(lambda i: "é".encode()[:1])
    assert words.feed([0]) == ""
    assert words.finish() == "\ufffd"
