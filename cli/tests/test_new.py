"""``interleaf new``: what it writes installs, is clean, passes ``check`` and runs untouched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ALL = {
    "dataset": "ramps", "model": "soft", "schedule": "decay", "renderer": "shades", "evaluator": "mae",
}  # fmt: skip


def installed(folder: Path, target: Path) -> dict[str, str]:
    """Install a plugin's wheel into a folder; the environment that finds it there."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target)]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    wheel = next(target.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target / "site"), str(wheel)], check=True)
    return {"PYTHONPATH": str(target / "site")}


@pytest.fixture(autouse=True)
def instruments() -> None:
    """Skip, visibly, where the instruments that the demo pipelines use are not installed."""
    pytest.importorskip("interleaf_media", reason="interleaf-media is not installed")


@pytest.mark.parametrize("interface", [*ALL, "all", "as named"])
def test_it_passes_check_and_runs_as_it_is(interleaf, tmp_path, interface):
    chosen = ALL if interface == "all" else {interface: ALL.get(interface, "")}
    if interface == "as named":  # components called like what the code imports
        chosen = {
            "model": "model",
            "dataset": "dataset",
            "renderer": "image",
            "evaluator": "report",
        }
    words = [w for i, n in chosen.items() for w in ("--provides", f"{i}:{n}")]
    done = interleaf("new", "first-try", *words)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "here" / "interleaf-first-try"
    env = installed(folder, tmp_path / "wheels")
    listed = interleaf("list", **env).stdout
    assert all(f"first_try.{name}" in listed for name in chosen.values())
    done = interleaf("check", "first_try", **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "first_try: ok" in done.stdout
    done = interleaf("run", "first_try/demo", "--log-level", "error", **env)
    assert done.returncode == 0, done.stderr
    for tool in ("ruff", "mypy"):
        if shutil.which(tool, path=str(Path(sys.executable).parent)) is None:
            pytest.skip(f"{tool} is not installed")
    run = [sys.executable, "-m"]
    lint = ["ruff", "check", "--isolated", "--line-length", "100", "--select", "E,F,I,UP,B,SIM"]
    subprocess.run([*run, *lint, str(folder)], check=True, capture_output=True)
    form = ["ruff", "format", "--isolated", "--line-length", "100", "--check", str(folder)]
    subprocess.run([*run, *form], check=True, capture_output=True)
    types = ["mypy", "--strict", "--cache-dir", os.devnull, str(folder / "src")]
    subprocess.run([*run, *types], check=True, capture_output=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gemma"], 3, "is taken"),
        (["toy"], 3, "is taken"),
        (["3x"], 2, "cannot name a plugin"),
        (["trailing_"], 2, "cannot name a plugin"),
        (["run"], 3, "is taken"),
        (["cli"], 3, "is taken"),
        (["fine", "--provides", "model:null"], 2, "nothing that can be provided"),
        (["fine", "--provides", "model:a_1", "--provides", "dataset:a1"], 2, "one name"),
        (["fine", "--into", "nowhere"], 2, "is no folder"),
        (["../out"], 2, "cannot name a plugin"),
        (["class"], 2, "cannot name a plugin"),
        (["fine", "--provides", "gizmo:x"], 2, "nothing that can be provided"),
        (["fine", "--provides", "model:a b"], 2, "nothing that can be provided"),
        (["fine", "--provides", "model:a", "--provides", "dataset:a"], 2, "one name"),
    ],
)
def test_refusals_leave_nothing_behind(interleaf, tmp_path, words, code, said):
    done = interleaf("new", *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not list((tmp_path / "here").iterdir())


def test_an_existing_folder_is_left_alone(interleaf, tmp_path):
    interleaf("new", "mine")
    readme = tmp_path / "here" / "interleaf-mine" / "README.md"
    readme.write_text("precious")
    done = interleaf("new", "mine")
    assert done.returncode == 3 and "exists already" in done.stderr
    assert readme.read_text() == "precious"
    (tmp_path / "here" / "elsewhere").mkdir()
    assert interleaf("new", "mine", "--into", "elsewhere").returncode == 0
