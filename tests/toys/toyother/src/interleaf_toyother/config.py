"""Parameters of the second toy plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from interleaf.interfaces.model import Model
from interleaf.params import Ge


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchConfig:
    """``factor`` scales the distance of every sample from grey."""

    factor: Annotated[float, Ge(0)] = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendConfig:
    """``weight`` of what ``inner``, a model of pictures, makes of the input."""

    inner: Model
    weight: float = 0.5
