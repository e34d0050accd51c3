"""Rewards learn preferences; policy gradient earns a reward that can be counted, and stays near its start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context
from interleaf_gemma.chat import conversation, ends
from interleaf_gemma.components import Decoder
from interleaf_gemma.tuning.components import Reward, divergence, improved, small
from interleaf_gemma.tuning.config import (
    ConversationsConfig,
    PolicyConfig,
    PreferencesConfig,
    RewardConfig,
)
from interleaf_gemma.tuning.conversations import EXAMPLES, Conversations, Preferences
from interleaf_gemma.tuning.reinforce import Reinforce, answered, baseline, logprobs
from interleaf_training import Recipe

FILE = str(EXAMPLES / "preferences.jsonl")
PAIRS = Preferences(PreferencesConfig(path=FILE))
PROMPTS = Conversations(ConversationsConfig(path=FILE, prompts=True))
NEW = [
    [{"role": "user", "content": text}] for text in ("Where is the cat?", "Who is Tom?", "Sing!")
]


@pytest.fixture(scope="module")
def reward() -> Reward:
    recipe = Recipe(steps=40, batch=2, lr=0.01, weight_decay=0.0, log_every=10)
    fitted = Reward(RewardConfig(recipe=recipe)).fit(small(), PAIRS).model
    assert isinstance(fitted, Reward)
    return fitted


def test_the_preferred_reply_is_worth_more(reward: Reward) -> None:
    for pair in PAIRS:
        talks = [
            [*pair["prompt"], {"role": "model", "content": pair[k]}] for k in ("chosen", "rejected")
        ]
        better, worse = reward.apply(talks).columns["reward"]
        assert better > worse + 1


def test_a_reward_is_of_its_conversation_alone(reward: Reward) -> None:
    talks = [[*p["prompt"], {"role": "model", "content": p["chosen"]}] for p in PAIRS]
    together = reward.apply(talks).columns["reward"]
    assert [reward.apply([t]).columns["reward"][0] for t in talks] == pytest.approx(
        together, abs=1e-5
    )


def test_before_training_all_pairs_are_even() -> None:
    fitted = Reward(RewardConfig(recipe=Recipe(steps=1, batch=2, lr=0.0))).fit(small(), PAIRS)
    assert fitted.log is not None
    assert fitted.log.rows[0]["loss"] == pytest.approx(0.6931, abs=1e-4)  # ln 2


def test_a_reward_is_kept_exactly(reward: Reward, tmp_path: Path) -> None:
    reward.save(tmp_path)
    again = Reward(reward.config)
    again.load(tmp_path)
    talk = [[{"role": "user", "content": "Hi."}, {"role": "model", "content": "Max was happy!"}]]
    assert again.apply(talk).columns == reward.apply(talk).columns
    (tmp_path / "score.safetensors").write_bytes(b"no")
    with pytest.raises(CorruptData, match="score"):
        Reward(reward.config).load(tmp_path)


def test_without_fit_there_is_no_reward() -> None:
    with pytest.raises(InvalidInput, match="has not learnt"):
        Reward().apply([[{"role": "user", "content": "x"}, {"role": "model", "content": "y"}]])


def test_the_baseline_leaves_out_the_answer_itself() -> None:
    rewards = torch.tensor([1.0, 2.0, 6.0, 0.0, 0.0, 3.0])
    assert baseline(rewards, 3).tolist() == [4.0, 3.5, 1.5, 1.5, 1.5, 0.0]


def drawn_from(decoder: Decoder, tokens: int = 8, talks: Any = PROMPTS) -> Any:
    rows = [conversation(turns, decoder.tokenizer) for turns in talks]
    return answered(decoder.gemma, rows, 3, tokens, 1.0, ends(decoder.tokenizer), seed=5)


def test_logprobs_are_those_of_each_answer_alone() -> None:
    decoder = small()
    drawn = drawn_from(decoder)
    with torch.no_grad():
        said, own = logprobs(decoder.gemma, drawn)
        for n, (prompt, answer) in enumerate(zip(drawn.prompts, drawn.answers, strict=True)):
            table = decoder.gemma(torch.tensor([[*prompt, *answer]]))[0][0].log_softmax(-1)
            expected = [float(table[len(prompt) - 1 + k, i]) for k, i in enumerate(answer)]
            assert said[n][own[n]].tolist() == pytest.approx(expected, abs=1e-4)


def test_answers_are_the_same_for_the_same_seed_and_differ_beside_each_other() -> None:
    decoder = small()
    first, second = drawn_from(decoder), drawn_from(decoder)
    assert first.answers == second.answers
    assert len({tuple(a) for a in first.answers}) > 3


def favoured(decoder: Decoder) -> torch.Tensor:
    """Half of the ids: those on one side of the table of embeddings."""
    return (decoder.gemma.model.embed_tokens.weight[:, 0] > 0).detach()


def able() -> Decoder:
    """A random decoder whose hidden states matter: its table of embeddings is wide."""
    decoder = small()
    with torch.no_grad():
        decoder.gemma.model.embed_tokens.weight.mul_(25)
    return decoder


def counted(ids: torch.Tensor) -> Any:
    """A reward that can be counted: the share of favoured ids."""

    def judge(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor([float(ids[torch.tensor(a)].float().mean()) for a in answers])

    return judge


def test_the_gradient_is_that_of_the_expected_reward() -> None:
    """With answers of one token, many samples come near the exact gradient Σ r(y) ∇π(y)."""
    decoder, start = small(), small()
    ids = favoured(decoder)
    for p in decoder.gemma.parameters():
        p.requires_grad_(False)
    weight = decoder.gemma.model.embed_tokens.weight.requires_grad_(True)
    objective = Reinforce(
        decoder.gemma,
        start.gemma,
        counted(ids),
        ends(decoder.tokenizer),
        samples=800,
        tokens=1,
        beta=0.0,
    )
    prompt = conversation(PROMPTS[0], decoder.tokenizer)
    loss, count = objective(torch.tensor([prompt]), torch.tensor([len(prompt)]))
    (estimate,) = torch.autograd.grad(loss / count, weight)
    table = decoder.gemma(torch.tensor([prompt]))[0][0, -1].softmax(-1)
    (exact,) = torch.autograd.grad((table * ids).sum(), weight)
    # along the direction that all favoured ids share
    along = ids.float() - ids.float().mean()
    ratio = (along @ -estimate).norm() / (along @ exact).norm()
    assert torch.nn.functional.cosine_similarity(along @ -estimate, along @ exact, dim=0) > 0.95
    assert 0.8 < ratio < 1.25


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_reward_that_can_be_counted_rises_and_the_divergence_is_bounded(seed: int) -> None:
    start = able()
    judge = counted(favoured(start))

    def policy(beta: float) -> Decoder:
        recipe = Recipe(steps=12, batch=2, lr=0.02, weight_decay=0.0, log_every=5)
        config = PolicyConfig(recipe=recipe, samples=8, beta=beta, max_new_tokens=6)
        found = improved(start, judge, PROMPTS, config, None, Context(seed=seed)).model
        assert isinstance(found, Decoder)
        return found

    free, held = policy(0.0), policy(1.0)
    before, after = drawn_from(start, 6, NEW), drawn_from(free, 6, NEW)
    worth = [float(judge(d.prompts, d.answers).mean()) for d in (before, after)]
    assert 1 - worth[1] < 0.6 * (1 - worth[0])  # on prompts it was not trained on
    near = divergence(held, start, drawn_from(held, 6, NEW), 1.0)
    assert near < 0.5 * divergence(free, start, after, 1.0)
