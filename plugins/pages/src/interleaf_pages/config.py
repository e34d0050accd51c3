"""Parameters of the components of ``pages``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt


@dataclass(frozen=True, slots=True, kw_only=True)
class PageConfig:
    """``title`` and ``note`` stand above the items. ``gain`` multiplies errors in error maps;
    pictures with a side longer than ``max_side`` are shown smaller."""

    title: str = "Results"
    note: str = ""
    gain: Annotated[float, Gt(0)] = 8.0
    max_side: Annotated[int, Ge(16)] = 1536


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotConfig:
    """Column ``x`` against column ``y``, one line for each value of column ``by``."""

    x: str
    y: str
    by: str = ""
    title: str = ""
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfig:
    """``format``: what to write."""

    format: Literal["csv", "markdown"] = "csv"
