"""Prompts continued as text, together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from interleaf_gemma.generation import Batch, Constraint, Running, requests
from interleaf_gemma.model import Gemma
from interleaf_gemma.serving.text import Words
from interleaf_gemma.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Prose:
    """How to continue; see ``Gemma.generate``. ``stop``: texts that end it and are left out."""

    max_new_tokens: int = 200
    temperature: float = 0.8
    top_k: int = 64
    top_p: float = 0.95
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """A continuation, how many tokens it took, and why it ended: ``stop`` or ``length``."""

    text: str
    tokens: int
    finish: str


def continued(
    model: Gemma,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    prose: Prose,
    ends: Collection[int] | None = None,
    constraints: Sequence[Constraint | None] | None = None,
) -> list[Said]:
    """What follows each prompt; InvalidInput for prompts that cannot be read."""
    running = _requests(model, prompts, prose, ends, constraints)
    words = [Words(tokenizer.piece, prose.stop) for _ in running]
    texts = [""] * len(running)
    for _ in _steps(model, running):
        for n, (sequence, word) in enumerate(zip(running, words, strict=True)):
            texts[n] += word.feed(sequence.ids[word.tokens :])
            if word.stopped:
                sequence.reason = "stop"
    return [
        Said(text + word.finish(), len(r.ids), r.reason)
        for text, word, r in zip(texts, words, running, strict=True)
    ]


def streamed(
    model: Gemma,
    tokenizer: Tokenizer,
    prompt: Sequence[int],
    prose: Prose,
    ends: Collection[int] | None = None,
) -> Iterator[str]:
    """What follows one prompt, in pieces of whole characters as they come."""
    running = _requests(model, [prompt], prose, ends, None)
    word = Words(tokenizer.piece, prose.stop)
    for _ in _steps(model, running):
        if piece := word.feed(running[0].ids[word.tokens :]):
            yield piece
        if word.stopped:
            running[0].reason = "stop"
    yield word.finish()


def _requests(
    model: Gemma,
    prompts: Sequence[Sequence[int]],
    prose: Prose,
    ends: Collection[int] | None,
    constraints: Sequence[Constraint | None] | None,
) -> list[Running]:
    return requests(
        model, prompts, prose.max_new_tokens, prose.temperature, prose.top_k, prose.top_p, prose.seed,
        ends, constraints,
    )  # fmt: skip


def _steps(model: Gemma, running: list[Running]) -> Iterator[None]:
    """Once after the prompts were read, then after every step."""
    batch = Batch(model)
    batch.add(running)
    yield
    while batch.step():
        yield
