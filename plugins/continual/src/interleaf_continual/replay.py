"""``continual.replay``: windows of new data, with windows of what earlier stages saw among them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf.values import Item, Tokens
from interleaf_continual.config import ReplayConfig, RewarmConfig
from interleaf_continual.order import Fork, Ints, Leaf, Mixture, Node, Permutation, best_tree
from interleaf_continual.sources import Corpus, corpus

Array = np.ndarray[Any, Any]
PLANNED = 4096  # samples planned at a time


class Windows:
    """The windows of a corpus: ``window`` tokens and the one after the last of them."""

    def __init__(self, data: Corpus, window: int, documents: bool, last: str) -> None:
        self.data, self.window = data, window
        total = len(data.ids_of_tokens)
        starts = np.asarray(data.starts) if documents else np.zeros(1, np.int64)
        ends = np.append(starts[1:], total)
        room = np.maximum(ends - starts - 1, 0)  # what can be predicted
        self.counts = room // window
        if last == "overlap":
            self.counts = np.where(room >= window, -(-room // window), 0)
        self.starts, self.ends = starts, ends
        self.before = np.cumsum(self.counts) - self.counts
        self.size = int(self.counts.sum())
        self.unused = int((room - np.minimum(self.counts * window, room)).sum())

    def begins(self, numbers: Ints) -> Ints:
        """The first token of each window."""
        if len(self.starts) == 1:
            return np.minimum(numbers * self.window, self.ends[0] - 1 - self.window)
        place = np.searchsorted(self.before, numbers, side="right") - 1
        regular = self.starts[place] + (numbers - self.before[place]) * self.window
        return np.minimum(regular, self.ends[place] - 1 - self.window)

    @cached_property
    def _every(self) -> Array:
        """A view of the window at every token; nothing is copied."""
        return sliding_window_view(self.data.ids_of_tokens, self.window + 1)

    def rows(self, numbers: Ints) -> Array:
        """n×(window + 1) ids."""
        return np.asarray(self._every[self.begins(numbers)])

    def fingerprint(self) -> str:
        """Of the corpus."""
        return self.data.fingerprint()


class Seen:
    """The first ``size`` samples of a mixture: what a stage consumed."""

    def __init__(self, mix: ReplayMix, size: int) -> None:
        self.mix, self.size, self.unused = mix, size, 0

    def rows(self, numbers: Ints) -> Array:
        """n×(window + 1) ids."""
        return self.mix.rows(numbers)

    def fingerprint(self) -> str:
        """Of the mixture and how far it was read."""
        return f"{self.mix.fingerprint()}:{self.size}"


@dataclass(frozen=True, slots=True)
class Pool:
    """Windows with the order they are drawn in."""

    name: str
    windows: Windows | Seen
    order: Permutation


class ReplayMix(Dataset):
    """Sample i is a pure function of the configuration and i, for any i from 0 without end."""

    Config = ReplayConfig

    def __init__(self, config: ReplayConfig | None = None) -> None:
        super().__init__(config)
        self._new: Any = None
        self._old: Sequence[Any] = ()
        self._begin = self._read = 0  # where iteration starts next, and how far it came
        self._block: tuple[int, tuple[Array, Ints]] | None = None

    def open(self, new: Dataset, old: Sequence[Item | Dataset] | None = None) -> ReplayMix:
        """The mixture of ``new`` with each of ``old``; an old mixture gives what was consumed of it."""
        made = type(self)(self.config)
        made._new = new
        made._old = [o.value if isinstance(o, Item) else o for o in old or ()]
        return made

    # -- what is mixed

    @cached_property
    def pools(self) -> list[Pool]:
        """The new data first, then the old; InvalidInput for what cannot be mixed."""
        c = self.config
        if self._new is None:
            raise InvalidInput("nothing is mixed yet", hint="needs: {new: a dataset of tokens}")
        if c.fraction and not self._old:
            raise InvalidInput(
                f"a fraction of {c.fraction:g} is to be replayed and no old data is given",
                hint="needs: {old: the earlier stage's data}",
            )
        sources = [("new", self._new), *((f"old{k}", o) for k, o in enumerate(self._old))]
        found = [self._pool(name, data) for name, data in sources]
        kinds = {p.name: self._tokenizer(d) for p, (_, d) in zip(found, sources, strict=True)}
        if len(set(kinds.values())) > 1:
            told = ", ".join(f"{n} by '{k}'" for n, k in kinds.items())
            raise InvalidInput(
                f"the sources were tokenized differently: {told}", hint="use one tokenizer for all"
            )
        return found

    def _pool(self, name: str, data: Any) -> Pool:
        windows: Windows | Seen = (
            self._seen(data) if isinstance(data, ReplayMix) else self._fresh(name, corpus(data))
        )
        return Pool(name, windows, Permutation(windows.size, f"{self.config.seed}/{name}"))

    def _fresh(self, name: str, data: Corpus) -> Windows:
        c, there = self.config, len(data.ids_of_tokens)
        if not there:
            raise InvalidInput(f"the source '{name}' is empty", hint="leave it out")
        windows = Windows(data, c.window, c.documents, c.last)
        if not windows.size:
            raise InvalidInput(
                f"a window of {c.window} tokens and the one after them do not fit into the source "
                f"'{name}' of {there}", hint="a shorter window, or documents: false",
            )  # fmt: skip
        return windows

    def _seen(self, mix: ReplayMix) -> Seen:
        if mix.config.window != self.config.window:
            raise InvalidInput(
                f"windows of {mix.config.window} tokens are to come again among windows of "
                f"{self.config.window}", hint="use one window for all stages",
            )  # fmt: skip
        return Seen(mix, self.config.consumed or len(mix))

    def _tokenizer(self, data: Any) -> str:
        if isinstance(data, ReplayMix):
            return data.tokenizer
        return corpus(data).tokenizer

    @property
    def tokenizer(self) -> str:
        """That of every source."""
        return self._tokenizer(self._new)

    @cached_property
    def fraction(self) -> Fraction:
        """The part of old windows that is realised, after the mode."""
        c = self.config
        asked = Fraction(str(c.fraction))
        if c.mode == "additive":
            return asked / (1 + asked)
        return Fraction(round(asked * c.batch), c.batch) if c.mode == "per_batch" else asked

    @cached_property
    def mixture(self) -> Mixture:
        """Which pool each sample is from."""
        c, pools = self.config, self.pools
        old = self._shares(pools[1:])
        if c.changing is not None and len(pools) > 1:
            leaves = [Leaf(k, w) for k, w in enumerate(old, 1)]
            return Mixture(Fork(best_tree(leaves), Leaf(0, Fraction(1)), self._changing()))
        if not self.fraction:
            return Mixture(Leaf(0, Fraction(1)))
        return Mixture.of([1 - self.fraction, *(w * self.fraction for w in old)])

    def _shares(self, pools: Sequence[Pool]) -> list[Fraction]:
        """Parts of the old data, summing to 1."""
        asked = [Fraction(str(s)) for s in self.config.shares]
        if asked and (len(asked) != len(pools) or min(asked) <= 0):
            raise InvalidInput(
                f"{len(asked)} shares for {len(pools)} old sources",
                hint="one above 0 for each; leave a source out to give it none",
            )
        weights = asked or [Fraction(p.windows.size) for p in pools]
        return [w / sum(weights) for w in weights]

    def _changing(self) -> Any:
        """Counts of old samples under a fraction that changes from step to step."""
        c, schedule = self.config, self.config.changing
        totals = np.zeros(1)

        def counts(first: int, stop: int) -> Ints:
            nonlocal totals
            steps = -(-stop // c.batch) + 1
            if len(totals) < steps:
                wanted = np.arange(max(steps, 2 * len(totals)), dtype=np.float64)
                last = schedule.domain.stop
                share = schedule.table(wanted if last is None else np.minimum(wanted, last))[
                    "value"
                ]
                if (share < 0).any() or (share > 1).any():
                    raise InvalidInput("a replay fraction leaves 0..1", hint="scale the schedule")
                totals = np.concatenate([[0.0], np.cumsum(share) * c.batch])
            n = np.arange(first, stop + 1)
            step, inside = np.divmod(n, c.batch)
            rate = np.diff(totals, append=totals[-1])[step] / c.batch
            return np.floor(totals[step] + inside * rate + 0.5).astype(np.int64)

        return counts

    # -- samples

    def plan(self, first: int, stop: int) -> tuple[Array, Ints]:
        """Pool and window of samples ``first`` to ``stop − 1``."""
        chosen, spans = self.mixture.choose(first, stop)
        numbers = np.empty(stop - first, dtype=np.int64)
        for source, (begin, end) in spans.items():
            numbers[chosen == source] = self.pools[source].order[np.arange(begin, end)]
        return chosen, numbers

    def batch(self, first: int, stop: int) -> Array:
        """Ids of samples ``first`` to ``stop − 1``, n×(window + 1)."""
        number, begin = divmod(first, PLANNED)
        if begin + stop - first > PLANNED:
            return self._gather(*self.plan(first, stop))
        chosen, numbers = self._planned(number)
        part = slice(begin, begin + stop - first)
        return self._gather(chosen[part], numbers[part])

    def _planned(self, number: int) -> tuple[Array, Ints]:
        """The plan of a block of samples, kept until another is asked for: batches follow one another."""
        kept = self._block
        if kept is None or kept[0] != number:
            kept = (number, self.plan(number * PLANNED, (number + 1) * PLANNED))
            self._block = kept
        return kept[1]

    def rows(self, places: Ints) -> Array:
        """Ids of samples anywhere, n×(window + 1)."""
        if isinstance(self.mixture.root, Leaf):
            return self.pools[0].windows.rows(self.pools[0].order[places])
        plans = [self.plan(int(p), int(p) + 1) for p in places]
        return self._gather(*(np.concatenate(column) for column in zip(*plans, strict=True)))

    def _gather(self, chosen: Array, numbers: Ints) -> Array:
        masks = [(p.windows, chosen == k) for k, p in enumerate(self.pools)]
        used = [(windows, mask) for windows, mask in masks if mask.any()]
        if len(used) == 1:
            return used[0][0].rows(numbers)
        parts = [(mask, windows.rows(numbers[mask])) for windows, mask in used]
        dtype = np.result_type(*(rows.dtype for _, rows in parts)) if parts else np.uint8
        out = np.empty((len(chosen), self.config.window + 1), dtype)
        for mask, rows in parts:
            out[mask] = rows
        return out

    def __len__(self) -> int:
        if self.config.samples:
            return int(self.config.samples)
        fresh = self.pools[0].windows.size
        return fresh if self.config.changing else -(-fresh // (1 - self.fraction))

    def __getitem__(self, index: int) -> Tokens:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Tokens(self.batch(index, index + 1)[0], self.tokenizer)

    def __iter__(self) -> Iterator[Tokens]:
        position, self._begin = self._begin, 0
        self._read = position
        while position < len(self):
            item = self[position]
            position += 1
            self._read = position
            yield item

    # -- state

    def state(self) -> Mapping[str, Any]:
        """Where iteration stands, and what it stands in."""
        return self.at(self._read)

    def at(self, position: int, stage: str = "") -> Mapping[str, Any]:
        """The state after ``position`` samples; the cursors follow from it, and are there to compare."""
        cursors = {p.name: int(n) for p, n in zip(self.pools, self.consumed(position), strict=True)}
        return {
            "version": 1, "config": self.fingerprint(), "position": position, "cursors": cursors,
            "stage": stage,
        }  # fmt: skip

    def consumed(self, position: int) -> list[int]:
        """Samples of each pool among the first ``position``."""
        spans: dict[int, tuple[int, int]] = {}
        if position:
            _, spans = self.mixture.choose(position, position)
        return [spans.get(k, (0, 0))[0] for k in range(len(self.pools))]

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; InvalidInput when it is of other data or another configuration."""
        if state.get("config") != self.fingerprint() or state.get("version") != 1:
            raise InvalidInput(
                "the saved position is of another mixture: a source, its content or the "
                "configuration has changed", hint="restore them, or begin a new stage",
            )  # fmt: skip
        if dict(self.at(int(state["position"]))["cursors"]) != dict(state["cursors"]):
            raise InvalidInput("the saved cursors do not follow from the position")
        self._begin = self._read = int(state["position"])

    def fingerprint(self) -> str:
        """Of every source's content and what decides the order."""
        return self._mark

    @cached_property
    def _mark(self) -> str:
        c = self.config
        told = {
            "pools": [p.windows.fingerprint() for p in self.pools],
            "fraction": str(self.fraction), "shares": [str(s) for s in c.shares], "seed": c.seed,
            "window": c.window, "documents": c.documents, "last": c.last, "length": len(self),
            "changing": self._changes(),
        }  # fmt: skip
        return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()

    def _changes(self) -> list[float]:
        if self.config.changing is None:
            return []
        return [float(v) for v in self._changing()(0, len(self))[:: max(1, len(self) // 64)]]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.schedules import Rewarm

        fading = Rewarm(RewarmConfig(steps=40, peak=0.5, floor=0.1))
        configs = [
            ReplayConfig(window=16, samples=30, fraction=0.25),
            ReplayConfig(window=9, fraction=0.3, mode="additive", documents=True, samples=20),
            ReplayConfig(
                window=16, fraction=0.3, mode="per_batch", batch=8, last="drop", samples=25
            ),
            ReplayConfig(window=12, changing=fading, batch=2, samples=40),
        ]
        return {"configs": configs, "calls": {"open": [_example()]}}


def _example() -> dict[str, Any]:
    from interleaf_continual.sources import Text

    new, old = (Text.examples()["configs"][k] for k in (0, 1))
    return {"new": Text(new), "old": [Text(old)]}


__all__ = ["Node", "Pool", "ReplayMix", "Seen", "Windows"]
