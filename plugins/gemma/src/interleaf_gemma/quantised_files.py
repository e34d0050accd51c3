"""Quantised weights in files: as safetensors beside their scales, and as blocks of GGUF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma.quantised import Quant, Quantised

SCALE = "_scale"  # a weight's name, followed by this
METHOD = "interleaf"
BLOCK = 32  # columns of a GGUF block
KINDS: Mapping[str, Any] = {
    "int8": gguf.GGMLQuantizationType.Q8_0,
    "int4": gguf.GGMLQuantizationType.Q4_0,
}


def settings(tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """What ``config.json`` says of how these tensors are quantised; None if they are not."""
    found = next((t for t in tensors.values() if isinstance(t, Quantised)), None)
    if found is None:
        return None
    return {
        "quant_method": METHOD,
        "bits": 8 if found.quant == "int8" else 4,
        "group_size": found.group,
    }


def separated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Quantised weights as two plain tensors each: int8 [R, C] or uint8 [R, C/2], and float16 scales.

    Of a byte's two numbers the lower half is the left one; 8 is added to each.
    """
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, Quantised):
            numbers, scales = tensor.parts()
            packed = numbers if tensor.quant == "int8" else _in_bytes(numbers)
            plain[name], plain[name + SCALE] = torch.from_numpy(packed), torch.from_numpy(scales)
        else:
            plain[name] = tensor
    return plain


def joined(
    tensors: Mapping[str, Tensor], said: Mapping[str, Any], place: object
) -> dict[str, Tensor]:
    """The tensors of a file with what ``separated`` parted put together; raises InvalidInput."""
    bits, group = said.get("bits"), said.get("group_size")
    if said.get("quant_method") != METHOD or bits not in (8, 4) or group not in (32, 64):
        raise InvalidInput(
            f"{place}: quantised as {dict(said)}, which is not read",
            hint="give the unquantised checkpoint and quantise it: interleaf gemma quantize",
        )
    quant: Quant = "int8" if bits == 8 else "int4"
    dtype = next((t.dtype for t in tensors.values() if t.dim() == 1), torch.bfloat16)
    whole = {n: t for n, t in tensors.items() if not n.endswith(SCALE)}
    for name, packed in whole.items():
        scales = tensors.get(name + SCALE)
        if scales is not None:
            whole[name] = _put_together(name, packed, scales, quant, int(group), dtype, place)
    return whole


def _put_together(
    name: str,
    packed: Tensor,
    scales: Tensor,
    quant: Quant,
    group: int,
    dtype: torch.dtype,
    place: object,
) -> Quantised:
    wanted = torch.int8 if quant == "int8" else torch.uint8
    fits = packed.dim() == 2 and scales.dim() == 2 and packed.dtype == wanted
    if not fits or scales.dtype != torch.float16 or len(scales) != len(packed):
        raise CorruptData(f"{place}: {name} and its scales do not fit each other")
    numbers = packed.numpy() if quant == "int8" else _from_bytes(packed.numpy())
    if -(-numbers.shape[1] // group) != scales.shape[1]:
        raise CorruptData(
            f"{place}: {name} has {scales.shape[1]} scales a row for {numbers.shape[1]} columns"
        )
    return Quantised(numbers, scales.numpy(), quant, group, dtype)


def _in_bytes(numbers: np.ndarray) -> np.ndarray:
    if numbers.shape[1] % 2:
        raise InvalidInput(f"rows of {numbers.shape[1]} numbers cannot be stored two to a byte")
    up = (numbers + 8).astype(np.uint8)
    return np.ascontiguousarray(up[:, ::2] | up[:, 1::2] << 4)


def _from_bytes(packed: np.ndarray) -> np.ndarray:
    both = np.stack([packed & 15, packed >> 4], -1).reshape(len(packed), -1)
    return both.astype(np.int8) - np.int8(8)


def to_blocks(name: str, tensor: Quantised) -> tuple[np.ndarray, Any]:
    """The bytes [R, …] of a Q8_0 or Q4_0 tensor with exactly these numbers, and its type."""
    numbers, scales = tensor.parts()
    rows, columns = numbers.shape
    if columns % BLOCK:
        raise InvalidInput(f"{name} has rows of {columns}, and GGUF needs multiples of {BLOCK}")
    steps = np.repeat(scales, tensor.group // BLOCK, 1)[:, : columns // BLOCK]
    blocks = numbers.reshape(rows, -1, BLOCK)
    if tensor.quant == "int4":
        up = (blocks + 8).astype(np.uint8)
        blocks = up[..., :16] | up[..., 16:] << 4
    parts = [steps[..., None].view(np.uint8), blocks.view(np.uint8)]
    return np.concatenate(parts, -1).reshape(rows, -1), KINDS[tensor.quant]


def from_blocks(data: np.ndarray, quant: Quant, dtype: torch.dtype) -> Quantised:
    """`to_blocks` undone: groups are GGUF's, of 32."""
    size = 2 + (BLOCK if quant == "int8" else BLOCK // 2)
    blocks = np.asarray(data).view(np.uint8).reshape(len(data), -1, size)
    scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0]
    body: np.ndarray = blocks[..., 2:]
    if quant == "int4":
        body = np.concatenate([body & 15, body >> 4], -1).astype(np.int8) - np.int8(8)
    numbers = np.ascontiguousarray(body).view(np.int8).reshape(len(data), -1)
    return Quantised(numbers, scales, quant, BLOCK, dtype)
