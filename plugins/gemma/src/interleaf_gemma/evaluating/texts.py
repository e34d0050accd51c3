"""Many prompts continued as text, a few at a time: a new one begins when another ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interleaf_gemma.generation import Batch, Running
from interleaf_gemma.model import Gemma
from interleaf_gemma.sampling import Sampling
from interleaf_gemma.serving.text import Words
from interleaf_gemma.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Wish:
    """A prompt's ids, how many to add at most, and the texts that end it."""

    prompt: list[int]
    limit: int
    until: list[str]
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0


def texts(model: Gemma, tokenizer: Tokenizer, wishes: Sequence[Wish], rows: int = 16) -> list[str]:
    """The continuation of each wish, without the text that ended it."""
    batch = Batch(model)
    found, words = [""] * len(wishes), [Words(tokenizer.piece, w.until) for w in wishes]
    running: dict[int, Running] = {}
    waiting = list(range(len(wishes)))
    ends = frozenset({model.config.eos})
    while waiting or running:
        fresh = {n: _begun(wishes[n], ends) for n in waiting[: rows - len(running)]}
        del waiting[: len(fresh)]
        running.update(fresh)
        batch.add(list(fresh.values()))
        batch.step()
        for n, sequence in list(running.items()):
            found[n] += words[n].feed(sequence.ids[words[n].tokens :])
            if words[n].stopped:
                sequence.reason = "stop"
            if sequence.reason:
                found[n] += words[n].finish()
                del running[n]
    return found


def _begun(wish: Wish, ends: frozenset[int]) -> Running:
    sampling = Sampling(
        temperature=wish.temperature, top_k=wish.top_k, top_p=wish.top_p, seed=wish.seed
    )
    return Running(wish.prompt, wish.limit, ends, sampling)
