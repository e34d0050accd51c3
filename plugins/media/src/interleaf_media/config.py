"""Parameters of the components of ``media``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, InFile, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesConfig:
    """``root``: a picture file or a folder. ``pattern``: which names of a folder (``*.png``,
    ``**/*.jpg``); by default every file with a picture's suffix. ``max_pixels``: larger pictures
    are refused before they are decoded."""

    root: InFile
    pattern: str = "*"
    max_pixels: Annotated[int, Ge(1)] = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    """``name``: one photograph, or ``all``."""

    name: Literal["astronaut", "chelsea", "coffee", "rocket", "camera", "all"] = "astronaut"


@dataclass(frozen=True, slots=True, kw_only=True)
class PngConfig:
    """``level``: zlib's effort, 0 to 9; the pixels do not depend on it."""

    level: Annotated[int, Ge(0), Le(9)] = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressConfig:
    """``codec`` and its own ``quality``; JPEG 2000 takes ``ratio`` instead, of the sizes."""

    codec: Literal["jpeg", "webp", "avif", "jpeg2000"] = "jpeg"
    quality: Annotated[int, Ge(0), Le(100)] = 75
    ratio: Annotated[float, Ge(1)] = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityConfig:
    """``measures``: which to compute."""

    measures: tuple[Literal["psnr", "ssim", "ms_ssim"], ...] = ("psnr", "ssim", "ms_ssim")
