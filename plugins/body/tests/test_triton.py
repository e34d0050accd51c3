"""The Triton kernel in its interpreter: what the CPU draws, bit by bit."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
import numpy as np, torch
from interleaf_body.camera import Camera
from interleaf_body.raster import rasterize
from interleaf_body.raster_triton import rasterize as tiled

differ = []
for seed, cull in ((0, True), (1, False), (2, True)):
    rng = np.random.default_rng(seed)
    count = 40
    points = rng.uniform(-1, 1, (count, 3)).astype(np.float32)
    points[:, 2] = rng.uniform(-1.0 if seed % 2 else 0.5, 3, count)
    faces = rng.integers(0, count, (60, 3)).astype(np.int32)
    points[faces[0, 0]] = np.nan
    height, width = (32, 32) if seed < 2 else (21, 25)
    view = Camera(width, height, 30.0, 30.0, width / 2, height / 2, np.eye(3), np.zeros(3))
    ours = rasterize(points, faces, view, cull="back" if cull else "none", near=0.1)
    lens = (30.0, 30.0, width / 2, height / 2)
    given = torch.from_numpy(points)[None], torch.from_numpy(faces)
    ids, bary, inv_z = tiled(*given, lens, (height, width), 0.1, cull)
    differ.append({
        "ids": int((ours.face_id != ids.numpy()).sum()), "z": int((ours.inv_z != inv_z.numpy()).sum()),
        "bary": float(np.abs(ours.bary - bary.numpy()).max()), "seen": int((ours.face_id >= 0).sum()),
    })
print(json.dumps(differ))
"""


def test_tiles_are_what_the_cpu_draws():
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    env = dict(os.environ, TRITON_INTERPRET="1")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for found in json.loads(done.stdout.splitlines()[-1]):
        assert found["seen"] > 100
        assert found["ids"] == 0 and found["z"] == 0
        assert found["bary"] < 1e-5
