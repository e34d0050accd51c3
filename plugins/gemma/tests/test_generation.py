"""Sequences that grow together get what each gets alone; settings and prompts are checked."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.cache import KVCache
from interleaf_gemma.generation import Batch, NotFinite, requests
from interleaf_gemma.sampling import Sampler, Sampling, cut

PROMPTS = [[2, 50, 60, 70, 80, 90, 100], [2, 9], [2, 300, 200, 100], [2]]


@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_a_batch_gives_what_each_prompt_gives_alone(small: Gemma, temperature: float) -> None:
    stop = range(40)
    together = small.generate(PROMPTS, 30, temperature, seed=[1, 2, 3, 4], stop=stop)
    alone = [
        small.generate(p, 30, temperature, seed=n + 1, stop=stop) for n, p in enumerate(PROMPTS)
    ]
    assert together == alone
    assert len({len(ids) for ids in together}) > 1  # they ended at different times
    assert all(a != b for a, b in pairwise(together))


def test_sequences_that_join_later_change_nothing(small: Gemma) -> None:
    alone = [small.generate(p, 12, 0.0, stop=()) for p in PROMPTS]
    batch, found = Batch(small), []
    for prompt in PROMPTS:
        sequence = requests(small, [prompt], 12, 0.0, 0, 1.0, 0, ())
        batch.add(sequence)
        found += sequence
        batch.step()
    while batch.step():
        pass
    assert [s.ids for s in found] == alone


def test_one_seed_gives_one_text_and_another_another(small: Gemma) -> None:
    first, second, third = (small.generate(PROMPTS[0], 20, seed=s, stop=()) for s in (1, 1, 2))
    assert first == second != third


def test_a_stream_gives_the_same_ids(small: Gemma) -> None:
    whole = small.generate(PROMPTS, 10, 0.0)
    found: list[list[int]] = [[] for _ in PROMPTS]
    for row, token in small.generate(PROMPTS, 10, 0.0, stream=True):
        found[row].append(token)
    assert found == whole


def test_the_context_ends_a_sequence(small: Gemma) -> None:
    prompt = [2, *range(100, 190)]
    assert len(small.generate(prompt, 50, 0.0, stop=())) == 96 - 91


@pytest.mark.parametrize(
    ("prompt", "match"),
    [([], "empty"), ([2] * 96, "context"), ([2, 400], "400"), ([-1], "-1")],
)
def test_prompts_that_cannot_be_read(small: Gemma, prompt: list[int], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        small.generate([prompt])


@pytest.mark.parametrize(
    "settings_",
    [{"temperature": -1}, {"top_p": 0.0}, {"top_k": -2}, {"max_new_tokens": 0}, {"seed": [1, 2]}],
)
def test_settings_that_cannot_be(small: Gemma, settings_: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        small.generate([[2]], **settings_)  # type: ignore[arg-type]


def test_nan_is_told_and_not_sampled(small: Gemma) -> None:
    with torch.no_grad():
        small.model.norm.weight.fill_(torch.nan)
    with pytest.raises(NotFinite, match="NaN"):
        small.generate([2, 5])


def test_ids_that_the_tokenizer_lacks_are_never_sampled(small: Gemma) -> None:
    known = Gemma(small.config.with_(tokenizer_size=20)).eval()
    known.load_state_dict(small.state_dict())
    assert max(known.generate([2, 300], 40, 2.0, top_k=0, top_p=1.0, stop=())) < 20


logits = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=12).map(torch.tensor)


@settings(deadline=None, max_examples=60)
@given(logits, st.floats(0.1, 3), st.integers(0, 5), st.floats(0.01, 1))
def test_cut_keeps_the_smallest_set_that_holds_top_p(
    x: torch.Tensor, t: float, k: int, p: float
) -> None:
    found, ids = cut(x, Sampling(temperature=t, top_k=k, top_p=p))
    exact = (x.double() / t).softmax(0)
    assert len(found) >= 1
    assert k == 0 or len(found) <= k
    assert torch.allclose(found, exact[ids])
    assert found.min() >= exact.sort(descending=True).values[len(found) - 1] - 1e-12
    if k == 0:
        assert found.sum() >= min(p, exact.sum()) - 1e-9
    assert len(found) == 1 or found[:-1].sum() < p


def test_draws_follow_the_distribution() -> None:
    x = torch.tensor([0.0, 1.0, 2.0])
    sampler = Sampler(Sampling(top_p=1.0, top_k=0, seed=4))
    counts = torch.bincount(torch.tensor([sampler(x) for _ in range(4000)]), minlength=3) / 4000
    assert (counts - x.softmax(0)).abs().max() < 0.03


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=8))
def test_rolling_back_gives_what_was_before(moves: list[tuple[int, int]]) -> None:
    config = GemmaConfig.preset(
        "tiny", vocab_size=64, layers=1, d_model=16, heads=2, head_dim=8, d_ff=16
    )
    model = Gemma(config).eval()
    ids = torch.arange(3, 40)[None]
    cache, at = KVCache(config, 1), 0
    for back, more in moves:
        cache.rollback(min(back, at))
        at -= min(back, at)
        with torch.no_grad():
            found, _ = model(ids[:, at : at + more], cache=cache)
            expected, _ = model(ids[:, : at + more])
        at += more
        assert cache.longest == at
        assert torch.allclose(found, expected[:, -more:], atol=1e-5)


def test_a_cache_is_shared_copied_and_bounded(small: Gemma) -> None:
    with torch.no_grad():
        _, cache = small(torch.tensor([[2, 10, 20, 30]]))
        assert cache is not None
        twice = cache.select([0, 0])
        step, _ = small(torch.tensor([[40], [50]]), cache=twice)
        for row, last in enumerate((40, 50)):
            whole, _ = small(torch.tensor([[2, 10, 20, 30, last]]))
            assert torch.allclose(step[row, -1], whole[0, -1], atol=1e-5)
    assert cache.longest == 4
    with pytest.raises(ValueError, match="forget"):
        cache.rollback(5)


def test_no_cache_is_kept_while_training(small: Gemma) -> None:
    ids = torch.tensor([[2, 5, 6]])
    assert small.train()(ids)[1] is None
    assert small.eval()(ids)[1] is not None
