"""Rounding that knows what a matrix multiplies: GPTQ (Frantar et al., arXiv 2210.17323).

Columns are rounded in order, and what each loses is made up for by those after it. With H = Σ x xᵀ over the
inputs x of a matrix and U the upper Cholesky factor of H⁻¹, an error e in column j is best answered by
−e · U[j, k] / U[j, j] in every column k > j (equations 2 and 3 there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interleaf_gemma.quantised import GROUPS, Quant, Quantised
from interleaf_gemma.quantising import LIMITS, scale_of

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma

DAMPING = 0.01  # of the mean of H's diagonal, so that what was never seen stays where it is
MOST = 4 << 30  # bytes of H in memory; more matrices take more passes over the texts
SAME = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}  # have the inputs of
TABLE = "model.embed_tokens"


def quantise_by_texts(model: Gemma, quant: Quant, windows: Tensor) -> Iterator[str]:
    """Round every matrix of a model, in place, for inputs like those of the ids ``windows`` [N, T].

    Names each as it is done. The embedding is rounded as the output layer that it is.
    """
    modules = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    for names in _parts(modules):
        with _summed(model, modules, names) as sums:
            _read(model, windows)
        for name in names:
            h = sums[_source(name)]
            rounded = rounded_for(modules[name].weight, h, quant)
            modules[name].weight = nn.Parameter(rounded, requires_grad=False)
            yield name
    with _summed(model, {"": model.model.norm}, [""], of_input=False) as sums:
        _read(model, windows)
    table = model.model.embed_tokens
    table.weight = nn.Parameter(rounded_for(table.weight, sums[""], quant), requires_grad=False)
    yield TABLE


@torch.no_grad()
def rounded_for(weight: Tensor, h: Tensor, quant: Quant) -> Quantised:
    """A weight [R, C] rounded for inputs whose Σ x xᵀ is h [C, C]."""
    group, (rows, columns), (least, most) = GROUPS[quant], weight.shape, LIMITS[quant]
    w, u = weight.detach().float().clone(), _factor(h)
    numbers = torch.zeros(rows, columns, dtype=torch.int8)
    scales = torch.zeros(rows, -(-columns // group), dtype=torch.float16)
    for g in range(scales.shape[1]):
        first, last = g * group, min((g + 1) * group, columns)
        part, square = w[:, first:last], u[first:last, first:last]
        worth = F.pad(1 / square.diagonal().square(), (0, first + group - last))
        scale = scale_of(F.pad(part, (0, first + group - last)), quant, worth)
        scales[:, g], step = scale, scale.float()
        lost = torch.empty_like(part)
        for j in range(last - first):
            q = torch.where(step == 0, 0, part[:, j] / step).round().clamp(least, most)
            numbers[:, first + j] = q.to(torch.int8)
            lost[:, j] = (part[:, j] - q * step) / square[j, j]
            part[:, j + 1 :] -= lost[:, j, None] * square[j, j + 1 :]
        w[:, last:] -= lost @ u[first:last, last:]
    return Quantised(numbers.numpy(), scales.numpy(), quant, group, weight.dtype)


def _factor(h: Tensor) -> Tensor:
    """U with UᵀU = H⁻¹."""
    damped = h.clone()
    damped.diagonal().add_(DAMPING * h.diagonal().mean() + 1e-12)
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)


def _source(name: str) -> str:
    head, _, last = name.rpartition(".")
    return f"{head}.{SAME.get(last, last)}"


def _parts(modules: dict[str, Any]) -> Iterator[list[str]]:
    """Names of matrices, as many at a time as their H fit into memory."""
    part: list[str] = []
    size = 0
    for name, module in modules.items():
        bytes_ = 4 * module.in_features**2 if _source(name) == name else 0
        if part and bytes_ and size + bytes_ > MOST:
            yield part
            part, size = [], 0
        part.append(name)
        size += bytes_
    yield part


@contextmanager
def _summed(
    model: Gemma, modules: dict[str, Any], names: Sequence[str], of_input: bool = True
) -> Iterator[dict[str, Tensor]]:
    """Σ x xᵀ of the inputs (or the results) of modules, added up while the model runs."""
    sums: dict[str, Tensor] = {}

    def adding(name: str) -> Callable[..., None]:
        def add(_: Any, inputs: tuple[Tensor, ...], result: Tensor) -> None:
            x = (inputs[0] if of_input else result).detach().flatten(0, -2).float()
            sums[name] = sums.get(name, 0.0) + x.T @ x

        return add

    sources = dict.fromkeys(_source(n) if n else n for n in names)
    hooks = [modules[n].register_forward_hook(adding(n)) for n in sources]
    try:
        yield sums
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def _read(model: Gemma, windows: Tensor) -> None:
    from interleaf_gemma.reading import reading

    with reading(model):
        for window in windows:
            model.model(window[None])
