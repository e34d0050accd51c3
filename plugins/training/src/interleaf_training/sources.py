"""Where samples come from: a pure function of their place in the whole training.

Sample ``i`` is the same on any number of processes and after any interruption, so that to resume
is arithmetic and there is no state to save.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf.interfaces.dataset import Indexed

Batch = tuple[torch.Tensor, ...] | Mapping[str, torch.Tensor]


@runtime_checkable
class Source(Protocol):
    """Training samples by global index, 0 upwards and without end.

    ``batch(first, stop)`` gives samples ``first`` to ``stop − 1`` as CPU tensors whose first
    dimension is the sample, passed on to the objective's ``forward``; it may be called from another
    thread and in any order. ``fingerprint()`` names the content and the order.
    """

    def batch(self, first: int, stop: int) -> Batch: ...

    def fingerprint(self) -> str: ...


def moved(batch: Batch, device: torch.device) -> Batch:
    """The tensors of a batch on a device."""
    if isinstance(batch, Mapping):
        return {k: v.to(device, non_blocking=True) for k, v in batch.items()}
    return tuple(v.to(device, non_blocking=True) for v in batch)


def call(objective: torch.nn.Module, batch: Batch, **values: float) -> tuple[torch.Tensor, Any]:
    """Loss sum and count of a batch: a mapping is passed by name, a tuple by position."""
    if isinstance(batch, Mapping):
        return objective(**batch, **values)
    return objective(*batch, **values)


class Order:
    """Sample ``i`` → item of ``size``: every item once an epoch, in a new order each time."""

    def __init__(self, size: int, seed: int, shuffle: bool = True) -> None:
        if size < 1:
            raise InvalidInput("there is nothing to train on: the dataset is empty")
        self.size, self.seed, self.shuffle = size, seed, shuffle
        self._epoch = lru_cache(maxsize=2)(self._permutation)

    def _permutation(self, epoch: int) -> np.ndarray[Any, Any]:
        key = blake2b(f"{self.seed}.{epoch}".encode(), digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=np.frombuffer(key, np.uint64))).permutation(
            self.size
        )

    def items(self, first: int, stop: int) -> list[int]:
        """The items of samples ``first`` to ``stop − 1``."""
        places = [divmod(i, self.size) for i in range(first, stop)]
        if not self.shuffle:
            return [place for _, place in places]
        return [int(self._epoch(epoch)[place]) for epoch, place in places]


class ArraySource:
    """Rows of arrays or tensors of equal length."""

    def __init__(self, *arrays: Any, seed: int = 0, shuffle: bool = True) -> None:
        self.tensors = tuple(torch.as_tensor(a) for a in arrays)
        lengths = {len(t) for t in self.tensors}
        if len(lengths) != 1:
            raise InvalidInput(f"arrays of samples have one length, got {sorted(lengths)}")
        self.order = Order(lengths.pop(), seed, shuffle)

    def batch(self, first: int, stop: int) -> Batch:
        """Rows of each array."""
        rows = torch.tensor(self.order.items(first, stop))
        return tuple(t[rows] for t in self.tensors)

    def fingerprint(self) -> str:
        """Of the arrays' bytes and the order."""
        total = blake2b(f"{self.order.seed}.{self.order.shuffle}".encode(), digest_size=16)
        for tensor in self.tensors:
            total.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            total.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()


class DatasetSource:
    """Items of an indexed dataset, made into tensors by ``collate``."""

    def __init__(
        self,
        dataset: Dataset,
        collate: Callable[[Sequence[Any]], Batch],
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        if not isinstance(dataset, Indexed):
            raise InvalidInput(
                f"{type(dataset).__name__} cannot be trained on: its items have no index",
                hint="use a dataset with the capability Indexed",
            )
        self.dataset, self.collate = dataset, collate
        self.order = Order(len(dataset), seed, shuffle)

    def batch(self, first: int, stop: int) -> Batch:
        """Items, collated."""
        indexed = cast(Indexed, self.dataset)
        return self.collate([indexed[i] for i in self.order.items(first, stop)])

    def fingerprint(self) -> str:
        """Of the dataset and the order."""
        return f"{self.dataset.fingerprint()}.{self.order.seed}.{self.order.shuffle}"
