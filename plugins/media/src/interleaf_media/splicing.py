"""GIF and APNG files put together from still pictures, so that no frame is merged or dropped.

Pillow leaves out a frame that equals the one before it; here every frame stays one.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from PIL import Image as Pillow

from interleaf.errors import InvalidInput
from interleaf.values import Image
from interleaf_media.videoinfo import Pixels
from interleaf_media.writing import encode_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHORTEST = 2  # hundredths of a second: below it viewers slow a GIF down
TASTED = 60_000  # pixels that the palette is chosen from


def delays(count: int, fps: Fraction) -> list[int]:
    """Hundredths of a second for each frame; their sums stay within 5 ms of the true times."""
    ends = [round(100 * i / fps) for i in range(count + 1)]
    return [b - a for a, b in itertools.pairwise(ends)]


def encode_gif(
    frames: Sequence[Pixels], fps: Fraction, dither: bool = True, note: str = ""
) -> bytes:
    """A GIF that loops; one palette of at most 256 colours for the whole clip, chosen over all of it."""
    if fps > Fraction(100, SHORTEST):
        raise InvalidInput(
            f"a GIF shows at most 50 frames a second, not {float(fps):g}", hint="fps"
        )
    palette = _palette(frames)
    out = bytearray()
    for index, (frame, delay) in enumerate(zip(frames, delays(len(frames), fps), strict=True)):
        method = Pillow.Dither.FLOYDSTEINBERG if dither else Pillow.Dither.NONE
        picture = Pillow.fromarray(frame).quantize(palette=palette, dither=method)
        still = _gif(picture)
        start, end = _gif_image(still)
        if index == 0:
            loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
            out += b"GIF89a" + still[6 : start[0]] + loop + _comment(note)
        out += b"!\xf9\x04\x04" + struct.pack("<H", delay) + b"\x00\x00" + still[start[1] : end]
    return bytes(out) + b";"


def _palette(frames: Sequence[Pixels]) -> Pillow.Image:
    step = max(1, int((sum(f.shape[0] * f.shape[1] for f in frames) / TASTED) ** 0.5))
    tasted = np.concatenate([f[::step, ::step].reshape(-1, 3) for f in frames])
    strip = Pillow.fromarray(np.ascontiguousarray(tasted[None]))
    return strip.quantize(256, method=Pillow.Quantize.MEDIANCUT, kmeans=1)


def _gif(picture: Pillow.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "GIF", optimize=False)
    return out.getvalue()


def _gif_image(still: bytes) -> tuple[tuple[int, int], int]:
    """Where the header and colour table end, and where the one image block begins and ends."""
    table = 13 + (3 << ((still[10] & 7) + 1) if still[10] & 0x80 else 0)
    at = table
    while still[at] == 0x21:  # extensions
        at = _blocks_end(still, at + 2)
    local = 3 << ((still[at + 9] & 7) + 1) if still[at + 9] & 0x80 else 0
    return (table, at), _blocks_end(still, at + 10 + local + 1)


def _blocks_end(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _comment(note: str) -> bytes:
    data = note.encode()
    blocks = b"".join(
        bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)
    )
    return b"!\xfe" + blocks + b"\0" if data else b""


def encode_apng(frames: Sequence[Pixels], fps: Fraction, level: int = 6, note: str = "") -> bytes:
    """An APNG that loops, without loss for 8 and 16 bits and alpha."""
    number, out = 0, bytearray(SIGNATURE)
    for index, frame in enumerate(frames):
        height, width = frame.shape[:2]
        chunks = list(_chunks(encode_png(Image(frame), level)))
        if index == 0:
            out += _chunk(b"IHDR", chunks[0][1]) + _chunk(
                b"acTL", struct.pack(">II", len(frames), 0)
            )
            out += _chunk(b"iTXt", b"Comment\0\0\0\0\0" + note.encode()) if note else b""
        held = (Fraction(index + 1) / fps) - Fraction(index) / fps
        held = (
            held
            if held.numerator < 65536 and held.denominator < 65536
            else Fraction(round(held * 10_000), 10_000)
        )
        fields = (number, width, height, 0, 0, held.numerator, held.denominator, 0, 0)
        out += _chunk(b"fcTL", struct.pack(">IIIIIHHBB", *fields))
        number += 1
        for kind, data in chunks:
            if kind == b"IDAT" and index == 0:
                out += _chunk(b"IDAT", data)
            elif kind == b"IDAT":
                out += _chunk(b"fdAT", struct.pack(">I", number) + data)
                number += 1
    return bytes(out) + _chunk(b"IEND", b"")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def whole(frames: Iterable[Pixels]) -> list[Pixels]:
    """The frames, in memory, as 8-bit RGB."""
    return [np.ascontiguousarray(f[..., :3]) for f in frames]
