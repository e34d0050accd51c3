"""Rounding a model's matrices to 8 or 4 bits, embedding included.

int8: groups of 64 columns, w ≈ s q with s = max|w| / 127. int4: groups of 32, q from −8 to 7; of several
scales near max|w| / −8 the one with the smallest squared error. Scales are float16, as stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interleaf_gemma.quantised import GROUPS, Quant, Quantised

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma

TRIED = torch.linspace(0.8, 1.1, 16)  # of max|w| / 8, scales to try for int4
ROWS = 1 << 21  # numbers rounded at a time


def quantise(weight: Tensor, quant: Quant, group: int | None = None) -> Quantised:
    """A weight [R, C] rounded; ``group``: columns that share a scale (default 64 for int8, 32 for int4)."""
    group = group or GROUPS[quant]
    rows, columns = weight.shape
    groups = -(-columns // group)
    numbers = torch.empty(rows, groups * group, dtype=torch.int8)
    scales = torch.empty(rows, groups, dtype=torch.float16)
    each = max(1, ROWS // (groups * group))
    for first in range(0, rows, each):
        part = weight.detach()[first : first + each].float()
        grouped = F.pad(part, (0, groups * group - columns)).unflatten(1, (groups, group))
        scale = _scale8(grouped) if quant == "int8" else _scale4(grouped)
        q = _rounded(grouped, scale, *((-127, 127) if quant == "int8" else (-8, 7)))
        numbers[first : first + each], scales[first : first + each] = q.flatten(1), scale
    return Quantised(
        numbers[:, :columns].contiguous().numpy(), scales.numpy(), quant, group, weight.dtype
    )


def _rounded(x: Tensor, scale: Tensor, least: int, most: int) -> Tensor:
    step = scale.float()[..., None]
    return torch.where(step == 0, 0, x / step).round().clamp(least, most).to(torch.int8)


def _scale8(x: Tensor) -> Tensor:
    return (x.abs().amax(-1) / 127).half()


def _scale4(x: Tensor) -> Tensor:
    # the number of largest magnitude goes to −8, of which there is one more than of 7
    extreme = x.gather(-1, x.abs().argmax(-1, keepdim=True)).squeeze(-1) / -8
    best, least = extreme.half(), torch.full_like(extreme, torch.inf)
    for factor in TRIED:
        scale = (extreme * factor).half()
        wide = scale.float()[..., None]
        error = (_rounded(x, scale, -8, 7) * wide - x).square().sum(-1)
        better = error < least
        best, least = torch.where(better, scale, best), torch.where(better, error, least)
    return best


def quantise_model(model: Gemma, quant: Quant) -> Iterator[str]:
    """Round every matrix of a model, in place, naming each as it is done; norms stay whole."""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Linear | nn.Embedding) and not isinstance(weight, Quantised):
            module.weight = nn.Parameter(quantise(module.weight, quant), requires_grad=False)
            yield name
