"""From ``.gsi`` bytes to pixels: a part, a scale, some layers, without holding more than is asked for."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from . import background, kernels, strips, tables
from .bands import Crew
from .codec import AXES, STEP, Grid, Parsed, open_file
from .format import Header
from .kernels import compiled
from .lanes import WIDTH, fma, load, spread, store
from .quantising import MOST, SHEAR, SIZES, class_of, position_steps
from .splats import Floats

BAND = 4 << 20  # samples that a thread holds as floats


@compiled
def restore(integers, delta, basis, scale, theta, geometry, color):
    """Geometry [N, GEOMETRY] and color [N, C] of integers, and theta [N, 5] = x, y, l1, l2, l3."""
    channels = basis.shape[0]
    for n in range(len(integers)):
        norm = 0
        for j in range(channels):
            norm += integers[n, 5 + j] ** 2
        k = class_of(norm)
        ex, ey = position_steps(k, integers[n, 2], integers[n, 3], integers[n, 4])
        l1, l3 = SIZES[k, MOST + integers[n, 2]], SIZES[k, MOST + integers[n, 3]]
        theta[n, 0] = (integers[n, 0] + 0.5) * 2.0**ex * scale - 0.5
        theta[n, 1] = (integers[n, 1] + 0.5) * 2.0**ey * scale - 0.5
        theta[n, 2], theta[n, 4] = l1 * scale, l3 * scale
        theta[n, 3] = integers[n, 4] * SHEAR / (1 << k) * l3 * scale
        share = delta / math.sqrt(l1 * l3)
        for ch in range(channels):
            total = 0.0
            for j in range(channels):
                total += integers[n, 5 + j] * basis[j, ch]
            color[n, ch] = total * share
        kernels.prepare(
            theta[n : n + 1, :2], theta[n : n + 1, 2:], color[n : n + 1], geometry[n : n + 1], 0, 1
        )


def restored(
    integers: Floats, delta: float, basis: Floats, scale: float = 1.0
) -> tuple[Floats, Floats]:
    """The kernels' geometry [N, GEOMETRY] and color [N, C] of integers [N, 5 + C]."""
    n = len(integers)
    geometry = np.zeros((n, kernels.GEOMETRY), np.float32)
    color = np.empty((n, len(basis)), np.float32)
    restore(integers, delta, basis, scale, np.empty((n, 5)), geometry, color)
    return geometry, color


@compiled
def smooth(canvas, stride, down, amplitudes, columns, used, mean, first, last):
    """Fill rows first..last-1 with mean [C] + down [H, I] amplitudes [I, C, J] columns [J * stride].

    used [stride / 16, 2]: the nodes j that columns first..first+15 need.
    """
    channels = len(mean)
    row = np.empty(amplitudes.shape[1:], amplitudes.dtype)
    for y in range(first, last):
        row[:] = 0.0
        for i in range(len(amplitudes)):
            if down[y, i] != 0.0:
                for c in range(channels):
                    for j in range(row.shape[1]):
                        row[c, j] += down[y, i] * amplitudes[i, c, j]
        for c in range(channels):
            at = (y * channels + c) * stride
            for part in range(len(used)):
                x = part * WIDTH
                value = spread(mean[c])
                for j in range(used[part, 0], used[part, 1]):
                    value = fma(spread(row[c, j]), load(columns, j * stride + x), value)
                store(canvas, at + x, value)


@compiled
def to_samples(canvas, stride, top, factor, out, first, last, y0):
    """Rows first..last-1 of a canvas as integers 0..top, rounded, into out[y0 + row]."""
    channels, width = out.shape[2], out.shape[1]
    for y in range(first, last):
        for c in range(channels):
            at = (y * channels + c) * stride
            for x in range(width):
                value = canvas[at + x] * factor + np.float32(0.5)
                out[y0 + y, x, c] = np.int32(min(max(value, np.float32(0.0)), top))


class Part(NamedTuple):
    """Gaussians of a block, ready to be drawn, and the rows that they may touch."""

    geometry: Floats
    color: Floats
    top: float
    bottom: float


def decode(
    data: bytes,
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1.0,
    layers: int | None = None,
    partial: bool = False,
    threads: int | None = None,
) -> Floats:
    """The picture [H, W, C] of a file, uint8 or uint16.

    ``region`` (x, y, width, height) in pixels of the picture reads and draws only what it needs; ``scale``
    draws that many pixels per pixel a side, edges staying in place; ``layers`` stops after some of them;
    ``partial`` takes a file that was cut off and draws its whole layers. Raises a GsiError for a file that
    is not sound, ValueError for a region or scale that is none.
    """
    file = open_file(data, partial=partial)
    box = _box(file.header, region)
    if not (math.isfinite(scale) and 0 < scale <= 64):
        raise ValueError(f"a scale of {scale} is not in 0 to 64")
    if layers is not None and layers < 1:
        raise ValueError(f"{layers} layers: 1 or more")
    with Crew(threads) as crew:
        parts = read_parts(file, box, scale, layers, crew)
        return _drawn(file, box, scale, parts, crew)


def _box(header: Header, region: Sequence[int] | None) -> tuple[int, int, int, int]:
    if region is None:
        return 0, 0, header.width, header.height
    x, y, width, height = region
    inside = x >= 0 and y >= 0 and x + width <= header.width and y + height <= header.height
    if width < 1 or height < 1 or not inside:
        raise ValueError(
            f"the region {tuple(region)} is not within {header.width}×{header.height} pixels"
        )
    return x, y, width, height


def axes(file: Parsed) -> Floats:
    """Colour axes [C, C] float64."""
    return file.basis / AXES


def read_parts(
    file: Parsed, box: tuple[int, int, int, int], scale: float, layers: int | None, crew: Crew
) -> list[Part]:
    """The blocks that reach into a box, decoded side by side."""
    grid, jobs = Grid.of(file.header), []
    for number, listed in enumerate(file.blocks[:layers]):
        for block, (points, reach, _) in enumerate(listed):
            x, y, width, height = grid.box(file.header, block)
            apart = max(
                x - box[0] - box[2], box[0] - x - width, y - box[1] - box[3], box[1] - y - height
            )
            if points and apart <= reach:
                jobs.append(
                    (number, block, (y - reach) * scale - 1, (y + height + reach) * scale + 1)
                )
    expanded = [tables.expanded(t) for t in file.tables]
    found: list[Part | None] = [None] * len(jobs)
    basis = axes(file)

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            number, block, top, bottom = jobs[i]
            integers = file.integers(number, block, expanded[number])
            prepared = restored(integers, file.deltas[number] / STEP, basis, scale)
            found[i] = Part(*prepared, top, bottom)

    crew.run(work, crew.split(np.array([file.blocks[n][b][0] for n, b, _, _ in jobs], np.float64)))
    return [part for part in found if part]


def _drawn(
    file: Parsed, box: tuple[int, int, int, int], scale: float, parts: list[Part], crew: Crew
) -> Floats:
    h = file.header
    x0, y0 = math.floor(box[0] * scale), math.floor(box[1] * scale)
    width, height = (max(1, round(side * scale)) for side in box[2:])
    top = (1 << h.depth) - 1
    out = np.empty((height, width, h.channels), np.uint8 if h.depth == 8 else np.uint16)
    stride = -(-width // WIDTH) * WIDTH + WIDTH
    down, *grid = _background(file, (x0, y0, width, height), scale, stride)
    mean = np.array(file.mean, np.float32)
    add = strips.add_strips(h.channels)
    band = max(1, BAND // (stride * h.channels))
    factor, most = np.float32(top / 255), np.float32(top)

    def work(first: int, last: int) -> None:
        canvas = _aligned(min(band, last - first) * h.channels * stride + WIDTH)
        for begin in range(first, last, band):
            end = min(begin + band, last)
            high = end - begin
            smooth(canvas, stride, down[begin:end], *grid, mean, 0, high)
            for part in parts:
                if part.top <= y0 + end and part.bottom >= y0 + begin:
                    add(part.geometry, part.color, canvas, stride, 0, high, x0, y0 + begin, width)
            if h.depth == 8 and h.channels == 3:
                strips.to_bytes(canvas, stride, out, 0, high, begin)
            else:
                to_samples(canvas, stride, most, factor, out, 0, high, begin)

    crew.run(work, crew.split(_costs(parts, y0, height)))
    return out


def _aligned(count: int) -> Floats:
    """Zeros, float32, that begin where a line of the processor's cache does."""
    whole = np.zeros(count + WIDTH, np.float32)
    skip = -whole.ctypes.data % (4 * WIDTH) // 4
    return whole[skip : skip + count]


def _costs(parts: list[Part], y0: int, height: int) -> Floats:
    """[H] about how much work each row is, from every eighth Gaussian."""
    from .drawing import row_costs

    found = np.full(height, 1.0)
    for part in parts:
        found += row_costs(part.geometry[::8], y0, height)
    return found


def _background(
    file: Parsed, box: tuple[int, int, int, int], scale: float, stride: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """What `smooth` needs for a box of drawn pixels."""
    h = file.header
    down = background.taps(h.height, scale, box[1], box[3])
    across, used = _columns(h.width, scale, box[0], box[2], stride)
    # no matrix product of numpy's: its threads would go on spinning beside ours
    amplitudes = np.einsum("ijc,cd->idj", file.background * (file.step / STEP), axes(file))
    return down, np.ascontiguousarray(amplitudes, np.float32), across, used


@lru_cache(16)
def _columns(
    length: int, scale: float, first: int, count: int, stride: int
) -> tuple[Floats, Floats]:
    across = background.taps(length, scale, first, count)
    columns = np.zeros((across.shape[1], stride), np.float32)
    columns[:, :count] = across.T
    lanes = -(-count // WIDTH)
    needed = (columns[:, : lanes * WIDTH].reshape(len(columns), lanes, WIDTH) != 0).any(axis=2)
    used = np.stack([needed.argmax(axis=0), len(columns) - needed[::-1].argmax(axis=0)], axis=1)
    return columns.ravel(), used
