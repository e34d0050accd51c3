"""The plugin alone: numpy, SciPy, scikit-image and Pillow do what it says without any extra."""

import importlib.metadata
import subprocess
import sys

ALONE = """
import sys

import importlib.util

ABSENT = "av cv2 imageio_ffmpeg torch torchvision numba piq kornia lpips".split()

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

there = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in ABSENT else there(name)
sys.meta_path.insert(0, Absent())

import numpy as np
import interleaf
from interleaf.errors import ProblemsFound
from interleaf.values import Image
from interleaf_media.clips import example_frames

picture = np.random.default_rng(0).integers(0, 256, (170, 170, 3), np.uint8)
found = interleaf.load("media.fidelity")(subject=Image(picture), reference=Image(picture // 2))
assert len(found.measures) == 3 and all(m.value is not None for m in found.measures)
clip = example_frames(3)
for codec in ("gif", "apng", "npz"):
    assert interleaf.load("media.write_video", codec=codec)(frames=clip).data
interleaf.load("media.contact_sheet")(frames=clip)
for ref, inputs, extra in (
    ("media.write_video", {"frames": clip}, "video"),
    ("media.flow", {"frames": clip}, "flow"),
    ("media.augment", {"frames": clip}, "torch"),
):
    try:
        interleaf.load(ref)(**inputs)
    except ProblemsFound as error:
        assert f"interleaf-media[{extra}]" in str(error) and error.exit_code == 4, error
    else:
        raise AssertionError(ref)
print("well")
"""


def test_it_works_alone():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.stdout.strip() == "well", done.stderr


def test_nothing_heavy_is_required():
    required = importlib.metadata.requires("interleaf-media") or []
    base = {
        r.split(">")[0].split("~")[0].split("=")[0].strip() for r in required if "extra ==" not in r
    }
    assert base <= {
        "interleaf-core",
        "numpy",
        "pillow",
        "pypng",
        "scipy",
        "scikit-image",
        "tifffile",
    }
