"""The plugin as functions."""

from pathlib import Path
from typing import Any

import numpy as np

from interleaf.interfaces import Context
from interleaf.values import Image
from interleaf_gaussianimage.components import Fit
from interleaf_gaussianimage.config import FitConfig
from interleaf_gaussianimage.decoding import decode
from interleaf_gaussianimage.drawing import render
from interleaf_gaussianimage.encoding import encode as _encode
from interleaf_gaussianimage.splats import Floats, Splats
from interleaf_media.reading import read_image

__all__ = ["decode", "encode", "fit"]

Picture = Image | Floats | str | Path


def fit(
    image: Picture, points: int = 10_000, steps: int = 1000, seed: int = 0, **config: Any
) -> Splats:
    """Gaussians fitted to a picture; further words are those of ``FitConfig``."""
    ctx = Context(seed=seed)
    return Fit(FitConfig(points=points, steps=steps, **config)).apply(image, ctx)


def encode(image: Picture | Splats, **words: Any) -> bytes:
    """A ``.gsi`` file of a picture, or of what splats draw; words as `encoding.encode` takes them."""
    if isinstance(image, Splats):
        drawn = np.clip(render(image), 0, 1)
        return _encode(drawn, begin=image, **words)
    if isinstance(image, str | Path):
        image = read_image(Path(image))
    if isinstance(image, Image):
        return _encode(image.pixels, icc=image.icc, **words)
    return _encode(image, **words)
