"""Datasets that are not components of a plugin: values in memory, and values in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from interleaf.interfaces.dataset import Dataset
from interleaf.values import Frames


class Collection(Dataset):
    """Values with ids, in memory or fetched one at a time.

    ``fetch`` gives the value of an id; ``digest`` is what :meth:`fingerprint` returns, computed from
    the values when empty.
    """

    def __init__(self, ids: Sequence[str], fetch: Callable[[str], Any], digest: str = "") -> None:
        super().__init__()
        self._ids, self._fetch, self._digest = tuple(ids), fetch, digest

    @classmethod
    def of(cls, values: Mapping[str, Any] | Sequence[Any] | Frames) -> Collection:
        """From a mapping of id to value, or from a sequence (ids are then positions)."""
        items = values if isinstance(values, Mapping) else {str(i): v for i, v in enumerate(values)}
        known = {str(name): value for name, value in items.items()}
        return cls(tuple(known), known.__getitem__)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> Any:
        return self._fetch(self._ids[index])

    def __iter__(self) -> Iterator[Any]:
        return (self._fetch(name) for name in self._ids)

    def ids(self) -> Iterator[str]:
        """The ids, in order."""
        return iter(self._ids)

    def fingerprint(self) -> str:
        """The digest given, else one over ids and values."""
        if not self._digest:
            from interleaf.pipeline.freeze import digest_values

            self._digest = digest_values(self.items())
        return self._digest


def as_dataset(value: Any) -> Any:
    """Frames, sequences and mappings as a dataset; a dataset as it is."""
    if isinstance(value, Dataset):
        return value
    if isinstance(value, Frames | Mapping | list | tuple):
        return Collection.of(value)
    return value
