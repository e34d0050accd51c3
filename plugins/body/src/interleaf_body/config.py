"""Parameters of the components of ``body``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le

Unit = Literal["auto", "m", "cm", "mm", "inch", "foot", "cmu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionConfig:
    """``root``: a motion file (.bvh, .amc beside its .asf) or a folder of them. ``manifest``: a CSV
    file in that folder with a column ``file`` and whatever else is known (``actor``, ``action``, …);
    ``where`` keeps the rows with these values (``action=walking``). ``fps`` resamples (0: as
    recorded). ``unit`` of length; auto goes by the skeleton's size. ``split`` parts are drawn by the
    column ``by``, so that no actor stands in two; without a manifest, by file. ``valid`` and ``test``:
    their shares. ``ends``: end sites as joints, too."""

    root: InFile
    manifest: str = ""
    where: tuple[str, ...] = ()
    unit: Unit = "auto"
    fps: Annotated[float, Ge(0), Le(1000)] = 0.0
    by: str = "actor"
    valid: Annotated[float, Ge(0), Le(1)] = 0.1
    test: Annotated[float, Ge(0), Le(1)] = 0.1
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingConfig:
    """A foot stands while its toe is below ``height`` metres above the floor and rises or sinks by less
    than ``speed`` metres a second."""

    height: Annotated[float, Gt(0)] = 0.03
    speed: Annotated[float, Gt(0)] = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """``slack``: degrees beyond the usual range that still pass."""

    slack: Annotated[float, Ge(0), Le(180)] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BvhConfig:
    """``unit`` of the numbers written; ``order`` of the rotation channels."""

    unit: Literal["m", "cm", "mm", "inch", "foot"] = "m"
    order: Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"] = "ZXY"
