"""Parameters of the components of ``gaussianimage``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.interfaces import Schedule
from interleaf.params import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """``points``: how many Gaussians. ``steps``: of gradient descent.

    ``init``: ``gradient`` follows the picture, ``random`` does not. ``covariance``: what is moved,
    ``rotation_scale`` (eq. 2) or ``cholesky`` (eq. 1). ``position_rate`` and ``shape_rate`` are
    Adam's step sizes in pixels, ``color_rate`` in 0..1; ``rate`` multiplies all three, by default a
    cosine from 1 to 0.02 over the steps.
    """

    points: Annotated[int, Ge(1), Le(10_000_000)] = 10_000
    steps: Annotated[int, Ge(0)] = 1000
    init: Literal["gradient", "random"] = "gradient"
    covariance: Literal["rotation_scale", "cholesky"] = "rotation_scale"
    position_rate: Annotated[float, Gt(0)] = 0.2
    shape_rate: Annotated[float, Gt(0)] = 0.05
    color_rate: Annotated[float, Gt(0)] = 0.02
    rate: Schedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawConfig:
    """``scale``: pixels per fitted pixel, a side. ``window``: (x, y, width, height) in pixels of the
    scaled picture; empty draws it whole. ``backend``: compiled, or the slow float64 definition."""

    scale: Annotated[float, Gt(0), Le(64)] = 1.0
    window: tuple[int, ...] = ()
    backend: Literal["numba", "numpy"] = "numba"


@dataclass(frozen=True, slots=True, kw_only=True)
class GsiConfig:
    """One of ``bpp`` (bits per pixel of the file; 0.3 if none is given), ``psnr`` (dB) and ``points`` says
    what to reach. ``preset``: how long to look for it. ``layers``: parts that draw alone."""

    bpp: Annotated[float, Ge(0.005), Le(24)] | None = None
    psnr: Annotated[float, Ge(10), Le(60)] | None = None
    points: Annotated[int, Ge(1)] | None = None
    preset: Literal["fast", "default", "max"] = "default"
    layers: Annotated[int, Ge(1), Le(4)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperConfig:
    """``points``: how many Gaussians, at 56 bits each. ``fit_steps`` of descent without rounding, where no
    splats are given, then ``steps`` through it (the paper: 50,000 each)."""

    points: Annotated[int, Ge(8), Le(1_000_000)] = 9000
    fit_steps: Annotated[int, Ge(0)] = 1000
    steps: Annotated[int, Ge(0)] = 2000
