"""Rounding a model's matrices to 8 or 4 bits, embedding included.

int8: groups of 64 columns, w ≈ s q with s = max|w| / 127. int4: groups of 32, q from −8 to 7; of several
scales near max|w| / −8, and those that fit what they round to best, the one with the smallest squared
error. Scales are float16, as stored. `calibrating` rounds for the inputs that texts give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interleaf_gemma.quantised import GROUPS, Quant, Quantised

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma

TRIED = torch.linspace(0.75, 1.1, 15)  # of max|w| / 8, scales to try for int4
LIMITS: Mapping[Quant, tuple[int, int]] = {"int8": (-127, 127), "int4": (-8, 7)}
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
        scale = scale_of(grouped, quant)
        q = _rounded(grouped, scale, quant).to(torch.int8)
        numbers[first : first + each], scales[first : first + each] = q.flatten(1), scale
    return Quantised(
        numbers[:, :columns].contiguous().numpy(), scales.numpy(), quant, group, weight.dtype
    )


def scale_of(x: Tensor, quant: Quant, worth: Tensor | None = None) -> Tensor:
    """A float16 scale for each group x [..., group]; ``worth``: what the square of an error in it counts."""
    if quant == "int8":
        return (x.abs().amax(-1) / 127).half()
    # the number of largest magnitude goes to −8, of which there is one more than of 7
    extreme = x.gather(-1, x.abs().argmax(-1, keepdim=True)).squeeze(-1) / -8
    best, least = extreme.half(), torch.full_like(extreme, torch.inf)
    for factor in TRIED:
        scale = (extreme * factor).half()
        for tried in (scale, _fitted(x, _rounded(x, scale, quant), worth)):
            error = (_rounded(x, tried, quant) * tried.float()[..., None] - x).square()
            total = error.sum(-1) if worth is None else error @ worth
            better = total < least
            best, least = torch.where(better, tried, best), torch.where(better, total, least)
    return best


def _fitted(x: Tensor, q: Tensor, worth: Tensor | None) -> Tensor:
    """The scale with which q comes nearest to x (least squares)."""
    weighted = q if worth is None else q * worth
    return ((weighted * x).sum(-1) / (weighted * q).sum(-1).clamp(min=1e-12)).half()


def _rounded(x: Tensor, scale: Tensor, quant: Quant) -> Tensor:
    step, (least, most) = scale.float()[..., None], LIMITS[quant]
    return torch.where(step == 0, 0, x / step).round().clamp(least, most)


def quantise_model(model: Gemma, quant: Quant) -> Iterator[str]:
    """Round every matrix of a model, in place, naming each as it is done; norms stay whole."""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Linear | nn.Embedding) and not isinstance(weight, Quantised):
            module.weight = nn.Parameter(quantise(module.weight, quant), requires_grad=False)
            yield name
