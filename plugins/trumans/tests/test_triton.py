"""The GPU's kernel gives numpy's bits: compiled where there is a GPU, else in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

CHECK = """
import numpy as np, torch
from interleaf_trumans.scenes.occupancy import Box, boxes, boxes_oracle
from interleaf_trumans.scenes.occupancy_triton import boxes as triton_boxes
device = "cuda" if torch.cuda.is_available() else "cpu"
rng = np.random.default_rng(0)
total = changed = 0
cases = (((40, 50, 31), 32, 0.04), ((7, 3, 9), 5, 0.1), ((1, 1, 1), 3, 0.05), ((60, 40, 20), 17, 0.02))
for shape, n, voxel in cases:
    cells = (rng.random(shape) < 0.4).astype(np.uint8)
    origin = np.array([-0.37, -0.08, 0.21])
    count = 6
    places, yaws = np.zeros((count, 3)), rng.uniform(-4, 4, count)
    places[:, [0, 2]] = origin[[0, 2]] + rng.uniform(-0.5, 1.5, (count, 2)) * voxel * np.array(shape[:2])
    box = Box(n, 0.3, 0.6)
    # within 1e-6 of the edges of cells, on either side
    for k, push in enumerate((-1e-6, -1e-7, 0.0, 1e-7, 1e-6)):
        cell = rng.integers(0, shape[:2])
        places[k, [0, 2]] = origin[[0, 2]] + cell * voxel + 0.3 + push
        yaws[k] = (0.0, np.pi / 2, np.pi, 0.0, -np.pi / 2)[k]
    wanted = boxes_oracle(cells, origin, voxel, places, yaws, box)
    found = triton_boxes(torch.from_numpy(cells).to(device), origin, voxel, places, yaws, box).cpu().numpy()
    assert found.dtype == np.uint8 and np.array_equal(found, wanted), (shape, (found != wanted).sum())
    assert np.array_equal(boxes(cells, origin, voxel, places, yaws, box), wanted)
    moved = boxes_oracle(cells, origin, voxel, places + 3e-6, yaws, box)
    total, changed = total + wanted.size, changed + (moved != wanted).sum()
assert 0 < changed < total / 10  # points do lie at edges
empty = triton_boxes(torch.zeros(2, 2, 2, dtype=torch.uint8), origin, 0.1, np.zeros((0, 3)), np.zeros(0), box)
assert empty.shape == (0, 17, 17, 17)
print("agreed")
"""


def test_the_kernel_gives_the_bits_of_the_oracle() -> None:
    import torch

    extra = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env={**os.environ, **extra}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "agreed", done.stderr
