"""Policy gradient with a KL penalty: the paper's reinforcement learning, in its plainest form.

    R(y) = r(x, y) − β Σ_t [log π(y_t) − log π₀(y_t)]        π₀: the model at the start
    ∇ = E[(R(yᵢ) − mean over the other answers to x of R) ∇ log π(yᵢ)]

The paper names "a variant of REINFORCE with KL regularisation towards the tuned model" and no baseline; the
mean of the other answers is that of Kool, van Hoof and Welling (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interleaf_gemma.generation import padded
from interleaf_gemma.model import Gemma

Judge = Callable[
    [Sequence[Sequence[int]], Sequence[Sequence[int]]], Tensor
]  # prompts, answers -> [N]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers drawn from a policy: ids of prompts and answers, row by row; an answer keeps what ended it."""

    prompts: list[list[int]]
    answers: list[list[int]]


def answered(
    policy: Gemma, prompts: Sequence[Sequence[int]], samples: int, tokens: int, temperature: float,
    ends: frozenset[int], seed: int,
) -> Answers:  # fmt: skip
    """``samples`` answers to each prompt, beside one another. One that was not cut keeps its end."""
    rows = [list(p) for p in prompts for _ in range(samples)]
    room = [min(tokens, policy.config.context - len(p)) for p in rows]
    seeds = [seed * 1_000_003 + n for n in range(len(rows))]
    found: list[list[int]] = policy.generate(
        rows,
        max_new_tokens=min(room),
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        seed=seeds,
        stop=ends,
    )
    end = max(ends)
    full = [[*a, end] if len(a) < min(room) else a for a in found]
    return Answers(rows, full)


def logprobs(model: Gemma, drawn: Answers, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """log π of every answer's ids [N, T], and which places are ids of answers [N, T]."""
    rows = [[*p, *a] for p, a in zip(drawn.prompts, drawn.answers, strict=True)]
    ids, mask = padded(rows, model.config.pad, model.device)
    hidden = model.model(ids[:, :-1], mask=mask[:, :-1])
    begin = torch.tensor([len(p) for p in drawn.prompts], device=ids.device)[:, None]
    places = torch.arange(1, ids.shape[1], device=ids.device)
    own = (places >= begin) & mask[:, 1:]
    logits = model.head(hidden[own])[:, : model.config.sampled].float() / temperature
    said = logits.log_softmax(-1).gather(1, ids[:, 1:][own][:, None]).squeeze(1)
    table = torch.zeros(own.shape, dtype=said.dtype, device=ids.device)
    return table.masked_scatter(own, said), own


class Reinforce(nn.Module):
    """The objective: prompts in, answers drawn from the policy as it is now, loss sum and their number out.

    Answers are drawn with a seed from torch's generator. ``judge`` gives rewards r; ``seen`` keeps the last
    step's means of reward and of KL in nats an answer.
    """

    def __init__(
        self, policy: Gemma, reference: Gemma, judge: Judge, ends: frozenset[int],
        samples: int = 4, tokens: int = 64, beta: float = 0.05, temperature: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if samples < 2:
            raise ValueError("a baseline needs at least two answers to a prompt")
        self.policy, self.judge, self.ends = policy, judge, ends
        self.reference = [
            reference.eval().requires_grad_(False)
        ]  # in a list: not trained, not saved
        self.samples, self.tokens, self.beta, self.temperature = samples, tokens, beta, temperature
        self.seen: dict[str, float] = {}

    def forward(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, int]:
        """ids [B, T] of prompts with their ``lengths`` [B]."""
        prompts = [row[:n].tolist() for row, n in zip(ids, lengths.tolist(), strict=True)]
        drawn = answered(
            self.policy, prompts, self.samples, self.tokens, self.temperature, self.ends,
            int(torch.randint(2**31, ())),
        )  # fmt: skip
        said, own = logprobs(self.policy, drawn, self.temperature)
        with torch.no_grad():
            before, _ = logprobs(self.reference[0], drawn, self.temperature)
            reward = self.judge(drawn.prompts, drawn.answers).float()
            divergence = ((said - before) * own).sum(1)  # an unbiased estimate of KL(π ‖ π₀)
            total = reward - self.beta * divergence
            advantage = total - baseline(total, self.samples)
        self.seen = {"reward": float(reward.mean()), "kl": float(divergence.mean())}
        return -(advantage * (said * own).sum(1)).sum(), len(total)


def baseline(rewards: Tensor, samples: int) -> Tensor:
    """For each answer the mean reward of the others to its prompt: [N] → [N], N = prompts · samples."""
    groups = rewards.view(-1, samples)
    others = (groups.sum(1, keepdim=True) - groups) / (samples - 1)
    return others.flatten()
