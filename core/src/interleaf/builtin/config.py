"""Parameters of the built-in components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from interleaf.interfaces.schedule import Schedule, Unit
from interleaf.params import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantConfig:
    """``value`` everywhere from 0 on."""

    value: float
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class RampConfig:
    """From ``start`` at 0 to ``stop`` at ``length``."""

    start: float = 1.0
    stop: float = 0.0
    length: Annotated[float, Gt(0)] = 1.0
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThenConfig:
    """``first`` up to its end, then ``second`` from its own start on."""

    first: Schedule
    second: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleConfig:
    """``factor`` times ``of``; ``stretch`` makes its domain that many times longer."""

    of: Schedule
    factor: float = 1.0
    stretch: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MixConfig:
    """``(1 − weight) · first + weight · second``."""

    first: Schedule
    second: Schedule
    weight: Annotated[float, Ge(0), Le(1)] = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TabulateConfig:
    """``points`` from the domain's start to its end, or to ``stop``."""

    points: Annotated[int, Ge(2)] = 201
    stop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickConfig:
    """The item ``id``, or without one that at ``index``."""

    id: str = ""
    index: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedConfig:
    """``axis``: the coordinate that was changed, from its value ``baseline``; ``measures``: which to
    compare (empty: all)."""

    axis: str
    baseline: str
    measures: tuple[str, ...] = ()
