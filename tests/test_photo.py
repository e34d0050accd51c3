"""A real photograph through real plugins: scores, store hits, a killed fit, bad pictures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

import interleaf

DATA = Path(os.environ.get("INTERLEAF_DATA", Path(__file__).parents[2] / "shared" / "data"))
KODAK = DATA / "images" / "kodak"
COMMAND = (sys.executable, "-m", "interleaf_cli", "run", "gaussianimage/photo")


def command(picture: Path, out: Path, store: Path, *settings: str) -> list[str]:
    return [*COMMAND, f"image={picture}", *settings, "--out", str(out), "--store", str(store)]


@pytest.mark.skipif(not KODAK.exists(), reason=f"no {KODAK}: set INTERLEAF_DATA")
@pytest.mark.parametrize("name", ["kodim03", "kodim19"])
def test_the_score_is_that_of_the_png_it_wrote(tmp_path: Path, name: str) -> None:
    picture = KODAK / f"{name}.png"
    words = command(picture, tmp_path / "out", tmp_path / "store", "points=2000", "steps=60")
    subprocess.run(words, check=True, capture_output=True)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    written = np.asarray(Image.open(tmp_path / "out" / "outputs" / "png" / f"{name}.png"))
    psnr = peak_signal_noise_ratio(np.asarray(Image.open(picture)), written)
    assert manifest["metrics"]["score.psnr"]["value"] == pytest.approx(psnr, abs=0.01)
    assert psnr > 20


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(data.chelsea()[:200, :240]).save(tmp_path / "chelsea.png")
    return tmp_path / "chelsea.png"


def test_one_parameter_reruns_only_what_depends_on_it(tmp_path: Path, photo: Path) -> None:
    def hits(**settings: object) -> dict[str, bool]:
        result = interleaf.run(
            "gaussianimage/photo", image=photo, points=100, steps=10, out=tmp_path / "out",
            store=str(tmp_path / "store"), settings=settings,
        )  # fmt: skip
        return {name: step["hit"] for name, step in result.manifest["steps"].items()}

    assert not any(hits().values())
    assert all(hits().values())
    changed = hits(**{"steps.drawn.with.scale": 1})  # the default, said aloud
    assert all(changed.values())
    changed = hits(**{"steps.page.with.gain": 4.0})
    assert [name for name, hit in changed.items() if not hit] == ["page"]
    changed = hits(**{"steps.splats.with.color_rate": 0.03})
    assert [name for name, hit in changed.items() if hit] == ["photo"]


def test_a_killed_fit_goes_on_and_ends_the_same(tmp_path: Path, photo: Path) -> None:
    settings = ("points=4000", "steps=2500")
    whole = command(photo, tmp_path / "whole", tmp_path / "store1", *settings)
    subprocess.run(whole, check=True, capture_output=True)
    killed = command(photo, tmp_path / "killed", tmp_path / "store2", *settings)
    running = subprocess.Popen(killed, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "store2").glob("resume/*/fit.npz")):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    done = subprocess.run(killed, check=True, capture_output=True, text=True)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    first = next(e["done"] for e in events if e["event"] == "progress" and "psnr" in e)
    assert first > 20  # it did not begin again
    for name in ("page.html", "png/chelsea.png", "splats/chelsea/value.1.npy"):
        a, b = ((tmp_path / run / "outputs" / name).read_bytes() for run in ("whole", "killed"))
        assert a == b, name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cut.png", lambda good: good[: len(good) // 2], "cut.png: the picture is damaged"),
        ("text.png", lambda good: b"this is not a picture", "text.png: not a picture"),
        ("empty.png", lambda good: b"", "empty.png: the file is empty"),
    ],
)
def test_a_bad_picture_is_one_clear_error(tmp_path, photo, name, content, said) -> None:
    (tmp_path / name).write_bytes(content(photo.read_bytes()))
    words = command(tmp_path / name, tmp_path / "out", tmp_path / "store", "points=10", "steps=1")
    done = subprocess.run([*words, "--log-level", "error"], capture_output=True, text=True)
    assert done.returncode == 3 and said in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("outputs/*"))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (9, 7), (9, 7, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_odd_pictures_work(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    png = interleaf.load("media.png")(image=interleaf.Image(pixels))
    (tmp_path / "odd.png").write_bytes(png.data)
    result = interleaf.run(
        "gaussianimage/photo", image=tmp_path / "odd.png", points=30, steps=5,
        out=tmp_path / "out", store="memory:",
    )  # fmt: skip
    assert result.metrics["score.psnr"]["value"] > 0
    assert (tmp_path / "out" / "outputs" / "page.html").is_file()
