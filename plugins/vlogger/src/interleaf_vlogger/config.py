"""Parameters of the components of ``vlogger``."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Lt
from interleaf_training.config import Recipe

VOICES = (
    "en-us+m1", "en-us+m3", "en-us+m5", "en-us+f1", "en-us+f2", "en-us+f4", "en+m2", "en+m4",
    "en+m6", "en+f1", "en+f3", "en+f5", "en-gb-x-rp+m1", "en-gb-x-rp+m3", "en-gb-x-rp+f2",
    "en-gb-x-gbclan+m2", "en-gb-x-gbclan+f4", "en-029+m3", "en-029+f5",
)  # fmt: skip
HELD_VOICES = ("en-gb-scotland+f4", "en-gb-scotland+m7", "en-us-nyc+f3", "en-gb-x-gbcwmd+m8")


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """``gestures``: a motion file or a folder of them (names that hold ``pattern``), of which the last
    ``held`` part of each is kept out of training. ``part``: ``train`` or ``held``; they share no word, no
    voice and no second of movement. ``utterances`` sentences of ``words`` words each, from a text file
    ``lexicon`` (default: the package's 870 words). ``speech``: ``espeak``, or ``murmur``, sounds that only
    resemble speech and need no library. ``tries``: random segments of movement, the one that follows the
    loudness best is paired. ``residual``: movement over each clip's mean pose, the paper's way, or else over
    the rest pose."""

    gestures: InFile
    pattern: str = "directing_traffic"
    part: Literal["train", "held"] = "train"
    utterances: Annotated[int, Ge(1), Le(1_000_000)] = 500
    words: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]] = (7, 12)
    lexicon: InFile | None = None
    voices: tuple[str, ...] = ()
    speech: Literal["espeak", "murmur"] = "espeak"
    tries: Annotated[int, Ge(1)] = 40
    held: Annotated[float, Gt(0), Lt(1)] = 0.22
    body: Literal["anny", "capsule"] = "anny"
    fps: Annotated[float, Gt(0), Le(1000)] = 25.0
    residual: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionConfig:
    """``body``: whose joints are moved. ``weights``: a folder with ``weights.safetensors`` or such a file
    (default: the package's, which are for ``anny``). ``width``, ``layers``: of both networks. ``components``:
    principal components of the body's movement. ``fps``: what the model was or is trained at."""

    body: Literal["anny", "capsule"] = "anny"
    weights: InFile | None = None
    width: Annotated[int, Ge(16)] = 112
    layers: Annotated[int, Ge(1)] = 4
    components: Annotated[int, Ge(1)] = 18
    fps: Annotated[float, Gt(0), Le(1000)] = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkConfig:
    """``steps`` of denoising; ``lips_guidance``, ``body_guidance``: how much more than without sound, 1 for
    none (schedules on the inputs of these names take their place); ``draws`` of the body for every block, of
    which the one is kept that goes best with how loud it is; ``lips_noise``: 1 draws lips, another seed
    gives others, 0 gives the likeliest, which sound closest; ``blinks``: whether eyes blink, by a rule."""

    steps: Annotated[int, Ge(1), Le(1000)] = 10
    lips_guidance: float = 3.0
    body_guidance: float = 1.0
    draws: Annotated[int, Ge(1), Le(64)] = 3
    lips_noise: Annotated[float, Ge(0), Le(1)] = 0.0
    blinks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """``lips_recipe``, ``body_recipe``: how each network is trained. ``smooth``: weight of the change between
    frames in the loss of the lips, the paper's lambda_temp; ``gap``: of how far lips are apart, and
    ``meeting``: how much more that counts where they meet."""

    lips_recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=300, batch=32, lr=2e-3, weight_decay=0.01, ema=0.99, log_every=25
        )
    )
    body_recipe: Recipe = field(
        default_factory=lambda: Recipe(
            steps=250, batch=32, lr=2e-3, weight_decay=0.01, ema=0.99, log_every=25
        )
    )
    smooth: Annotated[float, Ge(0)] = 0.02
    gap: Annotated[float, Ge(0)] = 1.0
    meeting: Annotated[float, Ge(0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeConfig:
    """``limit``: at most so many pairs, spread over the data (0: all); ``samples``: drawn of each;
    ``steady``: so many are also heard late and with a pause (0: none). ``people``: how many are drawn to
    measure the video on, 24 for all groups (0: none), each in ``frames`` of ``side`` pixels. ``body``: on
    whose vertices lips are measured. ``steps``, guidance, ``draws`` and ``lips_noise`` as in ``generate``."""

    limit: Annotated[int, Ge(0)] = 32
    samples: Annotated[int, Ge(2)] = 4
    steady: Annotated[int, Ge(0)] = 6
    people: Annotated[int, Ge(0), Le(1000)] = 0
    frames: Annotated[int, Ge(1)] = 8
    side: Annotated[int, Ge(32), Le(2048)] = 256
    body: Literal["anny", "capsule"] = "anny"
    steps: Annotated[int, Ge(1), Le(1000)] = 10
    lips_guidance: float = 3.0
    body_guidance: float = 1.0
    draws: Annotated[int, Ge(1), Le(64)] = 3
    lips_noise: Annotated[float, Ge(0), Le(1)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositorConfig:
    """``liveliness``: how much of the body's movement is shown, 0 to 1; ``arms``: whether arms move."""

    liveliness: Annotated[float, Ge(0), Le(1)] = 0.5
    arms: bool = False
