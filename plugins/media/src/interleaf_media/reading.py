"""Picture files to `Image` values; every fault is one error that names the file."""

import io
import warnings
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import png
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from interleaf.errors import CorruptData, InterleafError, InvalidInput
from interleaf.values import Image

Pixels = NDArray[Any]

FORMATS = "PNG, JPEG, TIFF, WebP, BMP, GIF, PNM, AVIF, JPEG 2000 or TGA"
ORIENTATION = 274  # the EXIF tag
MAX_PIXELS = 178_956_970  # beyond this Pillow refuses to decode

# Modes of Pillow that are already what we want, and what the others become.
DIRECT = frozenset({"L", "LA", "RGB", "RGBA"})
BECOMES = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB",
           "RGBX": "RGB", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}  # fmt: skip
TURNS = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: np.rot90(p, 1),
}


def read_image(file: Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in ``file``, upright: uint8 or uint16, or float32 from float TIFF in 0..1.

    Raises InvalidInput for what is missing, foreign or too large, CorruptData for a damaged file.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"{file}: no such file", hint="give the path of a picture") from None
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read ({error.strerror})") from error
    return decode_image(data, str(file), max_pixels)


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in a file's bytes; ``name`` is what errors call it."""
    if not data:
        raise CorruptData(f"{name}: the file is empty", hint=f"expected {FORMATS}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bombs are refused below, by our own limit
            with Pillow.open(io.BytesIO(data)) as opened:
                return _upright(opened, data, name, max_pixels)
    except InterleafError:
        raise
    except UnidentifiedImageError:
        raise InvalidInput(f"{name}: not a picture", hint=f"expected {FORMATS}") from None
    except Pillow.DecompressionBombError as error:
        raise _too_large(name, max_pixels) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders of foreign bytes raise whatever they like
        raise CorruptData(
            f"{name}: the picture is damaged ({error})", hint="get an intact copy of the file"
        ) from error


def _upright(opened: Pillow.Image, data: bytes, name: str, max_pixels: int) -> Image:
    if opened.width * opened.height > max_pixels:
        raise _too_large(name, max_pixels, opened.size)
    turn = TURNS.get(opened.getexif().get(ORIENTATION, 1))
    icc = opened.info.get("icc_profile") or b""
    pixels = _pixels(opened, data, name)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if turn:
        pixels = turn(pixels)
    return Image(np.ascontiguousarray(pixels), icc if isinstance(icc, bytes) else b"")


def _too_large(name: str, limit: int, size: tuple[int, int] | None = None) -> InvalidInput:
    shown = f"{size[0]}×{size[1]} pixels are" if size else "the picture is"
    return InvalidInput(
        f"{name}: {shown} more than max_pixels = {limit}",
        hint="raise max_pixels or shrink the picture",
    )


def _pixels(opened: Pillow.Image, data: bytes, name: str) -> Pixels:
    """Samples [H, W] or [H, W, C]; Pillow would cut 16-bit colour to 8."""
    if opened.format == "PNG" and data[24] == 16:
        return _png16(data)
    if opened.format == "TIFF":
        samples = _tiff(data)
        if samples is not None:
            return _ranged(samples, name)
    if opened.mode.startswith(("I", "F")):
        return _ranged(np.asarray(opened), name)
    mode = "RGBA" if opened.mode in ("P", "RGB") and opened.has_transparency_data else opened.mode
    mode = "LA" if mode == "L" and opened.has_transparency_data else mode
    mode = mode if mode in DIRECT else BECOMES.get(mode, "RGB")
    return np.asarray(opened if opened.mode == mode else opened.convert(mode))


def _png16(data: bytes) -> Pixels:
    width, height, rows, info = png.Reader(bytes=data).asDirect()
    samples = np.fromiter(chain.from_iterable(rows), np.uint16, height * width * info["planes"])
    return samples.reshape(height, width, info["planes"])


def _tiff(data: bytes) -> Pixels | None:
    """A TIFF's first page where its samples are wider than 8 bits, else None."""
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        wide = page.dtype is not None and page.dtype.itemsize > 1
        return np.asarray(tiff.asarray(key=0)) if wide and page.axes in ("YX", "YXS") else None


def _ranged(samples: Pixels, name: str) -> Pixels:
    """Wide samples as uint16 or float32; refuses what has no range of its own."""
    if samples.dtype == np.uint16:
        return samples
    low, high = samples.min(), samples.max()  # NaN compares False below
    if samples.dtype.kind == "f" and low >= 0 and high <= 1:
        return samples.astype(np.float32)
    if samples.dtype.kind in "iu" and low >= 0 and high <= 65535:
        return samples.astype(np.uint16)
    raise InvalidInput(
        f"{name}: {samples.dtype} samples from {low} to {high}",
        hint="expected 8 or 16 bits, or floats in 0..1; scale the picture first",
    )
