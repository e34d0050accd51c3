"""Parameters of the components of ``gaussianimage``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.interfaces import Evaluator, Schedule
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SirenConfig:
    """``width`` and number of ``layers`` of sines of frequency ``omega``; Adam from ``rate`` to a tenth of it
    over ``steps`` steps of ``batch`` pixels (0: all), or until ``minutes`` have passed (0: no limit);
    ``bits`` a parameter in the file."""

    width: Annotated[int, Ge(1), Le(4096)] = 256
    layers: Annotated[int, Ge(1), Le(64)] = 5
    omega: Annotated[float, Gt(0)] = 30.0
    rate: Annotated[float, Gt(0)] = 5e-4
    steps: Annotated[int, Ge(0)] = 2000
    minutes: Annotated[float, Ge(0)] = 0.0
    batch: Annotated[int, Ge(0)] = 16384
    bits: Literal[16, 32] = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinConfig:
    """A SIREN for few bytes. COIN's sizes on Kodak are ``layers`` × ``width`` 5×20, 5×30, 10×28, 10×40 and
    13×49 for 0.07, 0.15, 0.3, 0.6 and 1.2 bits per pixel, 50,000 steps over all pixels (``batch`` 0)."""

    width: Annotated[int, Ge(1), Le(4096)] = 28
    layers: Annotated[int, Ge(1), Le(64)] = 10
    omega: Annotated[float, Gt(0)] = 30.0
    rate: Annotated[float, Gt(0)] = 2e-3
    steps: Annotated[int, Ge(0)] = 5000
    minutes: Annotated[float, Ge(0)] = 0.0
    batch: Annotated[int, Ge(0)] = 16384
    bits: Literal[16, 32] = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WireConfig:
    """``layers`` complex layers of ``width`` Gabor wavelets of frequency ``omega`` and sharpness ``sigma``;
    the rest as for ``siren``."""

    width: Annotated[int, Ge(1), Le(4096)] = 181
    layers: Annotated[int, Ge(1), Le(64)] = 2
    omega: Annotated[float, Gt(0)] = 10.0
    sigma: Annotated[float, Gt(0)] = 10.0
    rate: Annotated[float, Gt(0)] = 5e-3
    steps: Annotated[int, Ge(0)] = 2000
    minutes: Annotated[float, Ge(0)] = 0.0
    batch: Annotated[int, Ge(0)] = 16384
    bits: Literal[16, 32] = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HashGridConfig:
    """``levels`` grids of ``base`` to ``finest`` cells a side with ``features`` numbers an entry and at most
    2^``table`` entries each, then ``layers`` layers of ``width``; the rest as for ``siren``."""

    levels: Annotated[int, Ge(1), Le(64)] = 16
    features: Annotated[int, Ge(1), Le(16)] = 2
    table: Annotated[int, Ge(4), Le(24)] = 14
    base: Annotated[int, Ge(1), Le(4096)] = 16
    finest: Annotated[int, Ge(1), Le(65535)] = 768
    width: Annotated[int, Ge(1), Le(4096)] = 64
    layers: Annotated[int, Ge(1), Le(64)] = 2
    rate: Annotated[float, Gt(0)] = 1e-2
    steps: Annotated[int, Ge(0)] = 2000
    minutes: Annotated[float, Ge(0)] = 0.0
    batch: Annotated[int, Ge(0)] = 16384
    bits: Literal[16, 32] = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedConfig:
    """``decodes``: how often a file is decoded, within five seconds; the median counts."""

    decodes: Annotated[int, Ge(1), Le(10_000)] = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class RdConfig:
    """``bits_back``: take off what partial bits-back coding would give back (files of
    ``gaussianimage.paper``). ``perceptual``: an evaluator of pairs of pictures that measures ``lpips``;
    without one, or without its weights, the column says so."""

    bits_back: bool = False
    perceptual: Evaluator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvesConfig:
    """``coinpp``: a CSV file with columns bpp and psnr of COIN++ on the same pictures, to compare with."""

    coinpp: str = ""
