"""Toy plugins are real distributions; without them installed these tests cannot say anything."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import interleaf
from interleaf.pipeline.runner import RunResult


@pytest.fixture(scope="session", autouse=True)
def toys() -> None:
    """Skip, visibly, when the toys are not installed."""
    names = {e.name for e in metadata.entry_points(group="interleaf.plugins")}
    if not {"toy", "toyother"} <= names:
        pytest.skip("the toy plugins are not installed: make test")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunResult]:
    """Run the steps (and outputs) of a pipeline written in a test, in a store of the test's own."""

    def run_text(text: str, **how: Any) -> RunResult:
        file = tmp_path / f"{how.pop('name', 'test')}.yaml"
        file.write_text("version: 1\n" + textwrap.dedent(text))
        how.setdefault("store", str(tmp_path / "store"))
        how.setdefault("out", tmp_path / "out")
        return interleaf.run(file, **how)

    return run_text
