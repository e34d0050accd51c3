"""The same YAML on one process and on two (gloo), killed and gone on with on another number of them.

Tolerance: 1e-4 of each loss over 24 steps; two processes add the same numbers in another order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import interleaf
import interleaf_continual

TEXT = Path(interleaf_continual.__file__).with_name("example.txt")
PIPELINE = f"""
version: 1
name: stages
seed: 7
steps:
  old:  {{use: continual.text, with: {{path: {TEXT}, part: valid, document: 512}}}}
  new:  {{use: continual.text, with: {{path: {TEXT}, part: train, document: 512}}}}
  warm: {{use: continual.rewarm, with: {{peak: 1e-2, floor: 1e-3, steps: 12}}}}
  base: {{use: continual.gpt, with: {{preset: tiny, layers: 1, width: 16, heads: 2, context: 16}}}}
  lm:
    use: continual.trainer
    call: fit
    with:
      stages: [{{steps: 12}}, {{steps: 12, replay: 0.25}}]
      window: 16
      batch: 8
      log_every: 1
      checkpoint_every: 1
    needs: {{model: base, data: [old, new], lr: warm}}
outputs: {{log: lm.log}}
"""


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Of one undisturbed process."""
    return run(tmp_path_factory.mktemp("one"), 1)


def written(folder: Path) -> Path:
    file = folder / "stages.yaml"
    file.write_text(PIPELINE)
    return file


def run(folder: Path, nproc: int) -> list[float]:
    store, out = str(folder / "store"), folder / "out"
    result = interleaf.run(written(folder), out=out, store=store, nproc=nproc, threads=1)
    found: list[float] = result.value("lm.log").columns["loss"]
    return found


def test_two_processes_draw_the_same_curve(tmp_path: Path, losses: list[float]) -> None:
    assert run(tmp_path, 2) == pytest.approx(losses, rel=1e-4)


def test_killed_on_two_processes_and_gone_on_with_on_one(
    tmp_path: Path, losses: list[float]
) -> None:
    command = [sys.executable, "-m", "interleaf_cli", "run", str(written(tmp_path)), "--nproc", "2"]
    command += [
        "--store",
        str(tmp_path / "store"),
        "--out",
        str(tmp_path / "out"),
        "--threads",
        "1",
    ]
    mark = {**os.environ, "STARTED_BY": str(tmp_path)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=mark
    )
    try:
        wait_for(tmp_path / "store", process)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    for _ in range(600):  # the others notice, and leave
        if not alive(f"STARTED_BY={tmp_path}"):
            break
        time.sleep(0.1)
    assert not alive(f"STARTED_BY={tmp_path}"), "a process has outlived the run"
    assert run(tmp_path, 1) == pytest.approx(losses, rel=1e-4)


def wait_for(store: Path, process: subprocess.Popen[Any]) -> None:
    """Until there is a checkpoint of at least three steps."""
    for _ in range(6000):
        found = sorted(store.glob("resume/*/stage-*/step-*/state.json"))
        if found and int(found[-1].parent.name[5:]) >= 3:
            return
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.1)
    raise AssertionError("no checkpoint after ten minutes")


def alive(mark: str) -> list[str]:
    """Processes whose environment holds ``mark``."""
    if not Path("/proc").is_dir():
        return []
    told = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in text:
            told.append(folder.name)
    return told
