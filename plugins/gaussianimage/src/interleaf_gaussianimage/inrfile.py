"""A network from `inr.py` as bytes: what it takes to build it, then its numbers.

bytes: "INR1", kind u8, bits u8 (16 or 32), channels u8, 0 u8, width u32, height u32, the kind's own
arguments, parameters f16 or f32, crc32 u32; little-endian
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from .format import BadMagic, ChecksumMismatch, LimitExceeded, Malformed, Truncated
from .inr import HashGrid, Siren, Wire, numbers, put

_HEAD = struct.Struct("<4sBBBBII")
MAGIC = b"INR1"
MOST_PIXELS = 1 << 28


class Kind(NamedTuple):
    """A network and how its arguments are written, in the order of its constructor after channels."""

    build: Callable[..., nn.Module]
    layout: struct.Struct
    arguments: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "siren": Kind(Siren, struct.Struct("<HBf"), ("width", "layers", "omega")),
    "wire": Kind(Wire, struct.Struct("<HBff"), ("width", "layers", "omega", "sigma")),
    "hashgrid": Kind(
        HashGrid,
        struct.Struct("<BBBHHHB"),
        ("levels", "features", "table", "base", "finest", "width", "layers"),
    ),
}


def write(
    network: nn.Module,
    kind: str,
    arguments: Mapping[str, Any],
    shape: tuple[int, int, int],
    bits: int,
) -> bytes:
    """The file of a network for a picture of `shape` (H, W, C), its numbers rounded to 16 or 32 bits."""
    height, width, channels = shape
    head = _HEAD.pack(MAGIC, list(KINDS).index(kind), bits, channels, 0, width, height)
    own = KINDS[kind].layout.pack(*(arguments[name] for name in KINDS[kind].arguments))
    values = numbers(network)
    if bits == 16:
        values = np.clip(values, -65504, 65504)
    body = head + own + values.astype(f"<f{bits // 8}").tobytes()
    return body + zlib.crc32(body).to_bytes(4, "little")


def read(data: bytes) -> tuple[nn.Module, int, int]:
    """(network, height, width) of a file; raises a GsiError for one that is none."""
    if not data.startswith(MAGIC):
        raise BadMagic("no file of a network: it does not begin with INR1")
    if len(data) < _HEAD.size + 4:
        raise Truncated("the file ends within its head")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ChecksumMismatch("the file is damaged or cut short")
    _, index, bits, channels, zero, width, height = _HEAD.unpack_from(data)
    if index >= len(KINDS) or bits not in (16, 32) or not 1 <= channels <= 4 or zero:
        raise Malformed("a head that no writer here makes")
    if not 0 < width * height <= MOST_PIXELS:
        raise LimitExceeded(f"{width}×{height} pixels; at most {MOST_PIXELS}")
    kind = list(KINDS.values())[index]
    first = _HEAD.size + kind.layout.size
    if len(data) < first + 4 or (len(data) - first - 4) % (bits // 8):
        raise Malformed("its parameters end in the middle of a number")
    network = _built(kind, kind.layout.unpack_from(data, _HEAD.size), channels, len(data))
    values = np.frombuffer(data[first:-4], f"<f{bits // 8}").astype(np.float32)
    if not np.isfinite(values).all():
        raise Malformed("parameters that are no numbers")
    put(network, values)
    return network, height, width


def _built(kind: Kind, arguments: tuple[Any, ...], channels: int, most: int) -> nn.Module:
    """The network, without memory until its size is known to fit the file's."""
    named = dict(zip(kind.arguments, arguments, strict=True))
    if min(arguments) <= 0 or named.get("finest", 1) < named.get("base", 1):
        raise Malformed(f"arguments of a network that cannot be: {named}")
    if named.get("table", 1) > 30 or named.get("width", 1) > most:
        raise Malformed(f"arguments of a network larger than the file: {named}")
    bare: Any = torch.device("meta")
    with bare:
        network = kind.build(channels, *arguments)
    sizes = [p.numel() * (2 if p.is_complex() else 1) for p in network.parameters()]
    if not most // 5 <= sum(sizes) <= most:
        raise Malformed(f"{sum(sizes)} parameters do not fit {most} bytes")
    return network.to_empty(device="cpu")
