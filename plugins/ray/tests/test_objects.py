"""Stores behind fsspec: what one machine computed another finds; the first of two writers wins."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

import interleaf
from interleaf.errors import CorruptData, StoreError
from interleaf.pipeline.runner import RunResult
from interleaf_ray.creating import creator
from interleaf_ray.objects import ObjectStore

TEXT = """
version: 1
name: fan
steps:
  data:  {use: toy.images, with: {n: 3}}
  noisy: {use: toy.noise, each: {strength: [0.1, 0.2]}, needs: {image: data}}
  model: {use: toy.mean, call: fit, needs: {data: noisy}}
  made:  {of: model, call: generate}
  score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
outputs: {noisy: noisy, made: made, weights: model.model}
"""
KEY = "ab" + "0" * 30


@pytest.fixture(params=["memory", "file"])
def uri(request: Any, tmp_path: Path) -> str:
    """The same tests for fsspec's memory and for a folder."""
    memory = f"memory://interleaf-{uuid.uuid4().hex}"
    return memory if request.param == "memory" else f"file://{tmp_path}/bucket"


@pytest.fixture
def machine(uri: str, tmp_path: Path) -> Callable[[str], ObjectStore]:
    """The store as a machine of that name sees it: each has a mirror of its own."""
    return lambda name: ObjectStore(uri, tmp_path / name)


def number(value: float) -> Callable[[Path], dict[str, Any]]:
    def fill(folder: Path) -> dict[str, Any]:
        (folder / "x.bin").write_bytes(str(value).encode())
        return {"x": {"$": "bytes", "file": "x.bin"}}

    return fill


def run(folder: Path, name: str, store: str, **how: Any) -> RunResult:
    file = folder / "fan.yaml"
    file.write_text(TEXT)
    return interleaf.run(file, out=folder / name, store=store, **how)


def published(result: RunResult) -> dict[str, bytes]:
    files = sorted((result.folder / "outputs").rglob("*"))
    return {str(f.relative_to(result.folder)): f.read_bytes() for f in files if f.is_file()}


def test_a_run_finds_on_another_machine_what_it_left(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = run(tmp_path, "local", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "first"))
    first = run(tmp_path, "one", uri)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "second"))
    second = run(tmp_path, "two", uri)
    assert not any(s["hit"] for s in first.manifest["steps"].values())
    assert all(s["hit"] for s in second.manifest["steps"].values())
    assert published(local) == published(first) == published(second) and published(local)


def test_the_first_of_two_writers_wins(machine: Callable[[str], ObjectStore]) -> None:
    one, two = machine("one"), machine("two")
    one.put(KEY, "s", number(1))
    two.put(KEY, "s", number(2))
    assert one.load(KEY) == two.load(KEY) == machine("three").load(KEY) == {"x": b"1"}


def test_only_one_of_many_creates(tmp_path: Path) -> None:
    create, won = creator(fsspec.filesystem("file")), list[int]()
    path = str(tmp_path / "deep" / "meta.json")

    def write(n: int) -> None:
        if create(path, b"%d" % n * 10000):
            won.append(n)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and Path(path).read_bytes() == b"%d" % won[0] * 10000
    assert [p.name for p in Path(path).parent.iterdir()] == ["meta.json"]


def test_what_was_computed_and_not_sent_is_sent_later(
    machine: Callable[[str], ObjectStore],
) -> None:
    one = machine("one")
    one._send = lambda key: None  # killed before it could
    one.put(KEY, "s", number(1))
    assert machine("two").lookup(KEY) is None
    assert machine("one").load(KEY) == {"x": b"1"}
    assert machine("two").load(KEY) == {"x": b"1"}


def test_altered_bytes_are_never_used(machine: Callable[[str], ObjectStore]) -> None:
    one = machine("one")
    one.put(KEY, "s", number(1))
    meta = json.loads(one.fs.cat_file(one._meta_path(KEY)))
    place = one._file_path(meta["files"]["x.bin"][1])
    one.fs.pipe_file(place, b"2")
    two = machine("two")
    with pytest.raises(CorruptData, match="lost or altered"):
        two.load(KEY)
    assert two.lookup(KEY) is None and not two.fs.exists(place)
    two.put(KEY, "s", number(1))
    assert machine("three").load(KEY) == {"x": b"1"}


def test_a_rotten_mirror_is_fetched_again(machine: Callable[[str], ObjectStore]) -> None:
    one = machine("one")
    one.put(KEY, "s", number(1))
    (one.folder(KEY) / "x.bin").write_bytes(b"7")
    assert one.load(KEY) == {"x": b"1"}


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"key": "another"}', b"\xff"])
def test_a_broken_entry_is_computed_again(
    machine: Callable[[str], ObjectStore], text: bytes
) -> None:
    one = machine("one")
    one.create(one._meta_path(KEY), text)
    assert one.lookup(KEY) is None and "computed again" in one.notices[0]
    one.put(KEY, "s", number(1))
    assert machine("two").load(KEY) == {"x": b"1"}


def test_garbage_is_collected(machine: Callable[[str], ObjectStore]) -> None:
    one = machine("one")
    one.put(KEY, "s", number(1))
    one.put(KEY[::-1], "t", number(2))
    assert {(e.key, e.step, e.size) for e in one.entries()} == {(KEY, "s", 1), (KEY[::-1], "t", 1)}
    assert all(e.used > 1e9 for e in one.entries())
    one.remove(KEY)
    assert one.lookup(KEY) is None and machine("two").lookup(KEY) is None
    assert one.sweep(60.0) == 0, "files this young may belong to a result that is being written"
    assert one.sweep(-60.0) == 1
    assert machine("two").load(KEY[::-1]) == {"x": b"2"}


def test_a_file_system_that_cannot_create_is_refused() -> None:
    class Plain(AbstractFileSystem):
        """Looks first and then writes, as fsspec's own class does."""

    with pytest.raises(StoreError, match="only if it is absent"):
        creator(Plain())


def test_ray_s_workers_open_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    uri = f"file://{tmp_path}/bucket"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    here = run(tmp_path, "here", str(tmp_path / "store"))
    there = run(tmp_path, "there", uri, executor="ray", jobs=2)
    assert not ray.is_initialized(), "a Ray that the run started ends with it"
    assert published(here) == published(there)
    assert not any(s["hit"] for s in there.manifest["steps"].values())
