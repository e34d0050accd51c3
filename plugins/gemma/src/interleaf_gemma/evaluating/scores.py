"""Log-probabilities of given continuations, without ever holding logits of more than a few places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from interleaf_gemma.generation import padded
from interleaf_gemma.model import Gemma

PLACES = 128  # places whose logits exist at once: 128 × 256,000 float32 are 125 MiB


@dataclass(frozen=True, slots=True)
class Score:
    """``logprobs`` of each id of a continuation, in nats; ``greedy``: each was the most probable one."""

    logprobs: list[float]
    greedy: bool

    @property
    def total(self) -> float:
        """Of the whole continuation."""
        return sum(self.logprobs)


def scores(
    model: Gemma, pairs: Sequence[tuple[list[int], list[int]]], batch: int = 16
) -> Iterator[Score]:
    """One score for each (context, continuation), in order. Contexts hold at least one id."""
    order = sorted(range(len(pairs)), key=lambda n: -len(pairs[n][0]) - len(pairs[n][1]))
    found: dict[int, Score] = {}
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        found.update(zip(rows, _scored(model, [pairs[n] for n in rows]), strict=True))
    return (found[n] for n in range(len(pairs)))


@torch.inference_mode()
def _scored(model: Gemma, pairs: Sequence[tuple[list[int], list[int]]]) -> list[Score]:
    ids, mask = padded([[*a, *b][:-1] for a, b in pairs], model.config.pad, model.device)
    hidden = model.model(ids, mask=mask)
    places = [(row, len(a) - 1 + n) for row, (a, b) in enumerate(pairs) for n in range(len(b))]
    wanted = torch.tensor([i for _, b in pairs for i in b], device=model.device)
    rows, columns = torch.tensor(places, dtype=torch.int64).reshape(-1, 2).T
    logprobs, best = _at(model, hidden[rows, columns], wanted)
    found, end = [], 0
    for _, continuation in pairs:
        begin, end = end, end + len(continuation)
        found.append(Score(logprobs[begin:end], all(best[begin:end])))
    return found


def _at(model: Gemma, hidden: Tensor, wanted: Tensor) -> tuple[list[float], list[bool]]:
    """For hidden states [N, D] and ids [N]: the log-probability of each id, and whether it is the best."""
    logprobs: list[float] = []
    best: list[bool] = []
    for h, i in zip(hidden.split(PLACES), wanted.split(PLACES), strict=True):
        logits = model.head(h)[:, : model.config.sampled].float()
        own = logits.gather(1, i[:, None]).squeeze(1)
        logprobs += (own - logits.logsumexp(1)).tolist()
        best += (logits.argmax(1) == i).tolist()
    return logprobs, best


def windows(
    ids: Sequence[int], bos: int, context: int, overlap: int = 1
) -> Iterator[tuple[list[int], list[int]]]:
    """A text of any length as pairs of context and continuation: every id is predicted exactly once.

    Every window begins with <bos>, without which a Gemma predicts nothing sensible; all but the first
    then show ``overlap`` ids from before. ``context``: the most ids of a pair.
    """
    begin, shown = 0, 0
    while begin < len(ids):
        end = min(len(ids), begin + context - 1 - shown)
        yield [bos, *ids[begin - shown : begin]], list(ids[begin:end])
        begin, shown = end, overlap
