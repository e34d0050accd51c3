"""Components that work with what the first toy plugin made, without importing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interleaf import Context, CorruptData, Image, Model, ModelHandle
from interleaf_toyother.config import BlendConfig, StretchConfig

Array = np.ndarray[Any, Any]


def _unit(image: Image) -> Array:
    top = np.iinfo(image.pixels.dtype).max if image.pixels.dtype.kind == "u" else 1
    return image.pixels.astype(np.float64) / top


def _image(pixels: Array) -> Image:
    return Image(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


class ApplyModel(Model):
    """Applies a model it was handed."""

    def apply(self, model: ModelHandle, image: Image, ctx: Context) -> Image:
        """What the model makes of ``image``."""
        made: Image = model.load(ctx).apply(image=image)
        return made


class Stretch(Model):
    """More or less contrast."""

    Config = StretchConfig

    def apply(self, image: Image) -> Image:
        """Every sample ``factor`` times as far from grey."""
        return _image((_unit(image) - 0.5) * self.config.factor + 0.5)


class Tint(Model):
    """Moves a picture's mean colour to one it has learnt; grey when untrained."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.color: Array = np.full(3, 0.5)

    def apply(self, image: Image) -> Image:
        """The picture with its mean at the learnt colour."""
        pixels = _unit(image)
        return _image(pixels - pixels.mean(axis=(0, 1)) + self.color)

    def copy(self) -> Tint:
        """A model of its own with the same memory."""
        other = Tint(self.config)
        other.color = self.color.copy()
        return other

    def nudge(self, image: Image, rate: float) -> float:
        """Move towards the mean colour of ``image`` by ``rate``; the squared distance before."""
        gap = _unit(image).mean(axis=(0, 1)) - self.color
        self.color = self.color + rate * gap
        return float(np.mean(gap**2))

    def save(self, folder: Path) -> None:
        """``color.npy``."""
        np.save(folder / "color.npy", self.color)

    def load(self, folder: Path) -> None:
        """Read ``color.npy``; raises CorruptData when it does not hold three numbers."""
        try:
            color = np.load(folder / "color.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CorruptData(f"{folder}: no readable color.npy ({error})") from error
        if color.shape != (3,):
            raise CorruptData(f"{folder}/color.npy: expected 3 numbers, got shape {color.shape}")
        self.color = color


class Blend(Model):
    """A picture mixed with what a model inside makes of it."""

    Config = BlendConfig

    def apply(self, image: Image) -> Image:
        """``(1 − weight) · image + weight · inner(image)``."""
        weight, inner = self.config.weight, self.config.inner.apply(image=image)
        return _image((1 - weight) * _unit(image) + weight * _unit(inner))


class Recolour(Model):
    """A picture painted with few colours."""

    def apply(self, image: Image, palette: Any) -> Image:
        """Every pixel in the nearest of the palette's ``colors``."""
        pixels, colors = _unit(image), np.asarray(palette.colors, dtype=np.float64)
        nearest = ((pixels[:, :, None, :] - colors) ** 2).sum(axis=3).argmin(axis=2)
        return _image(colors[nearest])
