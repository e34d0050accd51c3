"""Triton kernels for a GPU: norm with residual, GeGLU, rotations, products with quantised weights.

Each has the torch formula it replaces in ``tests/fast/test_triton.py``. RMSNorm, GeGLU and rotations have a
backward pass; quantised products have one for their input. Not measured on a GPU.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
# (triton compiles these functions from their source)

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

WIDTH = 128  # numbers a program of an elementwise kernel takes
ROWS = 16  # rows of a weight that a program multiplies


@triton.jit
def _norm(x, residual, weight, y, total, inverse, size, eps, offset, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    there = at < size
    value = tl.load(x + row * size + at, there, 0.0).to(tl.float32)
    value += tl.load(residual + row * size + at, there, 0.0).to(tl.float32)
    tl.store(total + row * size + at, value, there)
    value = tl.load(total + row * size + at, there, 0.0).to(tl.float32)  # as rounded
    r = 1.0 / tl.sqrt(tl.sum(value * value) / size + eps)
    tl.store(inverse + row, r)
    w = tl.load(weight + at, there, 0.0).to(tl.float32) + offset
    tl.store(y + row * size + at, value * r * w, there)


@triton.jit
def _norm_back(dy, dtotal, total, weight, inverse, dx, dw, size, offset, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    there = at < size
    g = tl.load(dy + row * size + at, there, 0.0).to(tl.float32)
    value = tl.load(total + row * size + at, there, 0.0).to(tl.float32)
    w = tl.load(weight + at, there, 0.0).to(tl.float32) + offset
    r = tl.load(inverse + row)
    unit = value * r
    scaled = g * w
    inward = (scaled - unit * (tl.sum(scaled * unit) / size)) * r
    inward += tl.load(dtotal + row * size + at, there, 0.0).to(tl.float32)
    tl.store(dx + row * size + at, inward, there)
    tl.store(dw + row * size + at, g * unit, there)


class _NormResidual(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, residual: Tensor, weight: Tensor, eps: float, offset: float
    ) -> tuple[Tensor, Tensor]:
        size = x.shape[-1]
        flat, rest = x.reshape(-1, size).contiguous(), residual.reshape(-1, size).contiguous()
        y, total = torch.empty_like(flat), torch.empty_like(flat)
        inverse = torch.empty(len(flat), device=x.device)
        block = triton.next_power_of_2(size)
        _norm[(len(flat),)](flat, rest, weight, y, total, inverse, size, eps, offset, BLOCK=block)
        ctx.save_for_backward(total, weight, inverse)
        ctx.offset = offset
        return y.reshape(x.shape), total.reshape(x.shape)

    @staticmethod
    def backward(ctx: Any, dy: Tensor, dtotal: Tensor) -> tuple[Tensor | None, ...]:
        total, weight, inverse = ctx.saved_tensors
        rows, size = total.shape
        dx = torch.empty_like(total)
        dw = torch.empty(rows, size, device=total.device)
        _norm_back[(rows,)](
            dy.reshape(rows, size).contiguous(), dtotal.reshape(rows, size).contiguous(), total, weight,
            inverse, dx, dw, size, ctx.offset, BLOCK=triton.next_power_of_2(size),
        )  # fmt: skip
        dx = dx.reshape(dy.shape)
        return dx, dx, dw.sum(0).to(weight.dtype), None, None


def norm_residual(
    x: Tensor, residual: Tensor, weight: Tensor, eps: float = 1e-6, offset: float = 1.0
) -> tuple[Tensor, Tensor]:
    """RMS(x + residual; w) and x + residual, [..., D], as one kernel; gradients of all three."""
    return _NormResidual.apply(x, residual, weight, eps, offset)


@triton.jit
def _tanh(x):
    return 2.0 / (1.0 + tl.exp(-2.0 * x)) - 1.0


@triton.jit
def _geglu(gate, up, y, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = at < count
    g = tl.load(gate + at, there, 0.0).to(tl.float32)
    u = tl.load(up + at, there, 0.0).to(tl.float32)
    t = _tanh(0.7978845608028654 * (g + 0.044715 * g * g * g))
    tl.store(y + at, 0.5 * g * (1.0 + t) * u, there)


@triton.jit
def _geglu_back(dy, gate, up, dgate, dup, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = at < count
    d = tl.load(dy + at, there, 0.0).to(tl.float32)
    g = tl.load(gate + at, there, 0.0).to(tl.float32)
    u = tl.load(up + at, there, 0.0).to(tl.float32)
    t = _tanh(0.7978845608028654 * (g + 0.044715 * g * g * g))
    slope = 0.7978845608028654 * (1.0 + 3.0 * 0.044715 * g * g)
    tl.store(dup + at, d * 0.5 * g * (1.0 + t), there)
    tl.store(dgate + at, d * u * (0.5 * (1.0 + t) + 0.5 * g * (1.0 - t * t) * slope), there)


class _GeGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        gate, up = gate.contiguous(), up.contiguous()
        y = torch.empty_like(gate)
        _geglu[(triton.cdiv(gate.numel(), WIDTH),)](gate, up, y, gate.numel(), BLOCK=WIDTH)
        ctx.save_for_backward(gate, up)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        dgate, dup = torch.empty_like(gate), torch.empty_like(up)
        grid = (triton.cdiv(gate.numel(), WIDTH),)
        _geglu_back[grid](dy.contiguous(), gate, up, dgate, dup, gate.numel(), BLOCK=WIDTH)
        return dgate, dup


def geglu(gate: Tensor, up: Tensor) -> Tensor:
    """GELU(gate) ⊙ up with the tanh approximation; gradients of both."""
    return _GeGLU.apply(gate, up)


@triton.jit
def _rope(x, cos, sin, y, heads, half, turn, BLOCK: tl.constexpr):
    # one program: one head of one token; turn −1 rotates back
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    there = at < half
    c = tl.load(cos + row // heads * half + at, there, 0.0).to(tl.float32)
    s = tl.load(sin + row // heads * half + at, there, 0.0).to(tl.float32) * turn
    a = tl.load(x + row * 2 * half + at, there, 0.0).to(tl.float32)
    b = tl.load(x + row * 2 * half + half + at, there, 0.0).to(tl.float32)
    tl.store(y + row * 2 * half + at, a * c - b * s, there)
    tl.store(y + row * 2 * half + half + at, b * c + a * s, there)


class _Rope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor, turn: float) -> Tensor:
        ctx.save_for_backward(cos, sin)
        ctx.turn = turn
        x, y = x.contiguous(), torch.empty_like(x, memory_format=torch.contiguous_format)
        half = x.shape[-1] // 2
        grid = (x.numel() // (2 * half),)
        block = triton.next_power_of_2(half)
        _rope[grid](x, cos.contiguous(), sin.contiguous(), y, x.shape[-2], half, turn, BLOCK=block)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return _Rope.apply(dy, *ctx.saved_tensors, -ctx.turn), None, None, None


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions by halves: x [..., T, H, K], cos and sin [..., T, K/2]; gradient of x."""
    return _Rope.apply(x, cos, sin, 1.0)


@triton.jit
def _product(
    x, numbers, scales, y, rows, columns, groups, BITS: tl.constexpr, GROUP: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    # one program: BLOCK rows of the weight and one token
    token = tl.program_id(1)
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = row < rows
    result = tl.zeros([BLOCK], tl.float32)
    for g in range(groups):
        column = g * GROUP + tl.arange(0, GROUP)
        both = inside[:, None] & (column < columns)[None, :]
        if BITS == 8:
            w = tl.load(numbers + row[:, None] * columns + column[None, :], both, 0).to(tl.float32)
        else:
            half = (columns + 1) // 2
            packed = tl.load(numbers + row[:, None] * half + column[None, :] // 2, both, 136)
            w = ((packed.to(tl.int32) >> (4 * (column[None, :] % 2))) & 15).to(tl.float32) - 8.0
        v = tl.load(x + token * columns + column, column < columns, 0.0).to(tl.float32)
        step = tl.load(scales + row * groups + g, inside, 0.0).to(tl.float32)
        result += tl.sum(w * v[None, :], 1) * step
    tl.store(y + token * rows + row, result, inside)


class _QuantisedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, numbers: Tensor, scales: Tensor, bits: int, group: int
    ) -> Tensor:
        ctx.save_for_backward(numbers, scales)
        ctx.bits, ctx.group, columns = bits, group, x.shape[-1]
        flat = x.reshape(-1, columns).contiguous()
        rows, groups = scales.shape
        y = torch.empty(len(flat), rows, dtype=x.dtype, device=x.device)
        grid = (triton.cdiv(rows, ROWS), len(flat))
        _product[grid](
            flat, numbers, scales, y, rows, columns, groups, BITS=bits, GROUP=group, BLOCK=ROWS
        )
        return y.reshape(*x.shape[:-1], rows)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        numbers, scales = ctx.saved_tensors
        return (
            dy @ unpacked(numbers, scales, ctx.bits, ctx.group).to(dy.dtype),
            None,
            None,
            None,
            None,
        )


def unpacked(numbers: Tensor, scales: Tensor, bits: int, group: int) -> Tensor:
    """The weight [R, C] in float32."""
    if bits == 4:
        numbers = torch.stack([numbers & 15, numbers >> 4], -1).flatten(1).to(torch.int8) - 8
    wide = scales.float().repeat_interleave(group, 1)[:, : numbers.shape[1]]
    return numbers.float() * wide


def quantised_linear(x: Tensor, numbers: Tensor, scales: Tensor, bits: int, group: int) -> Tensor:
    """x · Wᵀ, [..., C] → [..., R], for W as ``quantised_files.separated`` stores it; gradient of x.

    numbers: int8 [R, C], or for 4 bits uint8 [R, C/2]; scales float16 [R, ⌈C/group⌉].
    """
    return _QuantisedLinear.apply(x, numbers, scales, bits, group)
