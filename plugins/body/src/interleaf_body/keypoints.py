"""Points of a person in a photo: given by hand, or guessed from a frontal face detector to begin with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.quaternions import Array

NAMES = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth", "chin", "left_shoulder",
         "right_shoulder")  # fmt: skip
NEEDED = 4  # points below which a pose cannot be told
HINT = (
    "give keypoints: a YAML file with 'name: [x, y]' in pixels of the upright photo for "
    f"{', '.join(NAMES)} (left and right are the person's own)"
)
# Where points lie in a detected face box, as shares of its width and height: rough, they only begin a fit.
IN_BOX = {"left_eye": (0.68, 0.38), "right_eye": (0.32, 0.38), "nose": (0.5, 0.6),
          "left_mouth": (0.65, 0.78), "right_mouth": (0.35, 0.78), "chin": (0.5, 1.02)}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Named points in pixels, how sure each is (1 by hand, less where guessed), and what to tell the user."""

    at: dict[str, tuple[float, float]]
    weight: dict[str, float]
    guessed: bool = False
    notes: tuple[str, ...] = ()


def read_points(source: Path | str, size: tuple[int, int]) -> Points:
    """Keypoints from YAML: a file, or its text. Raises InvalidInput naming what is wrong."""
    import yaml

    name = str(source) if isinstance(source, Path) else "keypoints"
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        told = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name}: cannot be read ({error})", hint=HINT) from None
    except yaml.YAMLError as error:
        raise InvalidInput(f"{name}: not YAML ({error})", hint=HINT) from None
    if not isinstance(told, dict):
        raise InvalidInput(f"{name}: not a mapping of names to points", hint=HINT)
    at = {str(key): _point(name, str(key), value, size) for key, value in told.items()}
    if len(at) < NEEDED:
        raise InvalidInput(f"{name}: {len(at)} points; a pose needs at least {NEEDED}", hint=HINT)
    return Points(at, dict.fromkeys(at, 1.0))


def _point(file: str, name: str, value: Any, size: tuple[int, int]) -> tuple[float, float]:
    if name not in NAMES:
        raise InvalidInput(f"{file}: no keypoint '{name}'", hint=f"known: {', '.join(NAMES)}")
    numbers = value if isinstance(value, list) else []
    good = len(numbers) == 2 and all(
        isinstance(v, int | float) and math.isfinite(v) for v in numbers
    )
    if not good:
        raise InvalidInput(f"{file}: {name} is {value}", hint="two numbers, [x, y]")
    x, y = float(numbers[0]), float(numbers[1])
    if not (-size[0] <= x <= 2 * size[0] and -size[1] <= y <= 2 * size[1]):
        raise InvalidInput(
            f"{file}: {name} = [{x:g}, {y:g}] lies far outside of the {size[0]}×{size[1]} photo",
            hint="pixels from the upper left corner of the upright photo",
        )
    return x, y


def detect(pixels: Array) -> Points:
    """Rough points of the largest frontal face, to begin a fit with. Raises InvalidInput where none is seen:
    a face in profile, turned aside or small is not."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    grey = as_rgb(pixels)
    height, width = grey.shape[:2]
    least = max(min(height, width) // 12, 24)
    found = Cascade(lbp_frontal_face_cascade_filename()).detect_multi_scale(
        img=grey, scale_factor=1.2, step_ratio=1, min_size=(least, least), max_size=(height, width)
    )
    if not found:
        raise InvalidInput("no frontal face was found in the photo", hint=HINT)
    boxes = sorted(found, key=lambda b: -b["width"] * b["height"])
    box, notes = boxes[0], tuple[str, ...]()
    others = [b for b in boxes[1:] if not _overlap(b, box)]
    if others:
        notes = (
            f"{1 + len(others)} faces were found; the largest is fitted. To fit another, {HINT}",
        )
    at = {
        name: (box["c"] + x * box["width"], box["r"] + y * box["height"])
        for name, (x, y) in IN_BOX.items()
    }
    return Points(at, dict.fromkeys(at, 0.5), True, notes)


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    return (
        abs(a["c"] + a["width"] / 2 - b["c"] - b["width"] / 2) < b["width"] / 2
        and abs(a["r"] + a["height"] / 2 - b["r"] - b["height"] / 2) < b["height"] / 2
    )


def as_rgb(pixels: Array) -> Array:
    """Any picture [H, W, 1..4] as 8-bit RGB; transparent parts become white."""
    values: Array = pixels.astype(np.float32)
    if pixels.dtype == np.uint16:
        values = values / 257
    elif pixels.dtype != np.uint8:
        values = values * 255
    clear = pixels.shape[2] in (2, 4)
    color: Array = values[..., :-1] if clear else values
    color = np.repeat(color, 3, 2) if color.shape[2] == 1 else color
    if clear:
        alpha = values[..., -1:] / 255
        color = color * alpha + 255 * (1 - alpha)
    return np.clip(np.round(color), 0, 255).astype(np.uint8)
