"""The container of a ``.gsi`` file, version 1: a header and checksummed chunks, little-endian.

    magic 89 47 53 49 0D 0A 1A 0A
    major u8, minor u8, flags u16, width u32, height u32, channels u8, depth u8, colour u8, block u8,
    points u32, layers u8, 3 zeros, crc32 u32 of all before
    chunks: type [4], length u32, payload, crc32 u32 of type and payload

A type that begins with a small letter may be left out; any other unknown one is refused. Nothing is
allocated before its size was checked against the file and against the limits.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from interleaf.errors import CorruptData

MAGIC = b"\x89GSI\r\n\x1a\n"
MAJOR, MINOR = 1, 0
MOST_PIXELS, MOST_POINTS = 1 << 28, 1 << 26
KNOWN = (b"QNTZ", b"FREQ", b"BLKI", b"META", b"ICCP", b"END ")
_HEADER = struct.Struct("<BBHIIBBBBIB3s")
_CHUNK = struct.Struct("<4sI")
_CRC = struct.Struct("<I")


class GsiError(CorruptData):
    """A file that is no sound ``.gsi``."""


class BadMagic(GsiError):
    """It does not begin like one."""


class UnsupportedVersion(GsiError):
    """A later version, or a chunk that this package does not know and may not ignore."""


class Truncated(GsiError):
    """It ends too early."""


class ChecksumMismatch(GsiError):
    """Some bytes are not those that were written."""


class LimitExceeded(GsiError):
    """More pixels or Gaussians than any reader should be asked to hold."""


class Malformed(GsiError):
    """Bytes that are sound and say something impossible."""


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before anything is decoded."""

    width: int
    height: int
    channels: int
    depth: int
    block: int  # log2 of a block's side in px
    points: int
    layers: int
    color: int = 0
    flags: int = 0

    SIZE: ClassVar[int] = len(MAGIC) + _HEADER.size + _CRC.size

    def pack(self) -> bytes:
        """The first bytes of a file."""
        body = MAGIC + _HEADER.pack(
            MAJOR, MINOR, self.flags, self.width, self.height, self.channels, self.depth, self.color,
            self.block, self.points, self.layers, bytes(3),
        )  # fmt: skip
        return body + _CRC.pack(zlib.crc32(body))

    @classmethod
    def read(cls, data: bytes) -> Header:
        """Of a file; raises a GsiError for one that is none, or that asks for too much."""
        if not data.startswith(MAGIC[: len(data)]) or not data:
            raise BadMagic("these bytes are no .gsi file: they do not begin like one")
        if len(data) < cls.SIZE:
            raise Truncated(f"the file ends after {len(data)} bytes, within its header")
        body = data[: cls.SIZE - _CRC.size]
        if _CRC.unpack_from(data, len(body))[0] != zlib.crc32(body):
            raise ChecksumMismatch("the header is damaged")
        major, _, flags, width, height, channels, depth, color, block, points, layers, zeros = (
            _HEADER.unpack_from(data, len(MAGIC))
        )
        if major != MAJOR:
            raise UnsupportedVersion(f"version {major} of the format; this package reads {MAJOR}")
        if width * height > MOST_PIXELS or points > MOST_POINTS:
            raise LimitExceeded(f"{width}×{height} pixels, {points} Gaussians")
        sound = width and height and 1 <= channels <= 4 and depth in (8, 16)
        if (
            not sound
            or not 5 <= block <= 20
            or not 1 <= layers <= 9
            or color
            or flags
            or any(zeros)
        ):
            raise Malformed("the header describes no picture")
        return cls(width, height, channels, depth, block, points, layers, color, flags)


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk's bytes."""
    body = _CHUNK.pack(kind, len(payload)) + payload
    return body + _CRC.pack(zlib.crc32(kind + payload))


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Types and payloads after the header, up to and without END; each is checked before it is given."""
    at = Header.SIZE
    while True:
        if at + _CHUNK.size > len(data):
            raise Truncated(f"the file ends after {len(data)} bytes, before its end chunk")
        kind, length = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK.size + length
        if end + _CRC.size > len(data):
            raise Truncated(f"the file ends within a chunk of {length} bytes at byte {at}")
        payload = data[at + _CHUNK.size : end]
        if _CRC.unpack_from(data, end)[0] != zlib.crc32(payload, zlib.crc32(kind)):
            raise ChecksumMismatch(f"the chunk at byte {at} is damaged")
        at = end + _CRC.size
        layer = kind[:3] == b"LAY" and kind[3:] in b"123456789"
        if kind == b"END ":
            if length or at != len(data):
                raise Malformed("bytes follow the end of the file")
            return
        if kind not in KNOWN and not layer and not 97 <= kind[0] <= 122:
            raise UnsupportedVersion(f"a chunk {kind!r} that this package does not know")
        if kind in KNOWN or layer:
            yield kind, payload
