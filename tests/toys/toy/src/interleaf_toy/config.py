"""Parameters of the toy components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.interfaces.schedule import Schedule
from interleaf.params import Ge, Gt, InFile, Le, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesConfig:
    """``n`` random square pictures with sides of ``size`` pixels."""

    n: Annotated[int, Ge(1)]
    size: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensConfig:
    """``n`` sequences of token ids."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesConfig:
    """The lines of a text file."""

    path: InFile
    skip_empty: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinConfig:
    """``order`` says whose items come first."""

    order: Literal["old", "new"] = "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecConfig:
    """``rate`` in bits per sample, 0 to 8."""

    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseConfig:
    """``strength`` is the standard deviation of the noise, as a part of the range 0..1."""

    strength: Annotated[float, Ge(0), Le(1)] = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanConfig:
    """``lr`` is how far a step moves towards the picture it sees; without it 1/(step + 1)."""

    lr: Schedule | None = None
    steps: Annotated[int, Ge(1)] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """``count`` pictures side by side, each with its own ``noise``."""

    count: Annotated[int, Ge(1)] = 1
    noise: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """``steps`` updates, one picture each."""

    steps: Annotated[int, Ge(1)] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RampConfig:
    """From 0 at ``start`` to 1 at ``start + length``."""

    start: float = 0.0
    length: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShoutConfig:
    """``ending`` is put behind every text."""

    ending: str = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignConfig:
    """``key`` names the environment variable that holds the signing key."""

    key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What still passes."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """A fixed ``outcome``, or else ``measure`` of ``at_least`` so many pieces within ``limits``."""

    outcome: Literal["pass", "fail", "review", "insufficient"] | None = None
    measure: str = "error"
    limits: Limits = Limits()
    at_least: Annotated[int, Ge(1)] = 1
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowConfig:
    """``units`` of work, ``seconds`` each; every unit done is a line in the file ``trace``."""

    units: Annotated[int, Ge(1)] = 10
    seconds: Annotated[float, Ge(0)] = 0.0
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherConfig:
    """``fails``, ``dies``: the process that raises, and the one that is killed; −1: none."""

    fails: int = -1
    dies: int = -1
