"""Parameters of the negotiation: light, and the recipe in one place."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, Le, Lt

LINEAR = ("lin8-4", "lin9-5", "lin10-4", "lin7-3", "lin9-3", "lin6-4")
UNSEEN = ("boulware", "mirror")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """``steps`` of ``batch`` games each at learning rate ``lr``."""

    steps: Annotated[int, Ge(1)] = 350
    batch: Annotated[int, Ge(1)] = 32
    lr: Annotated[float, Gt(0)] = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class BargainerConfig:
    """A transformer of ``layers`` blocks of width ``d_model``; untrained it clones random legal play on
    ``tasks`` tasks, ``games`` games each."""

    d_model: Annotated[int, Ge(8)] = 64
    layers: Annotated[int, Ge(1)] = 2
    heads: Annotated[int, Ge(1)] = 4
    tasks: Annotated[int, Ge(1)] = 200
    games: Annotated[int, Ge(1)] = 10
    fitting: Fitting = field(default_factory=lambda: Fitting(steps=200))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneConfig:
    """``tasks`` tasks of an expert, ``games`` games each, the paper's filter: ``top_k`` of each role,
    and further ranks above the ``threshold``."""

    tasks: Annotated[int, Ge(1)] = 30
    games: Annotated[int, Ge(1)] = 10
    top_k: Annotated[int, Ge(1)] = 2
    threshold: bool = True
    fitting: Fitting = field(default_factory=Fitting)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinforceConfig:
    """``rounds`` of ``tasks`` new tasks: ``self_games`` with itself and ``partner_games`` with each of the
    ``partners`` in either order, at ``temperature``.

    ``filter``: ``paper`` (of each task the best ``top_frac`` by own score), ``advantage`` (agreements of at
    least the task's median joint score whose score exceeds by ``least`` what is usual for task, role and
    partner; the best ``top_frac`` of all), ``score`` (the same by score) or ``none``. ``replay``: share of
    cloned games in training.
    """

    rounds: Annotated[int, Ge(1)] = 4
    tasks: Annotated[int, Ge(1)] = 300
    self_games: Annotated[int, Ge(0)] = 4
    partner_games: Annotated[int, Ge(0)] = 3
    partners: tuple[str, ...] = LINEAR
    temperature: Annotated[float, Gt(0)] = 1.0
    filter: Literal["advantage", "score", "none", "paper"] = "advantage"
    top_frac: Annotated[float, Gt(0), Le(1)] = 0.25
    least: float = 0.5
    joint: bool = True
    replay: Annotated[float, Ge(0), Lt(1)] = 0.25
    fitting: Fitting = field(default_factory=lambda: Fitting(steps=250))


@dataclass(frozen=True, slots=True, kw_only=True)
class GainConfig:
    """Held-out ``tasks`` (at most 300), played ``times`` times in either order at ``temperature`` against
    each of ``partners``; ``unseen``: those never trained with, over which gains are pooled."""

    part: Literal["held_out", "tuning"] = "held_out"
    tasks: Annotated[int, Ge(2), Le(300)] = 300
    times: Annotated[int, Ge(1)] = 5
    temperature: Annotated[float, Gt(0)] = 0.5
    partners: tuple[str, ...] = ("lin8-4", *UNSEEN)
    unseen: tuple[str, ...] = UNSEEN
    resample: Annotated[int, Ge(0)] = 10
    seed: int = 20240313
    transcripts: Annotated[int, Ge(0)] = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GamesConfig:
    """The first ``tasks`` of a part, once against each of ``partners``, at ``temperature``."""

    part: Literal["held_out", "tuning"] = "held_out"
    tasks: Annotated[int, Ge(1), Le(300)] = 3
    partners: tuple[str, ...] = UNSEEN
    temperature: Annotated[float, Gt(0)] = 0.5
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PleaseConfig:
    """A policy trained by ``recipe`` against a ``judge``: ``blind`` (learnt on ``judge_tasks`` tasks,
    sees the agent's own moves alone) or ``constant`` (points + ``bias``, with an error of spread
    ``noise``). Measured against ``partner`` on ``tasks`` tasks of ``part``."""

    judge: Literal["blind", "constant"] = "blind"
    bias: float = 1.5
    noise: Annotated[float, Ge(0)] = 1.0
    judge_tasks: Annotated[int, Ge(1)] = 100
    part: Literal["held_out", "tuning"] = "held_out"
    tasks: Annotated[int, Ge(2), Le(300)] = 300
    partner: str = "lin8-4"
    seed: int = 20240313
    recipe: ReinforceConfig = field(
        default_factory=lambda: ReinforceConfig(
            rounds=3, tasks=100, self_games=4, partner_games=2, filter="paper", top_frac=0.2, replay=0.0,
            fitting=Fitting(steps=150, batch=32),
        )
    )  # fmt: skip
