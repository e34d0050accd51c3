"""Many tokens times a matrix through the kernels; for quantised ones as the torch operator
``interleaf_gemma::quantised_linear``, which ``torch.compile`` keeps whole."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interleaf_gemma.kernels.packing import unpack
from interleaf_gemma.kernels.products import INT8, PANEL, make_many_ready, multiply
from interleaf_gemma.kernels.room import Room
from interleaf_gemma.kernels.team import in_team

TOKENS = 64  # multiplied together: what they need of a matrix's columns stays in the cache


def products(layout: int, at: int, rows: int, columns: int, group: int, x: Tensor) -> Tensor:
    """x · Wᵀ [T, R] for the matrix at an address, x [T, C]; both float32.

    For quantised matrices x is rounded to int8 in groups, and sums are exact within a group. A token's
    result does not depend on the others.
    """
    padded = F.pad(x, (0, 64 + -columns % 64)).numpy()
    out = np.zeros((len(x), -(-rows // PANEL) * PANEL), np.float32)
    room, threads = Room(), torch.get_num_threads()
    streams = 2 if layout < INT8 else 1
    ready = room.vector(columns, min(len(x), TOKENS))
    for first in range(0, len(x), TOKENS):
        some, to = padded[first : first + TOKENS], out[first : first + TOKENS]
        make_many_ready(layout, some, columns, group, ready)

        def work(part: int, to: np.ndarray = to) -> None:
            multiply(
                layout, at, rows, columns, group, ready, to.ctypes.data, 4 * to.shape[1], len(to),
                part, threads, streams,
            )  # fmt: skip

        in_team(work, threads)
    return torch.from_numpy(out[:, :rows])


@torch.library.custom_op("interleaf_gemma::quantised_linear", mutates_args=(), device_types="cpu")
def quantised_linear(x: Tensor, panels: Tensor, layout: int, rows: int, group: int) -> Tensor:
    """x · Wᵀ, [..., C] → [..., rows], for int8 or int4 panels of W (`packing.pack`); gradient of x."""
    flat = x.reshape(-1, x.shape[-1]).float().contiguous()
    out = products(layout, panels.data_ptr(), rows, x.shape[-1], group, flat)
    return out.to(x.dtype).contiguous().reshape(*x.shape[:-1], rows)


@quantised_linear.register_fake
def _(x: Tensor, panels: Tensor, layout: int, rows: int, group: int) -> Tensor:
    return x.new_empty(*x.shape[:-1], rows)


@torch.library.custom_op("interleaf_gemma::unpacked", mutates_args=(), device_types="cpu")
def unpacked(panels: Tensor, layout: int, rows: int, columns: int, group: int) -> Tensor:
    """The matrix [rows, columns] in panels, as float32."""
    numbers, scales = unpack(layout, panels.numpy(), (rows, columns), group)
    wide = np.repeat(scales.astype(np.float32), group, 1)[:, :columns]
    return torch.from_numpy(numbers * wide)


@unpacked.register_fake
def _(panels: Tensor, layout: int, rows: int, columns: int, group: int) -> Tensor:
    return panels.new_empty(rows, columns, dtype=torch.float32)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, panels, layout, rows, group = inputs
    ctx.save_for_backward(panels)
    ctx.sizes = (layout, rows, x.shape[-1], group)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    (panels,) = ctx.saved_tensors
    whole = unpacked(panels, *ctx.sizes)
    return gradient @ whole.to(gradient.dtype), None, None, None, None


quantised_linear.register_autograd(_backward, setup_context=_keep)
