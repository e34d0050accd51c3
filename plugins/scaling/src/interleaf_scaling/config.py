"""Parameters of the components of ``scaling``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Lt


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsConfig:
    """``path``: a CSV or Parquet file, or a checkout of the paper's repository. ``group``: one
    training set, empty for all. ``columns`` maps ``n d loss error group name weight`` to columns
    where the usual names do not find them, ``field=column``; ``scales`` multiplies, ``d=1e9``."""

    path: InFile
    group: str = ""
    columns: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredConfig:
    """``loss`` and ``error``: which measure is the loss, in nats a token, and the downstream error
    (``loss/held`` is that of a group; empty: none). ``name``: of a run without coordinates."""

    loss: str = "loss"
    error: str = ""
    name: str = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawConfig:
    """``procedure``: the paper's, or the one documented in the README. ``law``, ``loss`` replace its
    choice. ``delta`` is the Huber threshold, in ln L. ``draws`` resamples give intervals of
    ``level``."""

    procedure: Literal["default", "paper"] = "default"
    law: str = ""
    error_law: str = "exp_decay"
    loss: Literal["", "huber_log", "mse_log", "huber", "mse", "asym"] = ""
    delta: Annotated[float, Gt(0)] = 0.01
    draws: Annotated[int, Ge(20)] = 400
    level: Annotated[float, Gt(0), Lt(1)] = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotConfig:
    """``kind``: reducible loss against compute, error against loss, lines of equal loss over N and D,
    residuals against M, or the resampled parameters in pairs."""

    kind: Literal["compute", "error", "contours", "residuals", "bootstrap"] = "compute"
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanConfig:
    """A budget in ``flops``, spent on training and on answering ``inference_tokens`` at ``price`` of a
    training FLOP each. The limits are ignored at 0."""

    flops: Annotated[float, Gt(0)]
    inference_tokens: Annotated[float, Ge(0)] = 0.0
    price: Annotated[float, Ge(0)] = 1.0
    most_tokens: Annotated[float, Ge(0)] = 0.0
    most_multiplier: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """``runs`` trainings that cost ``flops`` together, each ``factor`` times the one before."""

    flops: Annotated[float, Gt(0)] = 1e18
    runs: Annotated[int, Ge(1)] = 8
    factor: Annotated[float, Gt(0)] = 2.0
