"""Pictures in the formats that Pillow writes, to compare with: JPEG, WebP, AVIF, JPEG 2000."""

import io
from typing import Any

import numpy as np
import PIL.Image as Pillow

from interleaf.errors import CorruptData, InvalidInput
from interleaf.values import Image
from interleaf_media.reading import decode_image
from interleaf_media.writing import MODES, to_integers

TYPES = {"jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "jpeg2000": "JPEG2000"}


def compress(image: Image, codec: str, quality: int = 75, ratio: float = 20.0) -> bytes:
    """A file of an 8-bit picture; ``quality`` is the codec's own; JPEG 2000 takes ``ratio``, of sizes.

    Raises InvalidInput where the codec has no such picture or this Pillow has no such codec.
    """
    pixels = to_integers(image).pixels
    height, width, channels = pixels.shape
    if pixels.dtype != np.uint8 or (codec == "jpeg" and channels in (2, 4)):
        told = f"{channels} channels of {pixels.dtype}"
        raise InvalidInput(f"{codec} does not keep {told}", hint="8 bits; JPEG without alpha")
    options: dict[str, Any] = {"quality": quality}
    if codec == "jpeg":
        options |= {"optimize": True, "progressive": True}
    elif codec == "webp":
        options |= {"method": 6}
    elif codec == "avif":
        options |= {"speed": 6}
    else:
        options = {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True}
        options |= {"mct": int(channels >= 3)}  # luma and chroma, as every other encoder does
    picture = Pillow.frombytes(
        MODES[channels], (width, height), np.ascontiguousarray(pixels).tobytes()
    )
    if codec in ("webp", "avif") and channels < 3:
        picture = picture.convert("RGBA" if channels == 2 else "RGB")
    out = io.BytesIO()
    try:
        picture.save(out, TYPES[codec], **options)
    except (KeyError, OSError) as error:
        raise InvalidInput(f"this Pillow writes no {codec}: {error}") from None
    return out.getvalue()


def expand(data: bytes) -> Image:
    """The picture of such a file; raises CorruptData for a damaged one."""
    try:
        return decode_image(data, "the code")
    except InvalidInput as error:  # cut short, some formats are not recognised any more
        raise CorruptData(str(error)) from error
