"""Frames put together to be looked at: grids, sheets, overlays, motion as colour, captions.

All take and give uint8 RGB; captions use the font inside Pillow, never one of the system.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from interleaf.errors import InvalidInput
from interleaf.values import Image
from interleaf_media.writing import to_integers

Eight = NDArray[np.uint8]
GROUND, INK = (24, 26, 30), (236, 238, 242)


def eight(pixels: NDArray[Any]) -> Eight:
    """A picture [H, W, C] as RGB of 8 bits; alpha is laid over black."""
    whole = to_integers(Image(pixels)).pixels
    whole = np.floor(whole / 257.0 + 0.5).astype(np.uint8) if whole.dtype == np.uint16 else whole
    color = whole[..., :3] if whole.shape[2] > 2 else np.repeat(whole[..., :1], 3, axis=2)
    if whole.shape[2] in (2, 4):
        color = np.round(color * (whole[..., -1:] / 255.0)).astype(np.uint8)
    return np.ascontiguousarray(color)


def resized(picture: Eight, width: int, height: int) -> Eight:
    """Another size, by area when smaller."""
    smaller = width * height < picture.shape[0] * picture.shape[1]
    method = Pillow.Resampling.BOX if smaller else Pillow.Resampling.BICUBIC
    return np.asarray(Pillow.fromarray(picture).resize((width, height), method))


def caption(picture: Eight, text: str, size: int = 14) -> Eight:
    """The picture with a strip of text below it; what does not fit in its width is cut with …"""
    font = ImageFont.load_default(size)
    width = picture.shape[1]
    line = _fitted(" ".join(text.split()), font, width - 8)
    strip = Pillow.new("RGB", (width, size + 8), GROUND)
    ImageDraw.Draw(strip).text((4, 3), line, fill=INK, font=font)
    return np.vstack([picture, np.asarray(strip)])


def _fitted(text: str, font: Any, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…" if text else ""


def grid(pictures: Sequence[Eight], columns: int = 0, gap: int = 4) -> Eight:
    """Pictures in rows; smaller ones stand at the top left of their cell. 0 columns: about square."""
    if not pictures:
        raise InvalidInput("there is no picture to show")
    columns = columns or int(np.ceil(np.sqrt(len(pictures))))
    columns = min(columns, len(pictures))
    height, width = (max(p.shape[i] for p in pictures) for i in (0, 1))
    rows = -(-len(pictures) // columns)
    out = np.empty((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), np.uint8)
    out[:] = GROUND
    for i, picture in enumerate(pictures):
        y, x = (i // columns) * (height + gap) + gap, (i % columns) * (width + gap) + gap
        out[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return out


def side_by_side(
    clips: Sequence[Sequence[Eight]], labels: Sequence[str] = (), columns: int = 0
) -> list[Eight]:
    """Clips beside each other, frame by frame; a shorter one stays at its last frame."""
    if not clips or not all(len(c) for c in clips):
        raise InvalidInput("every clip needs at least one frame")
    columns = columns or len(clips)
    out = []
    for t in range(max(map(len, clips))):
        cells = [clip[min(t, len(clip) - 1)] for clip in clips]
        if any(labels):
            cells = [caption(c, label) for c, label in zip(cells, labels, strict=True)]
        out.append(grid(cells, columns))
    return out


def overlay(
    picture: Eight,
    mask: NDArray[np.bool_],
    alpha: float = 0.5,
    color: tuple[int, int, int] = (230, 60, 90),
) -> Eight:
    """The picture, tinted where the mask [H, W] is set, with a line around it."""
    if mask.shape != picture.shape[:2]:
        raise InvalidInput(
            f"a mask of {mask.shape[1]}×{mask.shape[0]} does not fit a picture of "
            f"{picture.shape[1]}×{picture.shape[0]}"
        )
    out = picture.astype(np.float32)
    out[mask] = (1 - alpha) * out[mask] + alpha * np.asarray(color, np.float32)
    inner = np.pad(mask, 1)
    inner = (
        inner[1:-1, 1:-1] & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    )
    out[mask & ~inner] = color
    return np.round(out).astype(np.uint8)


def onion(frames: Sequence[Eight], count: int = 6) -> Eight:
    """One picture of a movement: of frames spread over the clip, each pixel shows the one that differs
    most from their median."""
    if not len(frames):
        raise InvalidInput("an onion skin needs at least one frame")
    at = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
    chosen = np.stack([frames[i] for i in at])
    median = np.median(chosen, axis=0)
    difference = np.abs(chosen - median).sum(-1)
    most = difference.argmax(0)
    return np.take_along_axis(chosen, most[None, ..., None], 0)[0]


@cache
def _wheel() -> NDArray[np.float32]:
    """The 55 colours of the Middlebury wheel (Baker et al. 2007), red at 0."""
    spans = [
        (15, 0, 1, 1),
        (6, 0, 1, -1),
        (4, 1, 2, 1),
        (11, 1, 2, -1),
        (13, 2, 0, 1),
        (6, 2, 0, -1),
    ]
    rows = []
    for steps, full, moving, way in spans:
        ramp = np.floor(255 * np.arange(steps) / steps)
        part = np.zeros((steps, 3))
        if way > 0:
            part[:, full], part[:, moving] = 255, ramp
        else:
            part[:, full], part[:, moving] = 255 - ramp, 255
        rows.append(part)
    return np.concatenate(rows).astype(np.float32) / np.float32(255)


def flow_to_color(flow: NDArray[Any], largest: float = 0.0) -> Eight:
    """A flow [H, W, 2] by the Middlebury wheel: direction as hue, speed as saturation.

    ``largest`` px is full saturation (0: the largest speed of this flow); faster parts are darkened.
    """
    speed = np.hypot(flow[..., 0], flow[..., 1])
    radius = speed / (largest or max(float(speed.max(initial=0.0)), 1e-6))
    wheel = _wheel()
    turn = (np.arctan2(-flow[..., 1], -flow[..., 0]) / np.pi + 1) / 2 * (len(wheel) - 1)
    low = np.floor(turn).astype(int)
    share = (turn - low)[..., None]
    color = (1 - share) * wheel[low] + share * wheel[(low + 1) % len(wheel)]
    within = (radius <= 1)[..., None]
    color = np.where(within, 1 - radius[..., None] * (1 - color), color * 0.75)
    return np.floor(255 * color).astype(np.uint8)


def contact_sheet(
    frames: Sequence[Eight], fps: Fraction, *, count: int = 12, columns: int = 4, width: int = 240,
    numbers: Sequence[int] | None = None, times: Sequence[float] | None = None,
) -> Eight:  # fmt: skip
    """Frames spread over a clip, each with its number and time. ``numbers`` are those of
    ``frames`` in the clip, ``times`` theirs in seconds, from ``fps`` when not given."""
    numbers = list(numbers) if numbers is not None else list(range(len(frames)))
    if not numbers:
        raise InvalidInput("a contact sheet needs at least one frame")
    at = np.unique(np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int))
    cells = []
    for i in at:
        height = max(1, round(frames[i].shape[0] * width / frames[i].shape[1]))
        time = times[i] if times is not None else float(numbers[i] / fps)
        text = f"{numbers[i]} · {time:.2f} s"
        cells.append(caption(resized(frames[i], width, height), text, 13))
    return grid(cells, columns, 6)
