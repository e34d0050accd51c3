"""`Image` values to PNG bytes, without loss for 8 and 16 bits."""

import io
import zlib

import numpy as np
import png
from PIL import Image as Pillow

from interleaf.values import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def encode_png(image: Image, level: int = 6) -> bytes:
    """PNG bytes; float samples are clipped to 0..1 and rounded to 8 bits. Equal in, equal out."""
    pixels = to_integers(image).pixels
    return (
        _png16(pixels, image.icc, level)
        if pixels.dtype == np.uint16
        else _png8(pixels, image.icc, level)
    )


def to_integers(image: Image) -> Image:
    """The picture as it would be stored: floats become uint8 (clipped, rounded), others stay."""
    if image.pixels.dtype != np.float32:
        return image
    clipped = np.clip(np.nan_to_num(image.pixels, nan=0.0), 0.0, 1.0)
    return Image(np.floor(clipped * 255.0 + 0.5).astype(np.uint8), image.icc)


def _png8(pixels: np.ndarray, icc: bytes, level: int) -> bytes:
    height, width, channels = pixels.shape
    out = io.BytesIO()
    picture = Pillow.frombytes(
        MODES[channels], (width, height), np.ascontiguousarray(pixels).tobytes()
    )
    picture.save(out, "PNG", compress_level=level, icc_profile=icc or None)
    return out.getvalue()


def _png16(pixels: np.ndarray, icc: bytes, level: int) -> bytes:
    height, width, channels = pixels.shape
    out = io.BytesIO()
    writer = png.Writer(
        width,
        height,
        greyscale=channels < 3,
        alpha=channels in (2, 4),
        bitdepth=16,
        compression=level,
    )
    writer.write(out, pixels.reshape(height, width * channels).tolist())
    if not icc:
        return out.getvalue()
    head, *rest = png.Reader(bytes=out.getvalue()).chunks()
    with_profile = io.BytesIO()
    profile = (b"iCCP", b"icc\0\0" + zlib.compress(icc, level))
    png.write_chunks(with_profile, [head, profile, *rest])
    return with_profile.getvalue()
