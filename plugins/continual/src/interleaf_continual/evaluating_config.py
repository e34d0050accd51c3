"""Parameters of the evaluators of ``continual``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """``documents`` of each domain, evenly spread; 0: all."""

    documents: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgettingConfig:
    """Intervals from ``draws`` resamplings of runs of ``block`` documents. ``update`` and ``union``:
    the tokens (or steps) each was trained for, from which ``compute_saved`` follows."""

    draws: Annotated[int, Ge(20)] = 1000
    block: Annotated[int, Ge(1)] = 4
    update: Annotated[float, Ge(0)] = 0.0
    union: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClozeConfig:
    """``questions`` of each domain: ``context`` characters and ``choices`` words to go on with."""

    questions: Annotated[int, Ge(1)] = 200
    context: Annotated[int, Ge(8)] = 96
    choices: Annotated[int, Ge(2)] = 4
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryConfig:
    """``baseline``: the replay fraction that others are compared with."""

    baseline: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotConfig:
    """What to draw: learning rates over steps, losses over steps, or what is forgotten and learnt
    against the replayed part. ``steps``: how far endless schedules are drawn."""

    kind: Literal["schedules", "curves", "tradeoff"] = "tradeoff"
    title: str = ""
    steps: Annotated[int, Ge(2)] = 1000
