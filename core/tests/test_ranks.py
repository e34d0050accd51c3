"""Steps of ``Distributed`` components in several processes: one result, one writer, one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interleaf.errors import InterleafError, StepFailed
from interleaf.pipeline.monitor import Quiet
from interleaf.pipeline.plan import load_plan
from interleaf.pipeline.runner import RunOptions, RunResult, run_plan

pytest.importorskip("torch")

PIPELINE = """
version: 1
name: together
steps:
  ramp: {use: core.linear, with: {start: 0, stop: 10, length: 10}}
  rows: {use: core.tabulate, with: {points: 11}, needs: {schedule: ramp}}
  sums: {use: toy.together, with: {fails: -1, dies: -1}, needs: {x: rows}}
  kept: {use: toy.pass, needs: {x: sums}}
outputs: {}
"""


class Heard(Quiet):
    """A listener that remembers progress."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def progress(self, step: str, done: float, total: float | None, info: Any) -> None:
        """Remember it."""
        self.told.append((step, done, dict(info)))


def run(folder: Path, listener: Quiet | None = None, nproc: int = 2, **settings: Any) -> RunResult:
    file = folder / "together.yaml"
    file.write_text(PIPELINE)
    plan = load_plan(file, settings)
    options = RunOptions(store=str(folder / "store"), out=folder / "out", nproc=nproc)
    return run_plan(plan, options, listener)


def test_processes_compute_one_step_together(tmp_path: Path) -> None:
    heard = Heard()
    result = run(tmp_path, heard)
    found = result.value("kept")
    assert (found.columns["sum"], found.columns["processes"]) == ([55.0], [2])
    assert [t for t in heard.told if t[0] == "sums"] == [("sums", 1, {"sum": 30.0})]
    assert result.manifest["steps"]["sums"]["peak_mib"] > 100  # of a process that has torch
    again = run(tmp_path, nproc=1)
    assert again.manifest["steps"]["sums"]["hit"], "the number of processes is in no key"


@pytest.mark.parametrize("rank", [0, 1])
def test_the_error_of_any_process_is_the_step_s(tmp_path: Path, rank: int) -> None:
    with pytest.raises(StepFailed, match=f"process {rank} does not like it") as caught:
        run(tmp_path, **{"steps.sums.with.fails": rank})
    assert caught.value.exit_code == 3
    assert not list((tmp_path / "store" / "locks").iterdir())
    assert run(tmp_path, nproc=1).manifest["status"] == "ok"


def test_a_killed_process_ends_all_with_one_error(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="one of the processes died"):
        run(tmp_path, **{"steps.sums.with.dies": 1})


def test_what_does_not_go_with_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "together.yaml"
    file.write_text(PIPELINE)
    for options in (RunOptions(nproc=2, jobs=2), RunOptions(nproc=2, store="memory:")):
        with pytest.raises(InterleafError, match="--nproc goes with neither"):
            run_plan(load_plan(file), options)
