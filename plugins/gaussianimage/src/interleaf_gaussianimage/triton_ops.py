"""The sum over Gaussians and its gradients on a GPU (extra ``[triton]``); `torch_ops` is its face.

Forward, one program draws a tile of 16 x 16 pixels from the list of Gaussians that reach into it, however
long. Backward, one program gathers what a piece of a Gaussian's box says, and another adds the pieces. Every
number is added by one program in a fixed order: no atomics, the same bits every time.

A Gaussian is prepared as in `kernels`: sigma = r1^2 + r2^2, r1 = dx i1, r2 = dy i3 - dx k.
"""

# mypy: disable-error-code="untyped-decorator, no-untyped-def, no-untyped-call, misc"

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from .splats import CUTOFF, SMALLEST

TILE, CHUNK = 16, 16
ROWS, COLUMNS = 8, 32  # of a block that is gathered at once
BLOCKS = 64  # of a piece
MARGIN = 0.01  # px: boxes are widened by this, so that sigma <= CUTOFF alone decides


@triton.jit
def _weights(geometry, n, there, x, y, CUT: tl.constexpr):
    """r1, r2 and exp(-sigma) at x and y, zero beyond the cut or if not there, of Gaussians n >= 0."""
    at = geometry + n * 5
    dx, dy = x - tl.load(at), y - tl.load(at + 1)
    r1 = dx * tl.load(at + 2)
    r2 = dy * tl.load(at + 3) - dx * tl.load(at + 4)
    sigma = r1 * r1 + r2 * r2
    return r1, r2, tl.where(there & (sigma <= CUT), tl.exp(-sigma), 0.0)


@triton.jit
def _draw(geometry, color, offsets, ids, image, height, width, across,
          C: tl.constexpr, CUT: tl.constexpr, SIDE: tl.constexpr, MANY: tl.constexpr):  # fmt: skip
    """image [H, W, C] in the tile of this program: the sum over its list ids[offsets[t] : offsets[t + 1]]."""
    tile = tl.program_id(0)
    pixel = tl.arange(0, SIDE * SIDE)
    x, y = tile % across * SIDE + pixel % SIDE, tile // across * SIDE + pixel // SIDE
    begin, end = tl.load(offsets + tile), tl.load(offsets + tile + 1)
    real = geometry.dtype.element_ty
    s0 = tl.zeros([SIDE * SIDE], real)
    s1 = tl.zeros([SIDE * SIDE], real)
    s2 = tl.zeros([SIDE * SIDE], real)
    s3 = tl.zeros([SIDE * SIDE], real)
    fx, fy = x.to(real)[None, :], y.to(real)[None, :]
    for first in range(begin, end, MANY):
        slot = first + tl.arange(0, MANY)
        n = tl.load(ids + slot, mask=slot < end, other=0)
        there = (slot < end)[:, None]
        _, _, w = _weights(geometry, n[:, None], there, fx, fy, CUT)
        at = color + n[:, None] * C
        s0 += tl.sum(w * tl.load(at, mask=there, other=0.0), 0)
        if C > 1:
            s1 += tl.sum(w * tl.load(at + 1, mask=there, other=0.0), 0)
        if C > 2:
            s2 += tl.sum(w * tl.load(at + 2, mask=there, other=0.0), 0)
        if C > 3:
            s3 += tl.sum(w * tl.load(at + 3, mask=there, other=0.0), 0)
    inside = (x < width) & (y < height)
    out = image + (y * width + x) * C
    tl.store(out, s0, mask=inside)
    if C > 1:
        tl.store(out + 1, s1, mask=inside)
    if C > 2:
        tl.store(out + 2, s2, mask=inside)
    if C > 3:
        tl.store(out + 3, s3, mask=inside)


@triton.jit
def _gather(geometry, color, owner, piece_of, boxes, grad, out, height, width, COLS: tl.constexpr,
            C: tl.constexpr, CUT: tl.constexpr, HIGH: tl.constexpr, WIDE: tl.constexpr,
            SHARE: tl.constexpr):  # fmt: skip
    """out[piece] = sum (s r1, s r2, s r1^2, s r1 r2, s r2^2, w g...) over blocks of a Gaussian's box."""
    piece = tl.program_id(0)
    n = tl.load(owner + piece)
    left, top = tl.load(boxes + n * 4), tl.load(boxes + n * 4 + 1)
    right, bottom = tl.load(boxes + n * 4 + 2), tl.load(boxes + n * 4 + 3)
    columns = (right - left) // WIDE + 1
    all_blocks = columns * ((bottom - top) // HIGH + 1)
    real = geometry.dtype.element_ty
    # one accumulator for each of the moments, summed at the end
    m1 = tl.zeros([HIGH, WIDE], real)
    m2 = tl.zeros([HIGH, WIDE], real)
    m11 = tl.zeros([HIGH, WIDE], real)
    m12 = tl.zeros([HIGH, WIDE], real)
    m22 = tl.zeros([HIGH, WIDE], real)
    d0 = tl.zeros([HIGH, WIDE], real)
    d1 = tl.zeros([HIGH, WIDE], real)
    d2 = tl.zeros([HIGH, WIDE], real)
    d3 = tl.zeros([HIGH, WIDE], real)
    first = tl.load(piece_of + piece) * SHARE
    for block in range(first, tl.minimum(first + SHARE, all_blocks)):
        x = left + block % columns * WIDE + tl.arange(0, WIDE)[None, :]
        y = top + block // columns * HIGH + tl.arange(0, HIGH)[:, None]
        inside = (x <= right) & (y <= bottom)
        r1, r2, w = _weights(geometry, n, inside, x.to(real), y.to(real), CUT)
        at = grad + (y * width + x) * C
        g = tl.load(at, mask=inside, other=0.0)
        d0 += w * g
        s = g * tl.load(color + n * C)
        if C > 1:
            g = tl.load(at + 1, mask=inside, other=0.0)
            d1 += w * g
            s += g * tl.load(color + n * C + 1)
        if C > 2:
            g = tl.load(at + 2, mask=inside, other=0.0)
            d2 += w * g
            s += g * tl.load(color + n * C + 2)
        if C > 3:
            g = tl.load(at + 3, mask=inside, other=0.0)
            d3 += w * g
            s += g * tl.load(color + n * C + 3)
        s = s * w
        m1 += s * r1
        m2 += s * r2
        m11 += s * r1 * r1
        m12 += s * r1 * r2
        m22 += s * r2 * r2
    to = out + piece * COLS
    tl.store(to, tl.sum(m1))
    tl.store(to + 1, tl.sum(m2))
    tl.store(to + 2, tl.sum(m11))
    tl.store(to + 3, tl.sum(m12))
    tl.store(to + 4, tl.sum(m22))
    tl.store(to + 5, tl.sum(d0))
    if C > 1:
        tl.store(to + 6, tl.sum(d1))
    if C > 2:
        tl.store(to + 7, tl.sum(d2))
    if C > 3:
        tl.store(to + 8, tl.sum(d3))


@triton.jit
def _add_pieces(parts, starts, out, COLS: tl.constexpr, POWER: tl.constexpr):
    """out[n] = the sum of parts[starts[n] : starts[n + 1]], in their order."""
    n = tl.program_id(0)
    column = tl.arange(0, POWER)
    total = tl.zeros([POWER], parts.dtype.element_ty)
    for piece in range(tl.load(starts + n), tl.load(starts + n + 1)):
        total += tl.load(parts + piece * COLS + column, mask=column < COLS, other=0.0)
    tl.store(out + n * COLS + column, total, mask=column < COLS)


def prepared(
    mu: Tensor, chol: Tensor, color: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """geometry [N, 5], boxes [N, 4] int32 = left, top, right, bottom; right < left if not drawn."""
    l1, l2, l3 = chol.unbind(1)
    known = mu.isfinite().all(1) & chol.isfinite().all(1) & color.isfinite().all(1)
    drawn = known & (l1.abs() >= SMALLEST) & (l3.abs() >= SMALLEST)
    one = torch.ones_like(l1)
    l1, l2, l3 = (torch.where(drawn, v, one) for v in (l1, l2, l3))
    mu = torch.where(drawn[:, None], mu, torch.zeros_like(mu))
    half = math.sqrt(0.5)
    geometry = torch.stack([*mu.unbind(1), half / l1, half / l3, half / l3 * (l2 / l1)], 1)
    reach = math.sqrt(2 * CUTOFF) * torch.stack([l1.abs(), torch.hypot(l2, l3)], 1) + MARGIN
    most = torch.tensor([width - 1, height - 1], device=mu.device)
    low = (mu - reach).ceil().clamp(min=0).minimum(most + 1)
    high = (mu + reach).floor().clamp(min=-1).minimum(most)
    drawn &= (low <= high).all(1)
    boxes = torch.cat([low, torch.where(drawn[:, None], high, low - 1)], 1)
    return geometry.contiguous(), boxes.to(torch.int32).contiguous()


def tile_lists(boxes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """offsets [T + 1] and ids: which Gaussians reach into each tile, in their own order."""
    across, down = -(-width // TILE), -(-height // TILE)
    left, top, right, bottom = boxes.long().unbind(1)
    drawn = right >= left
    first, columns = left // TILE, right // TILE - left // TILE + 1
    counts = torch.where(drawn, columns * (bottom // TILE - top // TILE + 1), 0)
    ids = torch.repeat_interleave(torch.arange(len(boxes), device=boxes.device), counts)
    place = torch.arange(len(ids), device=boxes.device) - (counts.cumsum(0) - counts)[ids]
    tile = (top[ids] // TILE + place // columns[ids]) * across + first[ids] + place % columns[ids]
    tile, order = torch.sort(tile, stable=True)
    offsets = torch.zeros(across * down + 1, dtype=torch.int32, device=boxes.device)
    offsets[1:] = torch.bincount(tile, minlength=across * down).cumsum(0)
    return offsets, ids[order].to(torch.int32)


def draw(mu: Tensor, chol: Tensor, color: Tensor, height: int, width: int) -> Tensor:
    """The picture [H, W, C] of mu [N, 2], chol [N, 3] and color [N, C], in the dtype of chol."""
    geometry, boxes = prepared(mu, chol, color, height, width)
    offsets, ids = tile_lists(boxes, height, width)
    image = chol.new_empty((height, width, color.shape[1]))
    across = -(-width // TILE)
    grid = (across * -(-height // TILE),)
    _draw[grid](
        geometry, color.contiguous(), offsets, ids, image, height, width, across,
        color.shape[1], CUTOFF, TILE, CHUNK,
    )  # fmt: skip
    return image


def gradients(
    grad: Tensor, mu: Tensor, chol: Tensor, color: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """dLoss/d(mu, chol, color) for grad = dLoss/dimage [H, W, C]."""
    height, width, channels = grad.shape
    geometry, boxes = prepared(mu, chol, color, height, width)
    left, top, right, bottom = boxes.long().unbind(1)
    blocks = ((right - left) // COLUMNS + 1) * ((bottom - top) // ROWS + 1)
    pieces = torch.where(right >= left, -(-blocks // BLOCKS), 0)
    starts = torch.zeros(len(mu) + 1, dtype=torch.int32, device=mu.device)
    starts[1:] = pieces.cumsum(0)
    owner = torch.repeat_interleave(torch.arange(len(mu), device=mu.device), pieces)
    number = torch.arange(len(owner), device=mu.device) - starts[owner]
    columns = 5 + channels
    parts, out = chol.new_empty((len(owner), columns)), chol.new_empty((len(mu), columns))
    if len(owner):
        _gather[(len(owner),)](
            geometry, color.contiguous(), owner.int(), number.int(), boxes, grad.contiguous(), parts, height,
            width, columns, channels, CUTOFF, ROWS, COLUMNS, BLOCKS,
        )  # fmt: skip
    if len(mu):
        _add_pieces[(len(mu),)](parts, starts, out, columns, 16)
    return _from_own_frame(chol, out, right >= left)


def _from_own_frame(chol: Tensor, out: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dmu = L^-T sum s z and dL = tril(L^-T sum s z z^T), z = sqrt(2) r; zero for what is not drawn."""
    l1, l2, l3 = torch.where(drawn[:, None], chol, chol.new_tensor([1.0, 0.0, 1.0])).unbind(1)
    s1, s2 = (math.sqrt(2) * m for m in out[:, :2].unbind(1))
    s11, s12, s22 = (2 * m for m in out[:, 2:5].unbind(1))
    shear = l2 / (l1 * l3)
    to_mu = torch.stack([s1 / l1 - shear * s2, s2 / l3], 1)
    to_chol = torch.stack([s11 / l1 - shear * s12, s12 / l3, s22 / l3], 1)
    return to_mu, to_chol, out[:, 5:].contiguous()
