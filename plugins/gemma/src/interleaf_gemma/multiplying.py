"""Many tokens times a matrix through the kernels."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interleaf_gemma.kernels.products import PANEL, make_many_ready, multiply
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
    ready = room.vector(columns, min(len(x), TOKENS))
    for first in range(0, len(x), TOKENS):
        some, to = padded[first : first + TOKENS], out[first : first + TOKENS]
        make_many_ready(layout, some, columns, group, ready)

        def work(part: int, to: np.ndarray = to) -> None:
            multiply(
                layout, at, rows, columns, group, ready, to.ctypes.data, 4 * to.shape[1], len(to),
                part, threads, 1,
            )  # fmt: skip

        in_team(work, threads)
    return torch.from_numpy(out[:, :rows])
