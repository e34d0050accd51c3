"""Pictures inside a page: as PNG data, beside their original, with a map of their error."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from interleaf.values import Image

Eight = NDArray[np.uint8]
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def eight_bits(image: Image) -> Eight:
    """Samples [H, W, C] as they are shown: rounded to 8 bits."""
    pixels = image.pixels
    if pixels.dtype == np.uint8:
        return pixels
    unit = pixels / 65535.0 if pixels.dtype == np.uint16 else np.nan_to_num(pixels)
    return np.floor(np.clip(unit, 0, 1) * 255.0 + 0.5).astype(np.uint8)


def error_map(picture: Eight, original: Eight, gain: float) -> Eight:
    """`gain` times the absolute difference, clipped; alpha is left out."""
    color = 1 if picture.shape[2] < 3 else 3
    difference = np.abs(picture[:, :, :color].astype(np.float32) - original[:, :, :color])
    return np.minimum(difference * gain, 255.0).astype(np.uint8)


def data_uri(pixels: Eight, max_side: int) -> str:
    """A PNG as a data: address, made smaller when a side is longer than `max_side`."""
    height, width, channels = pixels.shape
    picture = Pillow.frombytes(
        MODES[channels], (width, height), np.ascontiguousarray(pixels).tobytes()
    )
    picture.thumbnail((max_side, max_side), Pillow.Resampling.BOX)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=False)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
