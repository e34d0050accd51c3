"""From quantised rows to the panels that the kernels read, and back."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import mmap

import numpy as np

from .instructions import compiled
from .products import INT4, INT8, NIBBLE_OFFSET, PANEL, header_bytes, panel_bytes

BLOCK_BYTES = 32 << 20


class Arena:
    """Memory for weights, side by side in large pages: processors read ahead within a page only."""

    def __init__(self) -> None:
        self.block, self.used = np.empty(0, np.uint8), 0

    def zeros(self, size: int) -> np.ndarray:
        """That many zero bytes, beginning at a multiple of 64."""
        if self.used + size > len(self.block):
            self.block, self.used = _large_pages(max(size, BLOCK_BYTES)), 0
        start, self.used = self.used, (self.used + size + 63) // 64 * 64
        return self.block[start : start + size]


def _large_pages(size: int) -> np.ndarray:
    block = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(block, np.uint8)


_arena = Arena()


def pack(layout: int, numbers: np.ndarray, scales: np.ndarray, group: int) -> np.ndarray:
    """Panels, uint8, of numbers [R, C] int8 (int4: −8 … 7) with scales [R, C/group] float16."""
    rows, columns = numbers.shape
    size = panel_bytes(layout, columns, group)
    panels = _arena.zeros(-(-rows // PANEL) * size).reshape(-1, size)
    _pack(layout, numbers, scales.view(np.uint16), group, panels)
    return panels


@compiled
def _pack(layout, numbers, scales, group, panels):
    rows, columns = numbers.shape
    groups = (columns + group - 1) // group
    header = header_bytes(groups)
    if layout == INT4:
        panels[:, header:] = NIBBLE_OFFSET * 17
    for r in range(rows):
        panel, lane = panels[r // PANEL], r % PANEL
        for g in range(groups):
            panel[2 * (g * PANEL + lane)] = scales[r, g] & 255
            panel[2 * (g * PANEL + lane) + 1] = scales[r, g] >> 8
        for c in range(columns):
            if layout == INT8:
                panel[header + (c // 4 * PANEL + lane) * 4 + c % 4] = np.uint8(numbers[r, c])
            else:
                at, up = header + (c // 8 * PANEL + lane) * 4 + c % 4, 4 if c % 8 >= 4 else 0
                q = np.uint8(numbers[r, c] + NIBBLE_OFFSET)
                panel[at] = (panel[at] & (0xF0 >> up)) | (q << up)


def unpack(
    layout: int, panels: np.ndarray, shape: tuple[int, int], group: int
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers and scales of panels: `pack` undone."""
    rows, columns = shape
    groups = -(-columns // group)
    header, parts = header_bytes(groups), len(panels)
    scales = panels[:, : groups * 2 * PANEL].copy().view(np.float16)
    scales = scales.reshape(parts, groups, PANEL).swapaxes(1, 2).reshape(-1, groups)
    body = panels[:, header:]
    if layout == INT4:
        body = np.stack([body & 15, body >> 4], 1).reshape(parts, 2, -1, PANEL, 4)
        body = body.transpose(0, 3, 2, 1, 4).reshape(parts * PANEL, -1).astype(np.int8) - np.int8(
            NIBBLE_OFFSET
        )
    else:
        body = (
            body.view(np.int8)
            .reshape(parts, -1, PANEL, 4)
            .swapaxes(1, 2)
            .reshape(parts * PANEL, -1)
        )
    return np.ascontiguousarray(body[:rows, :columns]), np.ascontiguousarray(scales[:rows])
