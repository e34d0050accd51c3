"""What works with numpy and numba alone."""

import subprocess
import sys

SCRIPT = """
import sys
for name in ("torch", "anny", "roma", "trimesh", "warp", "triton"):
    sys.modules[name] = None
import numpy as np
from interleaf_body.backends import body_model
from interleaf_body.bvh import parse_bvh
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.camera import framing
from interleaf_body.lines import Lines
from interleaf_body.raster import Surface, maps
from interleaf_body.retarget import onto
from interleaf_body.samples import sample_motion
from interleaf_body.viewing import page

body = body_model("auto").bake()
motion = onto(parse_bvh(Lines(format_bvh(sample_motion(2)), "clip.bvh")), body)
posed = body.posed(motion)
surface = Surface.of(body, body(np.zeros((1, 22, 3))).vertices[0].astype(np.float32))
drawn = maps(posed.vertices, surface, framing(posed.vertices, width=32, height=32))
print(int((drawn["depth"] > 0).sum()), len(page(body, posed, 30.0)))
"""


def test_files_bodies_pictures_and_pages_need_neither_torch_nor_anny():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    pixels, letters = map(int, done.stdout.split())
    assert pixels > 100 and letters > 50_000
