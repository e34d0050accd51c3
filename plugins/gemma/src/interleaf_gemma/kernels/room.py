"""Memory that the kernels work in, by address; kept alive by the object that gives them."""

from __future__ import annotations

import numpy as np

from .products import MOST_STREAMS, Vector


class Room:
    """Zeros at multiples of 64 bytes."""

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []

    def zeros(self, size: int) -> int:
        """The address of that many float32 zeros, and of more after them."""
        return self.keep(np.zeros(size + 80, np.float32))

    def keep(self, array: np.ndarray) -> int:
        """The address within the array that is a multiple of 64."""
        self.kept.append(array)
        return int(array.ctypes.data + 63) // 64 * 64

    def vector(self, columns: int, tokens: int = 1) -> Vector:
        """Room for vectors made ready for any layout."""
        size = (columns + 127) // 64 * 64
        floats, numbers = self.zeros(size * tokens), self.zeros(size // 4 * tokens)
        groups = self.zeros(size // 32 * tokens), self.zeros(size // 32 * tokens)
        return Vector(floats, numbers, *groups, self.zeros(32 * MOST_STREAMS * tokens), size)
