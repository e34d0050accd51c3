"""Commands are run as users run them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def interleaf(tmp_path: Path) -> Callable[..., Done]:
    """Run a command in an empty folder, with a store of the test's own; stdin is closed."""
    env = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "INTERLEAF_CATALOGUE": str(ROOT / "tests" / "toys" / "catalogue.toml"),
    }
    here = tmp_path / "here"
    here.mkdir()

    def call(*words: object, **more: str) -> Done:
        command = [sys.executable, "-m", "interleaf_cli", *map(str, words)]
        return subprocess.run(
            command, cwd=here, env={**env, **more}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    return call


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str], Path]:
    """Write a pipeline into the folder where commands run."""

    def write(text: str, name: str = "p.yaml") -> Path:
        file = tmp_path / "here" / name
        file.write_text(textwrap.dedent(text))
        return file

    return write


@pytest.fixture(scope="session")
def toys() -> None:
    """Skip, visibly, where the toy plugins are not installed."""
    names = {e.name for e in metadata.entry_points(group="interleaf.plugins")}
    if not {"toy", "toyother", "toybroken", "toyfuture"} <= names:
        pytest.skip("the toy plugins are not installed: make test")
