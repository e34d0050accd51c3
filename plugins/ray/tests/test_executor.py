"""Runs on Ray: the bytes of a run without it, whatever happens to its workers."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import interleaf
from interleaf.errors import InterleafError, StepFailed
from interleaf.pipeline.runner import RunResult

ray = pytest.importorskip("ray")

FAN = """
version: 1
name: fan
seed: 11
steps:
  data:  {use: toy.images, with: {n: 2}}
  noisy: {use: toy.noise, each: {strength: [0.1, 0.2, 0.3], seed: [1, 2]}, needs: {image: data}}
  score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
  rows:  {use: core.collect, needs: {reports: score}}
  page:  {use: toy.text, needs: {items: [rows]}}
outputs: {page: page, noisy: noisy}
"""
SLOW = """
version: 1
name: slow
steps:
  work: {use: toy.slow, call: apply, with: {units: 30, seconds: 0.1, trace: TRACE}}
  kept: {use: toy.pass, needs: {x: work}}
outputs: {kept: kept}
"""
TOGETHER = """
version: 1
name: together
steps:
  ramp: {use: core.linear, with: {start: 0, stop: 10, length: 10}}
  rows: {use: core.tabulate, with: {points: 11}, needs: {schedule: ramp}}
  sums: {use: toy.together, HOWneeds: {x: rows}}
outputs: {}
"""


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One Ray for all tests: starting it takes longer than any of them."""
    from interleaf_ray.cluster import start

    start(2)
    yield
    ray.shutdown()


def run(folder: Path, text: str, name: str, **how: Any) -> RunResult:
    file = folder / "pipeline.yaml"
    file.write_text(textwrap.dedent(text))
    how.setdefault("store", str(folder / f"store-{name}"))
    return interleaf.run(file, out=folder / name, **how)


def published(result: RunResult) -> dict[str, bytes]:
    files = sorted((result.folder / "outputs").rglob("*"))
    return {str(f.relative_to(result.folder)): f.read_bytes() for f in files if f.is_file()}


def steps(result: RunResult, *what: str) -> dict[str, Any]:
    return {n: [s[w] for w in what] for n, s in result.manifest["steps"].items()}


def test_a_run_on_ray_gives_the_bytes_and_keys_of_a_local_one(tmp_path: Path) -> None:
    here = run(tmp_path, FAN, "here")
    there = run(tmp_path, FAN, "there", executor="ray")
    assert published(here) == published(there) and len(published(here)) == 37
    assert steps(here, "key") == steps(there, "key")
    assert not any(hit for (hit,) in steps(there, "hit").values())
    assert {n: v["value"] for n, v in here.metrics.items()} == {
        n: v["value"] for n, v in there.metrics.items()
    }
    stored = [
        {p.relative_to(s): p.read_bytes() for p in s.glob("[0-9a-f][0-9a-f]/*/*") if p.is_file()}
        for s in (tmp_path / "store-here", tmp_path / "store-there")
    ]
    assert stored[0] == stored[1] and len(stored[0]) > 30


def test_what_one_began_the_other_finishes(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    run(tmp_path, FAN, "ray", store=store, executor="ray")
    again = run(tmp_path, FAN, "local", store=store)
    assert all(hit for (hit,) in steps(again, "hit").values())


def test_a_worker_killed_in_mid_step_loses_nothing(tmp_path: Path) -> None:
    trace, pids = tmp_path / "trace", set[int]()
    text = SLOW.replace("TRACE", str(trace))

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not trace.exists() or len(trace.read_text().splitlines()) < 10:
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        for pid in _workers():
            if (tmp_path / "store-ray/locks").exists() and _holds(
                pid, tmp_path / "store-ray/locks"
            ):
                pids.add(pid)
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = run(tmp_path, text, "ray", executor="ray")
    killer.join()
    assert pids, "nobody was killed"
    units = [int(line) for line in trace.read_text().splitlines()]
    assert units == list(range(1, 31)), "every unit of work was done once"
    trace.unlink()
    assert published(result) == published(run(tmp_path, text, "local"))
    assert not list((tmp_path / "store-ray" / "resume").iterdir())


def _workers() -> list[int]:
    """Processes that this user's Ray has for tasks."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"ray::" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _holds(pid: int, folder: Path) -> bool:
    """Whether a process has a file below ``folder`` open."""
    try:
        return any(
            os.readlink(f).startswith(str(folder)) for f in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:
        return False


def test_a_worker_that_is_always_lost_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interleaf_ray import executor

    monkeypatch.setattr(executor, "RETRIES", 1)  # a worker takes seconds to start
    text = TOGETHER.replace("HOW", "with: {dies: 0}, ")
    with pytest.raises(StepFailed, match="step 'sums' failed: its worker was lost 2 times"):
        run(tmp_path, text, "ray", executor="ray")


def test_the_error_of_a_step_is_the_one_a_local_run_shows(tmp_path: Path) -> None:
    text = TOGETHER.replace("HOW", "each: {fails: [-1, 0]}, ")
    told = []
    for name, executor in (("local", ""), ("ray", "ray")):
        with pytest.raises(StepFailed) as caught:
            run(tmp_path, text, name, executor=executor)
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        told.append(
            (str(caught.value), caught.value.exit_code, manifest["steps"]["sums[fails=0]"]["why"])
        )
    assert told[0] == told[1]


def test_nproc_starts_torchrun_within_a_task(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    text = TOGETHER.replace("HOW", "")
    found = run(tmp_path, text, "ray", executor="ray", nproc=2).value("sums").columns
    assert (found["sum"], found["processes"]) == ([55.0], [2])


def test_other_code_on_a_worker_is_refused(tmp_path: Path) -> None:
    from interleaf.pipeline.executors import Job
    from interleaf.pipeline.monitor import Quiet
    from interleaf.pipeline.plan import load_plan
    from interleaf.pipeline.session import Numeric, Session
    from interleaf.pipeline.store import Store
    from interleaf_ray.worker import Task, work

    file = tmp_path / "fan.yaml"
    file.write_text(FAN)
    session = Session(load_plan(file, {}), Store(tmp_path / "store"), Numeric(), Quiet())
    key = session.keys.key(session.instances["data"])
    payload = dict(session.keys.payloads["data"])
    payload["code"] = {**payload["code"], "interleaf-toy": "9.9+0"}
    found = work(Job.of(session), Task("r", "data", key[::-1], payload, 1), lambda event: None)
    assert isinstance(found, InterleafError)
    assert "code (interleaf-toy) differ" in found.message


def test_a_store_in_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InterleafError, match="Ray's workers cannot see"):
        run(tmp_path, FAN, "ray", executor="ray", store="memory:")


def test_more_cores_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InterleafError, match="asks for 64 cores"):
        run(tmp_path, FAN, "ray", executor="ray", threads=64)
