"""Parameters of the components of ``body``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Lt

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyConfig:
    """``body``: ``capsule`` (no dependency) or ``anny`` (extra [anny]). ``shape``: its parameters, each from
    0 to 1, such as ``height=0.7``. ``topology`` of anny; those of SMPL are for non-commercial use only and
    refused unless ``noncommercial`` says that yours is."""

    body: Literal["capsule", "anny"] = "capsule"
    shape: tuple[str, ...] = ()
    topology: Literal["anny", "soma", "smplx", "smpl"] = "anny"
    noncommercial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraConfig(BodyConfig):
    """A body and the camera that sees it. ``width``, ``height`` in pixels; ``yaw`` and ``pitch`` in degrees
    (yaw 0 sees a body that faces +z from the front); ``distance`` in metres (0: as near as sees all of it);
    ``diagonal`` field of view in degrees; ``follow``: the camera keeps to the body."""

    width: Annotated[int, Ge(1), Le(8192)] = 512
    height: Annotated[int, Ge(1), Le(8192)] = 512
    yaw: Annotated[float, Ge(-360), Le(360)] = 25.0
    pitch: Annotated[float, Ge(-89), Le(89)] = 10.0
    distance: Annotated[float, Ge(0), Le(1000)] = 0.0
    diagonal: Annotated[float, Gt(0), Lt(180)] = 55.0
    follow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsConfig(CameraConfig):
    """``map``: what is drawn. normals and template as colours (a normal's −1..1 as 0..1), part as grey steps
    of 1/10 (see PARTS), uv as red and green, depth as 1 at ``near`` metres to 0 at ``far``."""

    map: Literal["normals", "part", "uv", "depth", "template"] = "normals"
    near: Annotated[float, Gt(0)] = 0.5
    far: Annotated[float, Gt(0)] = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshVideoConfig(CameraConfig):
    """``style``: the body in light on a floor, or its bones."""

    style: Literal["body", "skeleton"] = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerConfig(BodyConfig):
    """``title`` of the page."""

    title: str = "motion"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetargetConfig(BodyConfig):
    """``scale_path``: paths shrink and grow with the legs, so that feet stand still where they did; false
    keeps the path as it was walked. ``contacts``: legs are bent a little where feet would slide more."""

    scale_path: bool = True
    contacts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FitPhotoConfig(BodyConfig):
    """``diagonal``: the lens's field of view in degrees, corner to corner (a phone's main camera: 75)."""

    diagonal: Annotated[float, Gt(0), Lt(180)] = 55.0
