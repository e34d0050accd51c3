"""Parameters of the components of ``followclick``."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le
from interleaf_training.config import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentConfig:
    """``method``: ``grabcut`` needs nothing; ``sam`` is a SAM, MobileSAM or SAM 2 folder in ``weights`` as
    transformers saves it."""

    method: Literal["grabcut", "sam"] = "grabcut"
    weights: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickConfig:
    """``at``: x, y in pixels, one pair after the other, on the thing; ``exclude``: likewise, beside it."""

    at: tuple[float, ...] = ()
    exclude: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWarpConfig:
    """``motion``: how a thing moves: ``learned`` by the network, ``gaussian`` deviations at random like those
    of the training clips, ``rigid`` none, ``retrieval`` takes a motion seen in the videos in ``clips``;
    ``auto`` is retrieval where there are clips, else the better of the others on fresh clips (README).
    ``weights``: a folder with ``weights.safetensors`` (default: the package's). ``width``: of the network.
    ``steps`` of sampling. ``smooth``: cells by which a draw is blurred. ``flex``: how much a thing deforms,
    from 0 (rigid) to 1 (as much as things in the training clips did)."""

    motion: Literal["auto", "learned", "gaussian", "rigid", "retrieval"] = "auto"
    clips: InFile | None = None
    weights: InFile | None = None
    width: Annotated[int, Ge(16)] = 64
    steps: Annotated[int, Ge(1), Le(1000)] = 12
    smooth: Annotated[float, Ge(0), Le(8)] = 1.5
    flex: Annotated[float, Ge(0), Le(2)] = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimateConfig:
    """``say``: for each mask a short phrase (``left``, ``turn right``, ``closer``; one serves all);
    ``strength``: pixels a frame, likewise. ``frames`` at ``fps``."""

    say: tuple[str, ...] = ("right",)
    strength: tuple[Annotated[float, Ge(0)], ...] = (4.0,)
    frames: Annotated[int, Ge(1), Le(1000)] = 16
    fps: Annotated[float, Gt(0), Le(1000)] = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """``recipe``: how to train. ``limit``: at most so many windows, spread over the data (0: all)."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=1500, batch=16, lr=1.5e-3, weight_decay=0.01, ema=0.995, log_every=50
        )
    )
    limit: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsConfig:
    """``root``: a video or a folder of them, of which ``only`` these names (all, when empty) and none of
    ``without``. Frames are read at ``size`` pixels on the long side; windows of eight frames begin every
    ``hop`` frames, with each of ``strides`` between their frames. ``cache``: a folder that keeps what was
    found, by content."""

    root: InFile
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    size: Annotated[int, Ge(64), Le(1024)] = 256
    strides: tuple[int, ...] = (1, 2, 3, 4)
    hop: Annotated[int, Ge(1)] = 1
    area: Annotated[float, Gt(0), Le(1)] = 0.004
    cache: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesConfig:
    """Videos as for ``clips``; samples are ``frames`` frames of ``pixels`` a side, beginning every ``hop``
    frames. ``composites``: so many made-up ones besides, a part of one frame moving over another."""

    root: InFile
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    pixels: Annotated[int, Ge(32), Le(1024)] = 64
    frames: Annotated[int, Ge(2), Le(128)] = 8
    strides: tuple[int, ...] = (1, 2, 4)
    hop: Annotated[int, Ge(1)] = 4
    composites: Annotated[int, Ge(0), Le(100000)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimateModelConfig:
    """``preset``: ``tiny`` is trained here, ``sd15`` needs ``base`` (a Stable Diffusion 1.5 folder) and
    ``adapter`` (a MotionAdapter folder or AnimateDiff's file). ``weights``: what ``fit`` saved.
    ``conditioning``: how the nine channels are filled (README). ``masking``: ratios of first-frame masking,
    one drawn for each sample; the paper's is 0.7. ``phrase`` and ``strength`` False leave a part out.
    ``pixels`` a side and ``frames`` of the tiny one. ``train``: which parameters learn."""

    preset: Literal["tiny", "sd15"] = "tiny"
    base: InFile | None = None
    adapter: InFile | None = None
    weights: InFile | None = None
    conditioning: Literal["paper", "released"] = "released"
    masking: tuple[Annotated[float, Ge(0), Le(1)], ...] = (0.0, 0.3, 0.5, 0.7)
    phrase: bool = True
    strength: bool = True
    pixels: Annotated[int, Ge(32), Le(2048)] = 64
    widths: tuple[int, ...] = (32, 64)
    train: Literal["all", "motion"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """``recipe``: how to train."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=1000, batch=4, lr=1e-3, weight_decay=0.01, ema=0.99)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffuseConfig:
    """``say`` and ``strength`` for each mask (one serves all); ``steps`` of DDIM; ``guidance``: 1 is none,
    at half the cost; ``lock``: what no mask holds is kept as it is."""

    say: tuple[str, ...] = ("right",)
    strength: tuple[Annotated[float, Ge(0)], ...] = (4.0,)
    frames: Annotated[int, Ge(1), Le(128)] = 16
    fps: Annotated[float, Gt(0), Le(1000)] = 8.0
    steps: Annotated[int, Ge(1), Le(1000)] = 25
    guidance: Annotated[float, Ge(1)] = 7.5
    lock: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConfig:
    """``scenes``: composites of the pictures, ``side`` pixels a side. ``steps``, ``guidance`` and ``lock``
    are for models that diffuse frames."""

    scenes: Annotated[int, Ge(1)] = 16
    side: Annotated[int, Ge(32), Le(1024)] = 256
    steps: Annotated[int, Ge(1)] = 25
    guidance: Annotated[float, Ge(1)] = 2.0
    lock: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RealismConfig:
    """``windows``: at most so many of each clip; ``draws`` for each. ``side``: pixels of the rendered frames
    in which flow is measured again."""

    windows: Annotated[int, Ge(1)] = 50
    draws: Annotated[int, Ge(2), Le(32)] = 3
    side: Annotated[int, Ge(64), Le(1024)] = 192


@dataclass(frozen=True, slots=True, kw_only=True)
class EightConfig:
    """``methods``: folders with a clip for every entry of ``benchmark`` (a folder with ``prompts.json``, and
    for each name in it NAME.png and NAME.mask.png). ``clip``: a CLIP folder; ``i3d``: its file, and
    ``reference`` clips, for FVD; ``answers``: of raters, in ``mask_correspondence``, ``motion``,
    ``appearance`` and ``overall``."""

    methods: tuple[InFile, ...] = ()
    benchmark: InFile
    clip: InFile | None = None
    i3d: InFile | None = None
    reference: InFile | None = None
    answers: InFile | None = None
