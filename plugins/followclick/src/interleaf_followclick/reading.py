"""Pictures and masks of any form as what the method works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Image
from interleaf_followclick.canonical import Mask
from interleaf_followclick.rendering import Pixels

T = TypeVar("T")
SMALLEST = 8  # pixels a side


def photo_of(image: Image) -> Pixels:
    """[H, W, 3] uint8: 16 bits and floats rounded, grey repeated, alpha laid on white."""
    pixels = image.pixels
    if pixels.shape[0] < SMALLEST or pixels.shape[1] < SMALLEST:
        raise InvalidInput(
            f"the picture is {pixels.shape[1]}×{pixels.shape[0]} pixels",
            hint=f"expected at least {SMALLEST}×{SMALLEST}",
        )
    if not np.isfinite(pixels).all():
        raise InvalidInput("the picture holds samples that are no numbers", hint="mend the file")
    top = 1.0 if pixels.dtype == np.float32 else float(np.iinfo(pixels.dtype).max)
    unit = pixels if pixels.dtype == np.uint8 else np.clip(pixels / top, 0, 1) * 255.0
    channels = pixels.shape[2]
    color = np.repeat(unit[..., :1], 3, 2) if channels < 3 else unit[..., :3]
    if channels in (2, 4):
        alpha = unit[..., -1:] / 255.0
        color = color * alpha + 255.0 * (1 - alpha)
    return np.ascontiguousarray(np.rint(color), np.uint8)


def mask_of(image: Image, size: tuple[int, int], name: str) -> Mask:
    """[H, W] bool, the bright half of a picture of ``size`` (H, W)."""
    if image.pixels.shape[:2] != size:
        height, width = image.pixels.shape[:2]
        raise InvalidInput(
            f"{name} is {width}×{height} pixels, the picture {size[1]}×{size[0]}",
            hint="a mask has the size of its picture",
        )
    mask = photo_of(Image(image.pixels))[..., 0] > 127
    if not mask.any():
        raise InvalidInput(
            f"{name} is empty", hint="click on a thing, or give a mask with white in it"
        )
    return np.asarray(mask)


def mask_image(mask: Mask) -> Image:
    """A mask as a picture, white inside."""
    return Image(np.where(mask[..., None], np.uint8(255), np.uint8(0)))


def pairs(numbers: Sequence[float], size: tuple[int, int], name: str) -> list[tuple[float, float]]:
    """Clicks (x, y) from numbers x, y, x, y, …; InvalidInput for one outside a picture of ``size`` (H, W)."""
    if len(numbers) % 2:
        raise InvalidInput(
            f"{name} holds {len(numbers)} numbers", hint="pairs of x and y in pixels"
        )
    found = [(float(x), float(y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    for x, y in found:
        if not (0 <= x < size[1] and 0 <= y < size[0]):
            raise InvalidInput(
                f"the click ({x:g}, {y:g}) lies outside the picture of {size[1]}×{size[0]} pixels",
                hint="x counts from the left, y from the top, from 0",
            )
    return found


def each(values: Sequence[T], count: int, name: str) -> list[T]:
    """One value for each of ``count`` things: as many, or one for all."""
    if len(values) not in (1, count):
        raise InvalidInput(
            f"{len(values)} values of {name} for {count} masks", hint="one for all, or one each"
        )
    return list(values) if len(values) == count else list(values) * count
