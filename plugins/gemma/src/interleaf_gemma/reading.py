"""Reading a prompt: many tokens at once, through torch, in the dtype in which it is fast here."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from interleaf_gemma.kernels.products import BFLOAT16
from interleaf_gemma.multiplying import products

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma


CHUNK = 1 << 21  # numbers widened at a time, 8 MiB
FEW = 16  # tokens for which the kernels are faster than making a weight float32


def reading(model: Gemma) -> Any:
    """A context in which the model reads a prompt: where torch's bfloat16 is slow, through float32."""
    widen = model.device.type == "cpu" and model.dtype == torch.bfloat16 and _bfloat16_is_slow()
    return Widened() if widen else nullcontext()


class Widened(TorchFunctionMode):
    """Products with a bfloat16 weight are made in float32, a part of the weight at a time."""

    def __torch_function__(
        self, function: Any, kinds: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if (
            function is F.linear
            and not kwargs
            and args[2:] in ((), (None,))
            and _is_wide(*args[:2])
        ):
            return _wide_linear(*args[:2])
        return function(*args, **(kwargs or {}))


def _is_wide(x: Tensor, weight: Tensor) -> bool:
    plain = type(weight) in (Tensor, nn.Parameter) and weight.dtype == torch.bfloat16
    return plain and not torch.is_grad_enabled()


def _wide_linear(x: Tensor, weight: Tensor) -> Tensor:
    rows, columns = weight.shape
    flat = x.reshape(-1, columns).float()
    if len(flat) <= FEW and weight.is_contiguous():
        few = products(BFLOAT16, weight.data_ptr(), rows, columns, 1, flat)
        return few.to(x.dtype).reshape(*x.shape[:-1], rows)
    out = torch.empty(len(flat), rows)
    each = max(1, CHUNK // columns)
    scratch = torch.empty(min(each, rows), columns)
    for first in range(0, rows, each):
        part = weight[first : first + each]
        wide = scratch[: len(part)].copy_(part)
        torch.mm(flat, wide.T, out=out[:, first : first + each])
    return out.to(x.dtype).reshape(*x.shape[:-1], rows)


@lru_cache
def _bfloat16_is_slow() -> bool:
    """Whether a product in bfloat16 takes longer than one in float32, measured once."""
    x, weight = torch.ones(64, 512).bfloat16(), torch.ones(1024, 512).bfloat16()
    seconds = []
    for product in (F.linear, _wide_linear):
        found = []
        for _ in range(4):
            start = time.perf_counter()
            product(x, weight)
            found.append(time.perf_counter() - start)
        seconds.append(min(found))
    return seconds[0] > seconds[1]
