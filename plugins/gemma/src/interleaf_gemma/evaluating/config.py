"""Parameters of measuring on tasks."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, InFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksConfig:
    """``tasks``: a task file of lm-eval-harness or a folder of them; or ``suite``: one of ours.

    ``data``: the folder of their documents (default: beside the tasks). ``limit``: documents of each (0:
    all). ``shots``: examples before each question (−1: as the task says). ``batch``: sequences at once.
    """

    tasks: InFile | None = None
    suite: Literal["", "eighteen", "safety"] = ""
    data: InFile | None = None
    limit: Annotated[int, Ge(0)] = 0
    shots: Annotated[int, Ge(-1)] = -1
    batch: Annotated[int, Ge(1)] = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WinsConfig:
    """``margin``: scores that differ by no more are a tie (0.0005: those that print alike in percent)."""

    margin: Annotated[float, Ge(0)] = 0.0005
