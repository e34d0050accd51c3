"""Peers measured turn by turn, so that a busy machine is unkind to all of them alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from interleaf_gemma.benching.peers import Peer


@dataclass(frozen=True, slots=True)
class Row:
    """A peer's tokens a second."""

    name: str
    kind: str
    megabytes: float
    decode: float
    prefill: float
    share: float  # of what the memory allows, decoding


def measured(
    peers: Sequence[Peer],
    bandwidth: Callable[[], float],
    context: int,
    threads: int,
    tokens: int = 8,
    rounds: int = 5,
) -> tuple[list[Row], float]:
    """A row for each peer, and the bandwidth in bytes a second: the best of all rounds of each.

    With one thread time is that of the processor, which others on the machine disturb less.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    random = np.random.default_rng(0)
    vocabulary = 1000
    prompt = random.integers(3, vocabulary, context).tolist()
    reads: dict[str, list[float]] = {}
    steps: dict[str, list[float]] = {}
    bounds = [bandwidth()]
    for peer in peers:
        _say(f"{peer.name}: a prompt of {context}")
        reads[peer.name] = [_timed(clock, partial(peer.read, prompt))]
        steps[peer.name] = []
    for n in range(rounds):
        _say(f"round {n + 1} of {rounds}")
        for peer in peers:
            ids = random.integers(3, vocabulary, tokens).tolist()
            peer.step(ids[0])
            steps[peer.name] += [_timed(clock, partial(peer.step, i)) for i in ids]
        bounds.append(bandwidth())
    for peer in peers if context <= 256 else ():
        reads[peer.name] += [_timed(clock, partial(peer.read, prompt)) for _ in range(2)]
    _say("")
    best = max(bounds)
    rows = [
        Row(
            p.name, p.kind, p.bytes / 1e6, 1 / min(steps[p.name]), context / min(reads[p.name]),
            p.bytes / min(steps[p.name]) / best,
        )
        for p in peers
    ]  # fmt: skip
    return rows, best


def _timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    start = clock()
    work()
    return clock() - start


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{what:60}", end="" if what else "\r", file=sys.stderr, flush=True)
