"""Dataset: an ordered collection of items with ids, and a fingerprint of its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from interleaf.interfaces.component import Component


class Dataset(Component):
    """Items in a fixed order. Iterating twice gives equal items."""

    default_call: ClassVar[str] = "open"

    def open(self, *args: Any, **inputs: Any) -> Self:
        """The dataset itself, ready to iterate; a dataset made from others receives them here."""
        return self

    def __iter__(self) -> Iterator[Any]:
        """The items."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """A digest of the content: equal on every machine, changed by one byte, blind to paths."""
        raise NotImplementedError

    def ids(self) -> Iterator[str]:
        """A name for each item, unique and stable; by default its index."""
        return (str(index) for index, _ in enumerate(self))

    def items(self) -> Iterator[tuple[str, Any]]:
        """Pairs of id and item."""
        return zip(self.ids(), self, strict=True)


@runtime_checkable
class Sized(Protocol):
    """Capability ``Sized``: the number of items is known beforehand."""

    def __len__(self) -> int: ...


@runtime_checkable
class Indexed(Sized, Protocol):
    """Capability ``Indexed``: any item can be had by its position."""

    def __getitem__(self, index: int) -> Any: ...


@runtime_checkable
class Resumable(Protocol):
    """Capability ``Resumable``: iteration continues exactly where a saved state left it."""

    def state(self) -> Mapping[str, Any]: ...

    def resume(self, state: Mapping[str, Any]) -> None: ...


@runtime_checkable
class Split(Protocol):
    """Capability ``Split``: named disjoint parts."""

    def split(self, name: str) -> Dataset: ...
