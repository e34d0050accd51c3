"""Sequences that grow together: every step decodes one token of each that is running.

Sequences join and leave at any time (continuous batching); each gets the ids that it gets alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from interleaf.errors import InterleafError, InvalidInput
from interleaf_gemma.cache import KVCache
from interleaf_gemma.fast import decoding
from interleaf_gemma.model import Gemma
from interleaf_gemma.reading import reading
from interleaf_gemma.sampling import Sampler, Sampling

Steps = Iterator[tuple[int, int]]  # (row, id)
Constraint = Callable[[list[int]], Tensor | None]  # ids so far -> allowed ids [V] bool, None: all

DAMAGED = "the weights are damaged, or try --dtype bfloat16 or float32"


class NotFinite(InterleafError):
    """The model computed NaN: its weights are damaged, or float16 overflowed."""


class Following(NamedTuple):
    """What may follow: logits [V], the most probable id with its logit, and log Σ exp of all."""

    logits: Tensor
    best: int
    peak: float
    total: float

    @classmethod
    def of(cls, logits: Tensor) -> list[Following]:
        """One for each row of logits [B, V], together: a batch costs little more than a row."""
        peaks, best = logits.max(1)
        columns = (best.tolist(), peaks.tolist(), logits.logsumexp(1).tolist())
        return [cls(*row) for row in zip(logits, *columns, strict=True)]

    def logprob(self, i: int) -> float:
        """log p(i)."""
        return (self.peak if i == self.best else float(self.logits[i])) - self.total


@dataclass(slots=True, eq=False)
class Running:
    """One running sequence: what it was asked and the ids it has got."""

    prompt: list[int]
    limit: int
    stop: frozenset[int]
    sampling: Sampling = field(default_factory=Sampling)
    constraint: Constraint | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    # "": running; stop: an id in ``stop`` came; length: the limit; else another's word
    reason: str = ""
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        self.sampler = Sampler(self.sampling)

    def fail(self, error: Exception) -> None:
        """What follows when its logits are no numbers: here it is raised; a server ends this one alone."""
        raise error

    def take(self, following: Following) -> int:
        """The next id; ends the sequence when it is the last one."""
        if self.constraint is not None:
            allowed = self.constraint(self.ids)
            if allowed is not None:
                (following,) = Following.of(
                    following.logits.masked_fill(~allowed, -torch.inf)[None]
                )
        found = following.best if self.sampling.temperature == 0 else self.sampler(following.logits)
        if found in self.stop:
            self.reason = "stop"
            return found
        self.ids.append(found)
        self.logprobs.append(following.logprob(found))
        if len(self.ids) >= self.limit:
            self.reason = "length"
        return found


class Batch:
    """The running sequences of a model and their cache; rows 0 to n − 1 are in use."""

    def __init__(self, model: Gemma, rows: int = 0, context: int = 0) -> None:
        self.model = model
        self.cache = KVCache(model.config, rows, context, model.dtype, model.device)
        self.running: list[Running] = []
        self.decode = decoding(model)

    @torch.inference_mode()
    def add(self, sequences: Sequence[Running]) -> None:
        """Read the prompts, all at once, and decode the first token of each."""
        for sequence in sequences:
            check_prompt(sequence.prompt, self.model.config.context, self.model.config.vocab_size)
        if not sequences:
            return
        ids, mask = padded([s.prompt for s in sequences], self.model.config.pad, self.model.device)
        fresh = KVCache(
            self.model.config, len(ids), ids.shape[1], self.model.dtype, self.model.device
        )
        with reading(self.model):
            hidden = self.model.model(ids, mask=mask, cache=fresh)
        last = hidden[torch.arange(len(ids)), mask.sum(1) - 1]
        self._take(sequences, self.model.head(last))
        for row, sequence in enumerate(sequences):
            if not sequence.reason:
                self._room(len(sequence.prompt) + sequence.limit)
                self.cache.put(len(self.running), fresh, row)
                self.running.append(sequence)

    @torch.inference_mode()
    def step(self) -> list[Running]:
        """Decode one token of every running sequence; those that took part."""
        self._drop()
        part = list(self.running)
        if not part:
            return []
        view = self.cache.first(len(part))
        logits = self.decode([s.ids[-1] for s in part], view)
        self.cache.measure()
        self._take(part, logits)
        return part

    def _take(self, sequences: Sequence[Running], logits: Tensor) -> None:
        known = logits[:, : self.model.config.sampled].float()
        for sequence, following in zip(sequences, Following.of(known), strict=True):
            if not math.isfinite(following.total):
                sequence.fail(NotFinite("the model computed NaN", hint=DAMAGED))
                continue
            sequence.take(following)
            if len(sequence.prompt) + len(sequence.ids) >= self.model.config.context:
                sequence.reason = sequence.reason or "length"

    def _drop(self) -> None:
        """The last running sequence takes the place of one that ended."""
        for row in reversed(range(len(self.running))):
            if self.running[row].reason:
                last = len(self.running) - 1
                if row != last:
                    self.cache.put(row, self.cache, last)
                    self.running[row] = self.running[last]
                self.running.pop()
                self.cache.lengths[last] = 0
        self.cache.measure()

    def _room(self, context: int) -> None:
        self.cache.reserve(min(context, self.model.config.context))
        if len(self.running) == self.cache.rows:
            self.cache.widen(max(1, self.cache.rows))


def generate(
    model: Gemma,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int = 64,
    top_p: float = 0.95,
    seed: int | Sequence[int] = 0,
    stop: Iterable[int] | None = None,
    constraints: Sequence[Constraint | None] | None = None,
) -> Steps:
    """(row, id) for every new id as it comes; see ``Gemma.generate``."""
    sequences = requests(
        model, prompts, max_new_tokens, temperature, top_k, top_p, seed, stop, constraints
    )
    return _running(Batch(model, len(prompts)), sequences)


def requests(
    model: Gemma,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int | Sequence[int],
    stop: Iterable[int] | None,
    constraints: Sequence[Constraint | None] | None = None,
) -> list[Running]:
    """A sequence for every prompt; InvalidInput says what is wrong with a prompt or a setting."""
    if max_new_tokens < 1:
        raise InvalidInput(f"max_new_tokens = {max_new_tokens}: expected at least 1")
    seeds = [seed] * len(prompts) if isinstance(seed, int) else list(seed)
    if len(seeds) != len(prompts):
        raise InvalidInput(
            f"{len(seeds)} seeds for {len(prompts)} prompts", hint="give one, or one each"
        )
    ends = frozenset(stop if stop is not None else (model.config.eos,))
    for prompt in prompts:
        check_prompt(prompt, model.config.context, model.config.vocab_size)
    try:
        return [
            Running(
                list(prompt),
                max_new_tokens,
                ends,
                Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=s),
                constraints[row] if constraints else None,
            )
            for row, (prompt, s) in enumerate(zip(prompts, seeds, strict=True))
        ]
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _running(batch: Batch, sequences: list[Running]) -> Steps:
    told = [0] * len(sequences)
    batch.add(sequences)
    while True:
        for row, sequence in enumerate(sequences):
            for found in sequence.ids[told[row] :]:
                yield row, found
            told[row] = len(sequence.ids)
        if not batch.step():
            return


def collected(steps: Steps, rows: int) -> list[list[int]]:
    """All ids of every row."""
    found: list[list[int]] = [[] for _ in range(rows)]
    for row, token in steps:
        found[row].append(token)
    return found


def padded(
    prompts: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """ids [B, T] with padding at the right, and mask [B, T]."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[*p, *[pad] * (longest - len(p))] for p in prompts], device=device)
    mask = torch.tensor([[n < len(p) for n in range(longest)] for p in prompts], device=device)
    return ids, mask


def check_prompt(prompt: Sequence[int], context: int, vocabulary: int) -> None:
    """Raises InvalidInput for a prompt that cannot be read."""
    if not prompt:
        raise InvalidInput("the prompt is empty", hint="begin it with the id of <bos>")
    if len(prompt) >= context:
        raise InvalidInput(
            f"the prompt has {len(prompt):,} tokens, and the context holds {context:,} with the reply",
            hint="shorten the prompt",
        )
    bad = next((i for i in prompt if not 0 <= i < vocabulary), None)
    if bad is not None:
        raise InvalidInput(f"the prompt holds the id {bad}; ids are 0 to {vocabulary - 1:,}")
