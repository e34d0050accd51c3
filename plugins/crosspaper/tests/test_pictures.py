"""The pipelines of pictures, small, on real data: what comes out, and that a killed run goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import interleaf

pytest.importorskip("torch")
pytest.importorskip("av")


@pytest.fixture
def schedules(real: Callable[[str], str]) -> dict[str, Any]:
    return {
        "images": real("images/kodak"), "pattern": "kodim01.png", "gestures": real("gesture_bvh"),
        "points": 60, "steps": 12, "seeds": [0, 1], "utterances": 1, "speech": "murmur",
    }  # fmt: skip


def test_schedules_of_one_paper_in_two_others(tmp_path: Path, schedules: dict[str, Any]) -> None:
    done = interleaf.run("crosspaper/guided-schedule", out=tmp_path, store="memory:", **schedules)
    for rate in ("rewarm", "infinite", "yours"):
        effect = done.metrics[f"pictures.psnr_difference/rate={rate}"]
        pairs = [
            done.metrics[f"score[rate={rate},seed={n}].psnr"]["value"]
            - done.metrics[f"score[rate=cosine,seed={n}].psnr"]["value"]
            for n in (0, 1)
        ]
        assert effect["value"] == pytest.approx(sum(pairs) / 2) and effect["n"] == 2
        low, high = effect["interval"]
        assert low < effect["value"] < high
    assert done.metrics["speech.sync_difference/lips=strong"]["n"] == 2
    assert "psnr_difference" in (tmp_path / "outputs" / "page.html").read_text("utf-8")


def test_a_killed_run_goes_on(tmp_path: Path, schedules: dict[str, Any]) -> None:
    schedules["steps"] = 40
    given = [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in schedules.items()]
    line = [
        sys.executable, "-m", "interleaf_cli", "--store", str(tmp_path / "store"), "run",
        "crosspaper/guided-schedule", *given, "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as told:
        first = subprocess.Popen(line, stdout=told, stderr=told)
        until = time.monotonic() + 120
        while '"finished", "step": "fit[' not in log.read_text() and time.monotonic() < until:
            assert first.poll() is None, log.read_text()[-2000:]
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
    again = subprocess.run(line, capture_output=True, text=True, timeout=240)
    assert again.returncode == 0, again.stderr[-2000:]
    steps = json.loads((tmp_path / "out" / "manifest.json").read_text())["steps"]
    hits = [s for s, told in steps.items() if s.startswith("fit[") and told["hit"]]
    assert hits and len(hits) < 8


def test_a_card_that_speaks(tmp_path: Path, real: Callable[[str], str]) -> None:
    skimage = pytest.importorskip("skimage")
    done = interleaf.run(
        "crosspaper/speaking-card", out=tmp_path, store="memory:",
        photo=str(Path(skimage.data_dir) / "astronaut.png"), voice=real("speech/jfk_16k.wav"),
        start=0.4, stop=0.6, width=128, bpp=[0.5, 1.5], card=0.5, quality=[30],
    )  # fmt: skip
    few, many = (done.metrics[f"gaussians[bpp={b}].bitrate"]["value"] for b in (0.5, 1.5))
    assert 0 < few < many
    # each file keeps to its size: 25 frames a second of 128 × 128 pixels
    assert many <= 1.5 * 128 * 128 * 25 / 1000 * 1.1
    psnr = [done.metrics[f"gaussians[bpp={b}].psnr"]["value"] for b in (0.5, 1.5)]
    assert psnr[0] < psnr[1]
    assert done.metrics["gsi_speed.pictures_per_second"]["value"] > 0
    page = (tmp_path / "outputs" / "page.html").read_text("utf-8")
    assert page.count("<video") == 3 and "synthetic" in str(
        (tmp_path / "outputs" / "video.mp4").read_bytes()
    )


def test_a_lively_room(tmp_path: Path, real: Callable[[str], str]) -> None:
    done = interleaf.run(
        "crosspaper/lively-room", out=tmp_path, store="memory:",
        scene=real("motion/scenes/aws_small_house.ply"), motion=real("motion"), body="capsule",
        width=96, height=96, at=[48, 40], frame=20, frames=4, points=60, steps=20, bpp=1.0,
    )  # fmt: skip
    assert done.metrics["moved.i1_mse"]["value"] == 0  # the loop begins at the very frame
    assert done.metrics["moved.flow_p95"]["value"] > 0.5  # and moves
    assert done.metrics["coded.bpp"]["value"] <= 1.05
    for name in ("page.html", "room.html", "film.mp4", "loop.mp4", "poster.png"):
        assert (tmp_path / "outputs" / name).stat().st_size > 500
