"""The store: whole entries or none, corruption noticed, locks released by death."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from interleaf.errors import CorruptData, StoreError
from interleaf.pipeline import files
from interleaf.pipeline.fingerprint import Fingerprints
from interleaf.pipeline.freeze import Freezer
from interleaf.pipeline.store import MemoryStore, Store

KEY = "ab" + "0" * 30


@pytest.fixture(params=[Store, MemoryStore])
def store(request, tmp_path):
    return Store(tmp_path / "store") if request.param is Store else MemoryStore()


def test_what_was_put_is_found(store):
    assert store.lookup(KEY) is None
    store.freeze(KEY, "step", {"x": np.arange(3), "y": "text"}, None)
    assert store.lookup(KEY) is not None and store.verified(KEY)
    found = store.load(KEY)
    assert found["y"] == "text" and found["x"].tolist() == [0, 1, 2]


def test_a_failed_write_leaves_nothing(tmp_path):
    store = Store(tmp_path)

    def fill(folder):
        (folder / "half.bin").write_bytes(b"half")
        raise RuntimeError("killed here")

    with pytest.raises(RuntimeError):
        store.put(KEY, "step", fill)
    assert store.lookup(KEY) is None
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_second_write_replaces_the_first(tmp_path):
    store = Store(tmp_path)
    store.freeze(KEY, "step", {"x": 1}, None)
    store.freeze(KEY, "step", {"x": 2}, None)
    assert store.load(KEY) == {"x": 2}


@pytest.mark.parametrize("damage", ["truncate", "delete", "meta", "meta_form"])
def test_a_damaged_entry_is_noticed_at_lookup(tmp_path, damage):
    store = Store(tmp_path)
    store.freeze(KEY, "step", {"x": np.arange(9)}, None)
    value = store.folder(KEY) / "value.1.npy"
    if damage == "truncate":
        value.write_bytes(value.read_bytes()[:-1])
    elif damage == "delete":
        value.unlink()
    else:
        (store.folder(KEY) / "meta.json").write_text("{" if damage == "meta" else "[]")
    assert store.lookup(KEY) is None
    assert "computed again" in store.notices[0]
    assert not store.folder(KEY).exists()


def test_a_flipped_byte_is_noticed_at_load(tmp_path):
    store = Store(tmp_path)
    store.freeze(KEY, "step", {"x": np.arange(9)}, None)
    value = store.folder(KEY) / "value.1.npy"
    data = bytearray(value.read_bytes())
    data[-1] ^= 1
    value.write_bytes(bytes(data))
    with pytest.raises(CorruptData):
        store.load(KEY)
    assert store.lookup(KEY) is None


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission denied")]
)
def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch, number, said):
    store = Store(tmp_path)

    def full(self, text, **how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(StoreError, match=said):
        store.freeze(KEY, "step", {"x": 1}, None)
    monkeypatch.undo()
    assert store.lookup(KEY) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_within_an_array_is_the_same_error(tmp_path):
    store = Store(tmp_path)

    def fill(folder):
        (folder / "value.1.npy").symlink_to("/dev/full")
        return {"x": Freezer(folder, None, KEY).tree(np.zeros(100_000))}

    with pytest.raises(StoreError, match=r"E502 .*the disk is full"):
        store.put(KEY, "step", fill)
    assert store.lookup(KEY) is None and not list(tmp_path.glob("ab/*"))


HOLD = """
import sys, time
from pathlib import Path
from interleaf.pipeline.store import Store
with Store(Path(sys.argv[1])).lock(sys.argv[2], lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_dies_with_its_process(tmp_path):
    store = Store(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), KEY], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    waited = []

    def waiting():
        waited.append(True)
        child.send_signal(signal.SIGKILL)

    with store.lock(KEY, waiting):
        assert waited
    child.wait()
    assert not list((tmp_path / "locks").iterdir())


def test_entries_sizes_and_sweep(tmp_path):
    store = Store(tmp_path)
    store.freeze(KEY, "step", {"x": np.zeros(1000)}, None)
    (entry,) = store.entries()
    assert entry.key == KEY and entry.step == "step" and entry.size > 8000
    orphan = store.resume("cd" + "1" * 30)
    orphan.mkdir(parents=True)
    (orphan / "half").write_bytes(b"1234")
    assert store.sweep(3600) == 0
    assert store.sweep(-1) == 4 and not orphan.exists()


def test_write_atomic_keeps_the_old_content_on_failure(tmp_path, monkeypatch):
    place = tmp_path / "file"
    files.write_atomic(place, b"old")

    def broken(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreError):
        files.write_atomic(place, b"new")
    assert place.read_bytes() == b"old" and list(tmp_path.iterdir()) == [place]


def test_a_fingerprint_is_of_content_not_of_path(tmp_path):
    prints = Fingerprints(tmp_path / "notes")
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"same")
    b.write_bytes(b"same")
    assert prints.of(a) == prints.of(b)
    b.write_bytes(b"SAME")
    assert Fingerprints(tmp_path / "notes").of(b) != prints.of(a)


def test_a_settled_fingerprint_is_remembered_and_renewed_on_change(tmp_path):
    file, notes = tmp_path / "a", tmp_path / "notes"
    file.write_bytes(b"one")
    old = time.time() - 60
    os.utime(file, (old, old))
    first = Fingerprints(notes).of(file)
    assert len(list(notes.iterdir())) == 1
    file.write_bytes(b"two")
    assert Fingerprints(notes).of(file) != first


def test_a_folder_is_its_names_and_contents(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name / "inner"
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"x")
    prints = Fingerprints(None)
    first = prints.of(tmp_path / "one")
    assert first == prints.of(tmp_path / "two")
    (tmp_path / "two" / "inner" / "x").rename(tmp_path / "two" / "inner" / "y")
    assert first != Fingerprints(None).of(tmp_path / "two")
