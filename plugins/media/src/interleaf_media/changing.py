"""Colour, filters and augmentation through kornia."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Frames, Image
from interleaf_media.clips import example_frames
from interleaf_media.composites import eight
from interleaf_media.config import AugmentConfig, FilterConfig
from interleaf_media.extras import need


def _back(tensor: Any) -> Any:
    """[N, 3, H, W] in 0..1 as uint8 [N, H, W, 3]."""
    whole = (tensor.clamp(0, 1) * 255).round().byte()
    return np.ascontiguousarray(whole.permute(0, 2, 3, 1).numpy())


def _tensor(pixels: Any) -> Any:
    """[N, H, W, C] as float32 [N, 3, H, W] in 0..1."""
    torch = need("torch", "torch")
    rgb = np.stack([eight(p) for p in pixels])
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255


class Augment(Model):
    """A clip changed at random, every frame alike."""

    Config = AugmentConfig

    def apply(self, frames: Frames, ctx: Context | None = None) -> Frames:
        """8-bit RGB of the same size; what is drawn depends on the step's seed alone."""
        torch, augmentation = need("torch", "torch"), need("kornia.augmentation", "torch")
        if not len(frames):
            raise InvalidInput("the clip has no frame")
        steps = _steps(augmentation, self.config)
        if not steps:
            return Frames(_back(_tensor(frames.pixels)), frames.fps)
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed((ctx or Context()).seed % 2**63)
            whole = augmentation.VideoSequential(*steps, data_format="BTCHW", same_on_frame=True)
            return Frames(_back(whole(_tensor(frames.pixels)[None])[0]), frames.fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [AugmentConfig(), AugmentConfig(flip=0.0, degrees=10, blur=1.0, noise=0.05)]
        return {"configs": configs, "calls": {"apply": [{"frames": example_frames(3)}]}}


def _steps(k: Any, c: AugmentConfig) -> list[Any]:
    steps = []
    if c.flip:
        steps.append(k.RandomHorizontalFlip(p=c.flip))
    if c.degrees or c.shift or c.zoom:
        scale = (1 - c.zoom, 1 + c.zoom) if c.zoom else None
        shift = (c.shift, c.shift) if c.shift else None
        steps.append(k.RandomAffine(c.degrees, shift, scale, padding_mode="border", p=1.0))
    if c.brightness or c.contrast or c.saturation or c.hue:
        steps.append(k.ColorJiggle(c.brightness, c.contrast, c.saturation, c.hue, p=1.0))
    if c.blur:
        size = 2 * int(np.ceil(2 * c.blur)) + 1
        steps.append(k.RandomGaussianBlur((size, size), (c.blur, c.blur), p=1.0))
    if c.noise:
        steps.append(k.RandomGaussianNoise(std=c.noise, p=1.0))
    return steps


class Filter(Model):
    """A picture through one of kornia's filters or colour changes."""

    Config = FilterConfig

    def apply(self, image: Image) -> Image:
        """8-bit RGB of the same size."""
        kornia, torch = need("kornia", "torch"), need("torch", "torch")
        x, amount = _tensor(image.pixels[None]), self.config.amount
        size = 2 * int(np.ceil(2 * max(amount, 0.5))) + 1
        name = self.config.name
        if name in ("blur", "sharpen") and min(x.shape[-2:]) <= size // 2:
            raise InvalidInput(
                f"a side of {min(x.shape[-2:])} px is too small for {name} {amount:g}"
            )
        with torch.inference_mode():
            if name == "grey":
                y = kornia.color.rgb_to_grayscale(x).repeat(1, 3, 1, 1)
            elif name == "blur":
                y = kornia.filters.gaussian_blur2d(x, (size, size), (max(amount, 1e-3),) * 2)
            elif name == "sharpen":
                y = kornia.filters.unsharp_mask(x, (size, size), (max(amount, 1e-3),) * 2)
            elif name == "edges":
                y = kornia.filters.sobel(x) * amount
            elif name == "gamma":
                y = kornia.enhance.adjust_gamma(x, amount)
            elif name == "saturation":
                y = kornia.enhance.adjust_saturation(x, amount)
            else:
                y = kornia.enhance.equalize(x)
        return Image(_back(y)[0])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        names = ("grey", "blur", "sharpen", "edges", "gamma", "saturation", "equalize")
        configs = [FilterConfig(name=n) for n in names]  # type: ignore[arg-type]
        return {
            "configs": configs,
            "calls": {"apply": [{"image": Image(example_frames(1).pixels[0])}]},
        }
