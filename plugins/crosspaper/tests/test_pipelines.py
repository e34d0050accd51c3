"""Every pipeline is known, valid and drawn without anything heavy, and names only what its extra brings."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from interleaf.pipeline.yaml12 import Loader
from interleaf_crosspaper.plugin import PLUGIN

NAMES = [Path(p).stem for p in PLUGIN.pipelines]
HERE = Path(__file__).parents[1]
WHAT_TORCH_BRINGS = ["torch", "numpy", "scipy", "numba", "transformers"]


def document(name: str) -> Any:
    text = files("interleaf_crosspaper").joinpath("pipelines", f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=Loader)


def test_the_plugin_holds_yaml_and_its_descriptor_alone() -> None:
    source = HERE / "src" / "interleaf_crosspaper"
    kinds = {
        p.suffix or p.name
        for p in source.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert kinds == {".py", ".yaml", ".typed"} and not PLUGIN.components
    assert sorted(p.name for p in source.rglob("*.py")) == ["__init__.py", "plugin.py"]


@pytest.mark.parametrize("command", ["validate", "graph"])
@pytest.mark.parametrize("name", NAMES)
def test_validated_and_drawn_without_torch(name: str, command: str) -> None:
    code = (
        "import sys\nfrom interleaf_cli.entry import main\n"
        f"sys.argv = ['interleaf', {command!r}, 'crosspaper/{name}']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('heavy:', [m for m in {WHAT_TORCH_BRINGS} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "heavy: []" in done.stdout
    if command == "graph":
        steps = document(name)["steps"]
        assert all(step in done.stdout for step in steps), "a step is missing in the drawing"


@pytest.mark.parametrize("name", NAMES)
def test_its_extra_names_every_plugin_it_uses(name: str) -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == ["interleaf-core~=0.1.0"]  # no paper comes uninvited
    brought = {
        d.split("[")[0].split("~")[0].removeprefix("interleaf-")
        for d in project["optional-dependencies"][name]
    }
    steps = document(name)["steps"].values()
    used = {str(s["use"]).split(".")[0] for s in steps if "use" in s} - {"core"}
    assert used <= brought
