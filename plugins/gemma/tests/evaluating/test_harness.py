"""The adapter counts what a model says by hand, with exactly one <bos>, whatever the length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_gemma import Gemma, GemmaConfig, Tokenizer
from interleaf_gemma.evaluating.harness import Harness
from interleaf_gemma.evaluating.scores import windows
from interleaf_gemma.shipped import TOKENIZER

STORY = "Once upon a time there was a little dog named Tom. He liked to play with a red ball. "


@pytest.fixture(scope="module")
def harness() -> Harness:
    words = Tokenizer.load(TOKENIZER)
    sizes = {"d_model": 32, "layers": 2, "d_ff": 64, "head_dim": 16, "context": 64}
    model = Gemma(GemmaConfig.preset("tiny", vocab_size=len(words), **sizes)).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(
                weight, std=0.2, generator=torch.Generator().manual_seed(weight.numel())
            )
    return Harness(model, words, batch=3)


def asked(*args: Any) -> Any:
    return SimpleNamespace(args=args)


def by_hand(harness: Harness, ids: list[int], first: int) -> tuple[float, bool]:
    with torch.no_grad():
        logits, _ = harness.model(torch.tensor([ids]))
    table = logits[0].log_softmax(-1)
    places = range(first, len(ids))
    total = sum(float(table[n - 1, ids[n]]) for n in places)
    return total, all(int(table[n - 1].argmax()) == ids[n] for n in places)


@pytest.fixture
def seen(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """All rows of ids that the model read."""
    rows: list[list[int]] = []
    read = harness.model.model.forward

    def spying(ids: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        rows.extend(ids.tolist())
        return read(ids, *args, **options)

    monkeypatch.setattr(harness.model.model, "forward", spying)
    return rows


def test_loglikelihood_is_what_the_logits_say(harness: Harness) -> None:
    pairs = [
        ("Tom had a", " dog."),
        ("", "Once upon"),
        ("<bos>Tom", " ran"),
        ("A longer start of", " it"),
    ]
    found = harness.loglikelihood([asked(*pair) for pair in pairs], disable_tqdm=True)
    for (context, continuation), (total, greedy) in zip(pairs, found, strict=True):
        ids = harness.words.encode(context + continuation)
        begin = len(harness.words.encode(context)) if context else 1
        assert (total, greedy) == (pytest.approx(by_hand(harness, ids, begin)[0], abs=1e-4), greedy)
        assert greedy == by_hand(harness, ids, begin)[1]


def test_every_context_begins_with_exactly_one_bos(harness: Harness, seen: list[list[int]]) -> None:
    harness.loglikelihood(
        [asked(STORY * 9, " end"), asked("", "x"), asked("<bos>A", " b")], disable_tqdm=True
    )
    harness.loglikelihood_rolling([asked(STORY * 5), asked("short")])
    settings = {"until": ["."], "max_gen_toks": 5}
    harness.generate_until([asked("<bos>Tom", settings), asked(STORY * 9, settings)])
    prompts = [row for row in seen if len(row) > 1]
    assert len(prompts) >= 8
    for row in prompts:
        assert row[0] == 2
        assert 2 not in row[1:]


def test_greedy_is_told(harness: Harness) -> None:
    ids = harness.words.encode("Tom had")
    best = harness.model.generate(ids, max_new_tokens=1, temperature=0)
    ((_, greedy),) = harness._loglikelihood_tokens([(("", ""), ids, best)])
    assert greedy


@given(st.lists(st.integers(4, 90), max_size=60), st.integers(3, 20), st.integers(0, 9))
def test_windows_predict_every_id_once(ids: list[int], context: int, overlap: int) -> None:
    overlap = min(overlap, context - 2)
    found = list(windows(ids, 2, context, overlap))
    assert [i for _, predicted in found for i in predicted] == ids
    for before, predicted in found:
        assert before[0] == 2
        assert len(before) + len(predicted) <= context


def test_rolling_is_the_sum_over_windows(harness: Harness) -> None:
    text = STORY * 6
    ids = harness.tok_encode(text, add_special_tokens=False)
    expected = 0.0
    for before, predicted in windows(ids, 2, 64, 1):
        expected += by_hand(harness, before + predicted, len(before))[0]
    assert harness.loglikelihood_rolling([asked(text)]) == [pytest.approx(expected, abs=1e-3)]


def test_logits_never_exist_for_all_places(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    head = harness.model.head
    monkeypatch.setattr(harness.model, "head", lambda h: (rows.append(h.shape[0]), head(h))[1])
    harness.loglikelihood([asked(STORY * 4, " end")] * 3, disable_tqdm=True)
    assert max(rows) <= 12  # three continuations of a few tokens, not 3 × 64 places
    rows.clear()
    harness.loglikelihood_rolling([asked(STORY * 20)])
    assert max(rows) <= 128


def test_generate_until_stops_and_obeys(harness: Harness) -> None:
    free = harness.generate_until([asked("Tom had", {"max_gen_toks": 12})])[0]
    stop = free[4:6]
    found = harness.generate_until([asked("Tom had", {"max_gen_toks": 12, "until": [stop]})])
    assert found == [free[: free.index(stop)]]


def test_a_continuation_longer_than_the_context_is_refused(harness: Harness) -> None:
    with pytest.raises(InvalidInput, match="exceeds the context of 64"):
        harness.loglikelihood([asked("Tom", " dog" * 99)], disable_tqdm=True)
