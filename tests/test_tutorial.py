"""docs/tutorial.md, followed to the letter in an empty folder: its files written, its commands run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
DATA = Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data")).resolve()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that sees what is installed here; nothing is installed into this one."""
    folder = tmp_path_factory.mktemp("afternoon")
    pytest.importorskip("interleaf_gaussianimage")
    venv.create(folder / "venv", with_pip=False)
    here, python = sysconfig.get_path("purelib"), folder / "venv" / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "venv" / "lib" / version / "site-packages"
    (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    offline = "--no-deps --no-build-isolation --quiet --disable-pip-version-check"
    shims = {
        "pip": f'{sys.executable} -m pip --python {python} "$@" {offline}',
        "interleaf": f'{python} -m interleaf_cli "$@"',
    }
    for name, line in shims.items():
        (site.parents[2] / "bin" / name).write_text(f"#!/bin/sh\nexec {line}\n")
        (site.parents[2] / "bin" / name).chmod(0o755)
    _share_bodies(folder / "cache" / "interleaf")
    return folder


def _share_bodies(cache: Path) -> None:
    """What is baked once for all (a minute's work) is taken from this user's own cache."""
    here = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "interleaf" / "body"
    cache.mkdir(parents=True)
    if here.exists():
        (cache / "body").symlink_to(here)


def shell(place: Path, line: str) -> subprocess.CompletedProcess[str]:
    path = f"{place / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(place / "cache")}
    (place / "work").mkdir(exist_ok=True)
    return subprocess.run(
        line, shell=True, cwd=place / "work", env=env, capture_output=True, text=True, timeout=300
    )


def test_following_the_tutorial_gives_a_plugin_that_passes_and_takes_part(place: Path) -> None:
    done = dict[str, subprocess.CompletedProcess[str]]()
    for language, title, body in BLOCK.findall(TEXT):
        if title:
            file = place / "work" / title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body)
        elif language == "bash":
            for line in body.splitlines():
                command, _, told = line.partition("  # exits ")
                done[line] = shell(place, command)
                wanted, said = int(told or 0), done[line].stdout + done[line].stderr
                assert done[line].returncode == wanted, f"{line}\n{said[-3000:]}"
    failed = done["interleaf check restarts   # exits 5"].stderr
    for check in ("never_turns", "stays_between_its_ends", "pipelines_are_valid"):
        assert check in failed
    assert re.search(r"\b\d\d checks", done["interleaf check restarts"].stdout)
    assert (place / "work" / "second" / "outputs" / "plot.svg").exists()
    assert (place / "work" / "compared" / "outputs" / "page.html").stat().st_size > 10_000


def test_it_is_measured_by_the_pipeline_of_others(place: Path) -> None:
    pytest.importorskip("interleaf_crosspaper")
    pytest.importorskip("interleaf_vlogger")
    if not (DATA / "images" / "kodak").exists():
        pytest.skip(f"no test data at {DATA}")
    small = "points=200 steps=20 seeds=[0,1] utterances=1 pattern=kodim03.png speech=murmur"
    line = next(x for x in TEXT.splitlines() if x.startswith("interleaf validate crosspaper/"))
    told = f"images={DATA / 'images' / 'kodak'} gestures={DATA / 'gesture_bvh'} {small} --out ours"
    ran = shell(place, f"{line.replace('validate', 'run')} {told}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    metrics = (place / "work" / "ours" / "manifest.json").read_text()
    assert "rate=yours" in metrics
