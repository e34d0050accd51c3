"""A kind of the toy plugin's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """``colors`` is N×3 float32 in 0..1, from dark to bright."""

    colors: np.ndarray[Any, Any]
