"""Wheels into an empty environment; what an import loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIGHT = (
    "core", "cli", "plugins/media", "plugins/pages", "plugins/gaussianimage", "plugins/scaling",
    "plugins/openrisk", "plugins/continual",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of everything that needs no torch."""
    out = tmp_path_factory.mktemp("dist")
    for project in LIGHT:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
        subprocess.run([*command, str(ROOT / project)], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def empty(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheels and what they ask for."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--find-links", str(wheels)]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    papers = ["interleaf-gaussianimage", "interleaf-scaling", "interleaf-continual[plot]"]
    subprocess.run([*pip, *constraints, "interleaf", *papers], check=True)
    return folder / "bin"


def clean(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


def test_the_wheels_install_and_work(empty: Path, tmp_path: Path) -> None:
    def call(*words: str) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True, check=True
        )
        return done.stdout

    listed = call(str(empty / "interleaf"), "list")
    assert "gaussianimage.fit" in listed and "BROKEN" not in listed
    assert "torch" not in call(str(empty / "pip"), "list")
    where = "import interleaf_scaling as s; print(s.__path__[0])"
    runs = call(str(empty / "python"), "-c", where).strip() + "/example.csv"
    words = ("--group", "A", "--params", "1e9", "--tokens", "2e10")
    assert "loss" in call(str(empty / "interleaf"), "scaling", "predict", runs, *words)
    call(str(empty / "interleaf"), "run", "continual/schedules", "--out", "rates")
    assert (tmp_path / "rates" / "outputs" / "plot.svg").stat().st_size > 10_000
    replay = "from interleaf_continual.replay import ReplayMix as R; c = R.examples(); o = c['calls']['open']"
    replay += "[0]; print(R(c['configs'][0]).open(**o).batch(10**9, 10**9 + 2).shape)"
    assert call(str(empty / "python"), "-c", replay).strip() == "(2, 17)"
    photo = call(str(empty / "python"), "-c", "import skimage; print(skimage.data_dir)").strip()
    ran = call(
        str(empty / "interleaf"), "run", "gaussianimage/photo", f"image={photo}/coffee.png",
        "points=200", "steps=20", "--out", "out",
    )  # fmt: skip
    assert re.search(r"score\.psnr +\d\d\.\d+ dB", ran)
    assert (tmp_path / "out" / "outputs" / "page.html").stat().st_size > 100_000
    assert "no faults found" in call(str(empty / "interleaf"), "doctor")


GATED = """\
version: 1
steps:
  photo: {use: media.images, with: {root: PHOTO}}
  fit: {use: gaussianimage.fit, with: {points: 50, steps: 2}, needs: {image: photo}}
  gate: {use: openrisk.gate, with: {folder: ".", today: "2026-06-01"}}
outputs:
  weights: {from: fit, gate: gate}
"""


def test_a_gate_whose_plugin_is_absent_lets_nothing_out(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GATED.replace("PHOTO", str(tmp_path)))
    command = [str(empty / "interleaf"), "run", "p.yaml", "--out", "out"]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 4 and "E202" in done.stderr and "openrisk" in done.stderr
    assert not (tmp_path / "out" / "outputs").exists()


def test_the_path_of_a_stranger(empty: Path, wheels: Path, tmp_path: Path) -> None:
    """A plugin of one's own, as a wheel, beside ours in a clean environment, in one pipeline."""

    def call(*words: object) -> str:
        done = subprocess.run(
            list(map(str, words)), cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call(empty / "interleaf", "new", "soften", "--provides", "model:blur")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run([*build, str(tmp_path / "interleaf-soften")], check=True, capture_output=True)
    constraints = ["-c", str(ROOT / "constraints.txt")]
    pip = [str(empty / "pip"), "install", "--quiet", *constraints, "--find-links", str(wheels)]
    wheel = next(tmp_path.glob("interleaf_soften-*.whl"))
    subprocess.run([*pip, "interleaf-core[testing]", str(wheel)], check=True, capture_output=True)
    (tmp_path / "both.yaml").write_text(
        "version: 1\nsteps:\n"
        "  photo: {use: media.sample, with: {name: coffee}}\n"
        "  soft: {use: soften.blur, with: {radius: 1}, needs: {image: photo}}\n"
        "  splats: {use: gaussianimage.fit, with: {points: 50, steps: 5}, needs: {image: soft}}\n"
        "  drawn: {use: gaussianimage.draw, needs: {splats: splats}}\n"
        "  score: {use: media.fidelity, needs: {subject: drawn, reference: soft}}\n"
        "  page: {use: pages.page, needs: {items: [drawn], reference: soft}}\n"
        "outputs: {page: page}\n"
    )
    assert "soften.blur" in call(empty / "interleaf", "list")
    assert "valid, 6 steps" in call(empty / "interleaf", "validate", "both.yaml")
    ran = call(empty / "interleaf", "run", "both.yaml", "--out", "out")
    assert "score.psnr" in ran and (tmp_path / "out" / "outputs" / "page.html").is_file()
    assert "soften: ok" in call(empty / "interleaf", "check", "soften")


def test_contributing_works_as_printed(empty: Path, wheels: Path, tmp_path: Path) -> None:
    """The commands of "a plugin in an afternoon", in the clean environment."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## A plugin in an afternoon")[2]
    commands = text.split("```")[1].strip().splitlines()
    assert [c.split()[0] for c in commands] == ["interleaf", "pip", "interleaf", "interleaf"]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    pip = [str(empty / "pip"), "install", "--quiet", *constraints, "--find-links", str(wheels)]
    wanted = ["interleaf-core[testing]", "hatchling", "editables"]
    subprocess.run([*pip, *wanted], check=True, capture_output=True)
    env = clean(tmp_path) | {"PATH": f"{empty}:{os.environ['PATH']}"}
    # the tools to build with are here already: nothing is fetched
    env |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    for command in commands:
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stdout + done.stderr)
    assert "blur.blur" in done.stdout


def test_importing_interleaf_loads_nothing_heavy() -> None:
    code = "import interleaf, sys; print({'numpy', 'torch', 'pydantic', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
