"""Components that work with what the first toy plugin made, without importing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interleaf import Context, CorruptData, Image, InvalidInput, Model, ModelHandle
from interleaf.interfaces.component import NoConfig
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

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        image = _image(np.linspace(0, 1, 75).reshape(5, 5, 3))

        handle = ModelHandle("toyother.tint", {}, None, "an untrained tint")
        return {"configs": [NoConfig()], "calls": {"apply": [{"model": handle, "image": image}]}}


class Stretch(Model):
    """More or less contrast."""

    Config = StretchConfig

    def apply(self, image: Image) -> Image:
        """Every sample ``factor`` times as far from grey."""
        return _image((_unit(image) - 0.5) * self.config.factor + 0.5)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        image = _image(np.linspace(0, 1, 75).reshape(5, 5, 3))
        return {
            "configs": [StretchConfig(factor=f) for f in (0.5, 2.0)],
            "calls": {"apply": [{"image": image}]},
        }


class Tint(Model):
    """Moves a picture's mean colour to one it has learnt; grey when untrained."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.color: Array = np.full(3, 0.5)

    def apply(self, image: Image) -> Image:
        """The picture with its mean at the learnt colour."""
        if image.pixels.shape[2] != 3:
            raise InvalidInput(f"a picture of {image.pixels.shape[2]} channels, expected 3")
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
        if [f.name for f in folder.iterdir()] != ["color.npy"]:
            raise CorruptData(f"{folder}: expected color.npy and nothing else")
        try:
            color = np.load(folder / "color.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CorruptData(f"{folder}: no readable color.npy ({error})") from error
        if color.shape != (3,):
            raise CorruptData(f"{folder}/color.npy: expected 3 numbers, got shape {color.shape}")
        self.color = color

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        image = _image(np.linspace(0, 1, 75).reshape(5, 5, 3))
        return {"configs": [NoConfig()], "calls": {"apply": [{"image": image}]}}


class Blend(Model):
    """A picture mixed with what a model inside makes of it."""

    Config = BlendConfig

    def apply(self, image: Image) -> Image:
        """``(1 − weight) · image + weight · inner(image)``."""
        weight, inner = self.config.weight, self.config.inner.apply(image=image)
        return _image((1 - weight) * _unit(image) + weight * _unit(inner))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        image = _image(np.linspace(0, 1, 75).reshape(5, 5, 3))

        configs = [
            BlendConfig(inner=Stretch(StretchConfig(factor=2.0)), weight=w) for w in (0.0, 0.5)
        ]
        return {"configs": configs, "calls": {"apply": [{"image": image}]}}


@dataclass(frozen=True, slots=True, eq=False)
class Colors:
    """What a palette has to have: rows of red, green, blue in 0..1."""

    colors: Array


class Recolour(Model):
    """A picture painted with few colours."""

    def apply(self, image: Image, palette: Any) -> Image:
        """Every pixel in the nearest of the palette's ``colors``."""
        pixels, colors = _unit(image), np.asarray(palette.colors, dtype=np.float64)
        nearest = ((pixels[:, :, None, :] - colors) ** 2).sum(axis=3).argmin(axis=2)
        return _image(colors[nearest])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        image = _image(np.linspace(0, 1, 75).reshape(5, 5, 3))

        palette = Colors(np.eye(3))
        return {"configs": [NoConfig()], "calls": {"apply": [{"image": image, "palette": palette}]}}
