"""Parameters of the components of ``trumans``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Lt


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenesConfig:
    """``root``: a mesh, or a folder of them at any depth; ``match`` keeps those whose path below the folder
    fits this pattern (``scans/*/*_clean_2.ply``). ``up``, ``scale`` (metres per unit, 0: found) and ``voxel``
    (metres a cell) are for all of them; ``things``: a YAML file of what moves about in them."""

    root: InFile
    match: str = ""
    up: Literal["auto", "x", "y", "z", "-y", "-z"] = "auto"
    scale: Annotated[float, Ge(0)] = 0.0
    voxel: Annotated[float, Ge(0.01), Le(0.2)] = 0.04
    things: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsConfig:
    """``count`` rooms made up from ``first`` on, with up to ``furniture`` things; or with ``boxes``, that
    many stand free on an open floor of 8 m a side, and there is no furniture."""

    count: Annotated[int, Ge(1), Le(10_000)] = 10
    first: Annotated[int, Ge(0)] = 0
    furniture: Annotated[int, Ge(0), Le(20)] = 6
    boxes: Annotated[int, Ge(0), Le(8)] = 0
    voxel: Annotated[float, Ge(0.01), Le(0.2)] = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineConfig:
    """``file``: a YAML file of actions with times (README); empty is standing, for ever."""

    file: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingConfig:
    """``motion``: a folder of clips (.bvh, .amc, with a manifest or without); without one, a walk made
    by rule. ``actions`` and ``actors`` keep clips of these (all when empty). ``without`` and ``only`` name
    clips by the end of their names; ``source``: a value of the manifest's column of that name. Walks with
    broken frames are left out unless ``broken``. ``variety``: frames within that share of the best are
    drawn at random."""

    motion: InFile | None = None
    actions: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    source: str = ""
    broken: bool = False
    variety: Annotated[float, Ge(0), Le(2)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionConfig:
    """``preset``: the package's own small network, or the paper's at the shapes of the release. ``weights``:
    a file, or a folder with ``weights.safetensors``; None: those of the package (small).
    ``ddim``: steps of denoising a drawing (0: 10, or the paper's 100). ``seeing``: how many times as much
    as was learnt is made of what is seen in the way (small). ``width`` and ``depth``: of the small
    network."""

    preset: Literal["small", "paper"] = "small"
    weights: InFile | None = None
    ddim: Annotated[int, Ge(0), Le(1000)] = 0
    seeing: Annotated[float, Ge(0), Le(10)] = 2.0
    width: Annotated[int, Ge(8), Le(1024)] = 256
    depth: Annotated[int, Ge(1), Le(24)] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnConfig:
    """``steps`` of AdamW on ``batch`` windows each; ``rate``: the learning rate where no schedule is given;
    ``ema``: decay of the average of the weights that is kept; ``precision`` of matrix products. ``copies``
    of each clip and of its mirror image, slower, faster and bent; the share ``around`` of them go around
    boxes. ``seed``: of copies, windows and the first weights, in place of the run's."""

    steps: Annotated[int, Ge(1)] = 10_000
    batch: Annotated[int, Ge(1)] = 256
    rate: Annotated[float, Gt(0)] = 1.2e-3
    ema: Annotated[float, Ge(0), Lt(1)] = 0.998
    precision: Literal["", "auto", "float32", "bfloat16"] = "float32"
    copies: Annotated[int, Ge(1), Le(200)] = 12
    seed: Annotated[int, Ge(0)] | None = None
    around: Annotated[float, Ge(0), Le(1)] = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsConfig:
    """Clips as for ``matching``."""

    motion: InFile | None = None
    actions: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseConfig:
    """``root``: the folder of the authors' data. Windows of ``window`` frames, every ``stride``-th of the
    recording's (three make ten a second), begun every ``every`` frames where no file says where;
    ``objects``: with the points of what stands about; ``scenes`` keeps these, ``without`` drops those."""

    root: InFile
    window: Annotated[int, Ge(2), Le(512)] = 16
    stride: Annotated[int, Ge(1), Le(30)] = 3
    every: Annotated[int, Ge(1)] = 14
    objects: bool = True
    scenes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsConfig:
    """``root``: the folder of the authors' data; runs of at least ``least`` frames without a bad one;
    ``scenes`` keeps these."""

    root: InFile
    least: Annotated[int, Ge(2)] = 90
    scenes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """``radius`` metres of the body on its way; ``nearest`` takes the nearest possible place for a start or
    goal where nobody can be."""

    radius: Annotated[float, Gt(0), Le(1)] = 0.32
    nearest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WalksConfig:
    """``pairs`` of start and goal, drawn from ``seed``, over all scenes, ``apart`` metres from each
    other, the straight line between them blocked where ``blocked``; ``radius`` of the body
    for its way; at most ``seconds`` each. ``seen``: walkers that look at scenes may (false: the ablation).
    ``planned``: along a way that a map knows (false: straight at the goal, whatever stands there)."""

    pairs: Annotated[int, Ge(1), Le(100_000)] = 40
    apart: tuple[float, float] = (3.0, 8.0)
    blocked: bool = True
    radius: Annotated[float, Gt(0), Le(1)] = 0.32
    seconds: Annotated[float, Gt(0), Le(600)] = 25.0
    seen: bool = True
    planned: bool = True
    seed: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingConfig:
    """``commands`` to do something else, drawn from ``seed`` among ``actions`` (those that the walker and the
    clips have, when empty). ``motion``: the folder of real clips that a classifier is trained on (without, a
    walk made by rule), save for those of the actors ``held``, on whose clips it is judged."""

    motion: InFile | None = None
    source: str = ""
    held: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    commands: Annotated[int, Ge(1), Le(10_000)] = 60
    seed: Annotated[int, Ge(0)] = 0


Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """A box about an object: ``middle`` and ``size`` (x, y, z in metres), turned by ``yaw`` degrees about y;
    and what it becomes (left out: as before; a new size stands on the same floor). What is within ``near``
    metres of the skin touches."""

    middle: Place
    size: Place
    yaw: float = 0.0
    to_middle: Place | None = None
    to_size: Place | None = None
    to_yaw: float | None = None
    near: Annotated[float, Gt(0), Le(0.3)] = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerConfig:
    """``body``: anny, capsule, or auto; ``cut``: the scene is drawn up to this height (0: all)."""

    body: Literal["auto", "anny", "capsule"] = "auto"
    cut: Annotated[float, Ge(0)] = 1.4
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmConfig:
    """``body`` and ``cut`` as for ``viewer``; pictures of ``width`` × ``height`` pixels, of ``every`` so many
    frames, over at most ``seconds``."""

    body: Literal["auto", "anny", "capsule"] = "auto"
    cut: Annotated[float, Ge(0)] = 1.4
    width: Annotated[int, Ge(16), Le(4096)] = 320
    height: Annotated[int, Ge(16), Le(4096)] = 240
    every: Annotated[int, Ge(1), Le(30)] = 2
    seconds: Annotated[float, Gt(0), Le(600)] = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeConfig:
    """``within`` metres a goal counts as reached; ``deep``: a frame penetrates when a point of the body is
    more metres inside an obstacle (walls of a single cell are never deeper than half of it); ``slow`` and
    ``fast`` m/s: the mean speed on the way must lie between; ``leap`` m/s: no joint may be faster."""

    within: Annotated[float, Gt(0)] = 0.2
    deep: Annotated[float, Ge(0)] = 0.0
    slow: Annotated[float, Ge(0)] = 0.2
    fast: Annotated[float, Gt(0)] = 2.2
    leap: Annotated[float, Gt(0)] = 8.0
