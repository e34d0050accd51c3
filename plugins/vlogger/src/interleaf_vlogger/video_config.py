"""Parameters of the components of ``vlogger`` that make and change pictures."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Lt
from interleaf_training.config import Recipe


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitsConfig:
    """``part``: train or held, which share nobody; ``people`` drawn, each ``frames`` long and ``side``
    pixels wide; ``body`` they are drawn from. ``looks``: plain, or dressed: lights, backgrounds, hair and
    clothes of all kinds; mixed: every fourth is plain. ``inexact``: the body of dressed ones fits as roughly
    as to a photo. ``every``: of so many frames of a movement one is kept. ``first``: how many people of the
    part are passed over."""

    part: Literal["train", "held"] = "train"
    people: Annotated[int, Ge(1), Le(1000)] = 40
    frames: Annotated[int, Ge(1), Le(1000)] = 16
    side: Annotated[int, Ge(16), Le(1024)] = 64
    body: Literal["anny", "capsule"] = "anny"
    looks: Literal["plain", "dressed", "mixed"] = "plain"
    every: Annotated[int, Ge(1), Le(1000)] = 1
    first: Annotated[int, Ge(0), Lt(1000)] = 0
    inexact: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerConfig:
    """``weights``: a folder of ``weights.safetensors`` or such a file (none are shipped). ``side``: pixels
    of the square about the person that the network works on, a multiple of ``cell`` times 2 for each
    width but the first; ``widths`` of its levels; ``cell``: pixels that become one. ``where``: in the holes
    of a photo alone, or all over, as for drawn people. ``liveliness``, ``arms``: as in
    ``vlogger.compositor``."""

    weights: InFile | None = None
    side: Annotated[int, Ge(16), Le(2048)] = 128
    widths: tuple[Annotated[int, Ge(8)], ...] = (48, 96, 192)
    cell: Literal[1, 2, 4, 8] = 4
    where: Literal["holes", "all"] = "holes"
    liveliness: Annotated[float, Ge(0), Le(1)] = 0.5
    arms: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerFitConfig:
    """``recipe``: how it is trained, on frames of people of ``vlogger.portraits`` or ``filmed`` ones."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=1500,
            batch=12,
            lr=1e-3,
            weight_decay=0.01,
            clip=10.0,
            ema=0.995,
            precision="auto",
            log_every=50,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig:
    """``base``: a folder of Stable Diffusion as diffusers saves it (``unet``, ``vae``; ``text_encoder`` and
    ``tokenizer`` where it has them), empty for a tiny network over pixels of ``widths``. ``weights``: a
    folder of ``weights.safetensors`` of this network. ``side``: pixels of the longer side at which it draws;
    photos are scaled to it and its frames back to the photo. ``frames`` at once, each block given ``overlap``
    of them. ``controls``: of the whole body, or of the head alone (an ablation)."""

    base: InFile | None = None
    widths: tuple[Annotated[int, Ge(8)], ...] = (16, 32, 48)
    weights: InFile | None = None
    side: Annotated[int, Ge(16), Le(2048)] = 32
    frames: Annotated[int, Ge(2), Le(256)] = 8
    overlap: Annotated[float, Ge(0), Lt(1)] = 0.5
    controls: Literal["all", "head"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawConfig:
    """``steps`` of denoising; ``liveliness``, ``arms``: as in ``vlogger.compositor``."""

    steps: Annotated[int, Ge(1), Le(1000)] = 25
    liveliness: Annotated[float, Ge(0), Le(1)] = 0.5
    arms: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFitConfig:
    """The paper's two stages: ``recipe`` on single frames (control branch; all of a network without a base),
    ``time_recipe`` on clips (layers over time alone)."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=600, batch=16, lr=1e-3, weight_decay=0.01, ema=0.99, log_every=25
        )
    )
    time_recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=100, batch=2, lr=1e-3, weight_decay=0.01, ema=0.9, log_every=25
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderersConfig:
    """``steps`` of denoising; ``limit``: at most so many people (0: all); ``overlap`` of blocks, as a share
    of their frames (-1: the model's own)."""

    steps: Annotated[int, Ge(1), Le(1000)] = 25
    limit: Annotated[int, Ge(0)] = 0
    overlap: Annotated[float, Ge(-1), Lt(1)] = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalConfig(VideoConfig):
    """A ``vlogger.video`` with ``weights`` (or a ``base``) and adapters of ``rank`` on it; ``adapters``: a
    file of them."""

    rank: Annotated[int, Ge(1), Le(256)] = 4
    adapters: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFitConfig:
    """``recipe``: how adapters are trained, on single frames."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(steps=200, batch=8, lr=2e-3, weight_decay=0.0, log_every=20)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """``reference``: a folder of true clips ``NAME.mp4``, each with ``NAME.yaml``, keypoints of its first
    frame, where a detector shall not guess them; ``made``: generated clips of the same names. ``body`` that
    is fitted. ``niqe``: a .mat or .npz with the model of natural pictures."""

    reference: InFile
    made: InFile
    body: Literal["anny", "capsule"] = "anny"
    niqe: InFile | None = None
