"""The GPU's kernel against the definition: compiled where there is a GPU, else in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

CHECK = """
import numpy as np, torch
from interleaf_followclick.splatting import splat_reference
from interleaf_followclick.splatting_triton import splat
device = "cuda" if torch.cuda.is_available() else "cpu"
rng = np.random.default_rng(0)
for h, w in ((1, 1), (3, 50), (13, 17)):
    values = rng.uniform(0, 255, (h, w, 2)).astype(np.float32)
    weight = np.where(rng.random((h, w)) < 0.3, 0, rng.random((h, w))).astype(np.float32)
    moved = rng.normal(0, 4, (2, h, w)).astype(np.float32)
    given = [torch.from_numpy(a).to(device) for a in (values, weight, moved)]
    found = splat(*given, (2, 1), (15, 40))
    for a, b in zip(found, splat_reference(values, weight, moved, (2, 1), (15, 40)), strict=True):
        np.testing.assert_allclose(a.cpu().numpy(), b, rtol=1e-4, atol=1e-3)
print("agreed")
"""


def test_the_kernel_is_the_definition() -> None:
    import torch

    extra = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env={**os.environ, **extra}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "agreed", done.stderr
