"""Parameters of the components of ``vlogger`` that make and change pictures."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class EditConfig:
    """``operations``: what is changed, each ``TARGET=VALUE`` or ``TARGET=VALUE@FIRST-LAST`` for some frames:
    ``mouth=0`` closes it, up to ``mouth=1`` opens it, ``mouth=x0.5`` halves how far the picture's lips are
    apart; ``eyes=1`` closes them; ``gaze=0.5,0`` looks to the person's left, ``gaze=0,-1`` down; any other
    target is one of ARKit's actions. ``grow``: pixels by which the mask of what changes is wider."""

    operations: tuple[str, ...] = ("mouth=0",)
    grow: Annotated[int, Ge(0)] = 3
    smooth: Annotated[float, Ge(0)] = 1.0
    diagonal: Annotated[float, Gt(0)] = 55.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsConfig:
    """``map``: places in the rest pose, regions of the body (greys), the photo's colours carried over, or
    all beside each other. ``width``, ``height`` in pixels (0: the photo's). ``liveliness``, ``arms``: as in
    ``vlogger.compositor``."""

    map: Literal["all", "dense", "regions", "warp"] = "all"
    width: Annotated[int, Ge(0), Le(4096)] = 0
    height: Annotated[int, Ge(0), Le(4096)] = 0
    liveliness: Annotated[float, Ge(0), Le(1)] = 0.5
    arms: bool = False
