"""The store: results by key. A folder on disk, or memory for runs that leave nothing behind.

``ab/cdef…/meta.json`` holds an entry's trees (see :mod:`interleaf.pipeline.freeze`) and the size and
digest of each file beside it. Entries appear whole (temporary sibling, fsync, rename) or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from interleaf.errors import CorruptData, StoreError
from interleaf.pipeline.files import folder_atomic, remove, sibling
from interleaf.pipeline.fingerprint import Fingerprints
from interleaf.pipeline.freeze import Freezer, Thawer
from interleaf.pipeline.locks import locked
from interleaf.registry.hooks import load_hooks

FORMAT = 1
Meta = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as ``store du`` lists it: bytes on disk, and when it was last used (seconds)."""

    key: str
    step: str
    size: int
    used: float


def default_root() -> Path:
    """``$XDG_CACHE_HOME/interleaf/store``."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "interleaf" / "store"


class Store:
    """Results on disk under ``root``."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_root()).expanduser().absolute()
        self.fingerprints = Fingerprints(self.root / "fingerprints")
        self.notices: list[str] = []

    @property
    def uri(self) -> str:
        """What ``open_store`` opens it by in another process."""
        return str(self.root)

    def folder(self, key: str) -> Path:
        """Where the entry of ``key`` lies or would lie."""
        return self.root / key[:2] / key[2:]

    def lookup(self, key: str) -> Meta | None:
        """The entry's meta data if it is there and whole; sizes are checked, content is not yet."""
        folder = self.folder(key)
        try:
            meta: Meta = json.loads((folder / "meta.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            self._reject(key, "its meta.json cannot be read")
            return None
        fault = _fault(folder, meta)
        if fault:
            self._reject(key, fault)
            return None
        return meta if self._items_there(meta) else None

    def _items_there(self, meta: Meta) -> bool:
        keys = {k for tree in meta["ports"].values() if _is_items(tree) for k in tree["keys"]}
        return all(self.folder(k).joinpath("meta.json").exists() for k in keys)

    def _reject(self, key: str, fault: str) -> None:
        self.notices.append(
            f"the stored result {key[:8]}… is corrupt ({fault}): it is computed again"
        )
        self.remove(key)

    def load(self, key: str) -> dict[str, Any]:
        """All outputs of an entry by port; raises CorruptData, and removes it, if a byte has changed."""
        meta = self.lookup(key)
        if meta is None:
            raise CorruptData(
                f"the stored result {key} is missing or corrupt",
                hint="run again: it is computed anew",
            )
        folder = self.folder(key)

        def read(name: str) -> bytes:
            data = (folder / name).read_bytes()
            if _digest(data) != meta["files"][name][1]:
                self.remove(key)
                raise CorruptData(
                    f"the stored result {key}: {name} has changed",
                    hint="run again: it is computed anew",
                )
            return data

        for name in meta["files"]:
            if ".model/" in name:  # a model is read later, from its folder
                read(name)
        thawer = Thawer(folder, read, lambda k, port: self.load(k)[port])
        return {port: thawer.value(tree) for port, tree in meta["ports"].items()}

    def verified(self, key: str) -> bool:
        """Whether every byte of an entry is as it was written; a changed one is removed with a notice."""
        meta = self.lookup(key)
        if meta is None:
            return False
        folder = self.folder(key)
        for name, (_, digest) in meta["files"].items():
            if _digest((folder / name).read_bytes()) != digest:
                self._reject(key, f"{name} has changed")
                return False
        return True

    def put(self, key: str, step: str, fill: Callable[[Path], Mapping[str, Any]]) -> None:
        """Write an entry: ``fill`` puts files into a folder and returns the trees by port."""
        with folder_atomic(self.folder(key)) as folder:
            ports = fill(folder)
            files = {
                f.relative_to(folder).as_posix(): [f.stat().st_size, _digest(f.read_bytes())]
                for f in sorted(folder.rglob("*"))
                if f.is_file()
            }
            meta = {"format": FORMAT, "key": key, "step": step, "ports": ports, "files": files}
            text = json.dumps(meta, ensure_ascii=False, allow_nan=False)
            (folder / "meta.json").write_text(text, encoding="utf-8")
        remove(self.resume(key))

    def freeze(
        self, key: str, step: str, outputs: Mapping[str, Any], definition: Meta | None
    ) -> None:
        """Store live values by port; live models are made from ``definition``."""

        def fill(folder: Path) -> Mapping[str, Any]:
            freezer = Freezer(folder, definition, key)
            return {port: freezer.tree(value) for port, value in outputs.items()}

        self.put(key, step, fill)

    def lock(self, key: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """One process computes one key; others wait and then find it here."""
        return locked(self.root / "locks" / key, waiting)

    def resume(self, key: str) -> Path:
        """A folder that outlives a killed attempt at ``key`` and is deleted with its success."""
        return self.root / "resume" / key

    def scratch(self) -> Path:
        """A new empty folder on the store's file system, for the caller to delete."""
        folder = sibling(self.root / "scratch" / "step")
        folder.mkdir(parents=True)
        return folder

    def touch(self, key: str) -> None:
        """Remember that an entry was used now, for ``store gc``."""
        os.utime(self.folder(key))

    def entries(self) -> Iterator[Stored]:
        """Everything stored, in no order."""
        for meta_file in self.root.glob("[0-9a-f][0-9a-f]/*/meta.json"):
            folder = meta_file.parent
            size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            try:
                step = str(json.loads(meta_file.read_bytes()).get("step", "?"))
            except ValueError:
                step = "? (corrupt)"
            yield Stored(folder.parent.name + folder.name, step, size, folder.stat().st_mtime)

    def remove(self, key: str) -> None:
        """Delete an entry; a reader that is at it sees it whole or not at all."""
        folder = self.folder(key)
        gone = sibling(folder)
        try:
            folder.rename(gone)
        except OSError:
            return
        remove(gone)

    def sweep(self, older_than_s: float) -> int:
        """Delete what killed processes left behind longer ago; the number of bytes freed."""
        limit, freed = time.time() - older_than_s, 0
        leftovers = [
            *self.root.glob("[0-9a-f][0-9a-f]/.*.tmp"),
            *self.root.glob("resume/*"),
            *self.root.glob("scratch/.*"),
        ]
        for path in leftovers:
            if path.stat().st_mtime < limit:
                freed += sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
                shutil.rmtree(path, ignore_errors=True)
        return freed


class MemoryStore(Store):
    """Live values in this process; files that must exist (models) go to a temporary folder."""

    def __init__(self) -> None:
        import tempfile

        self._holder = tempfile.TemporaryDirectory(prefix="interleaf-")
        super().__init__(Path(self._holder.name))
        self._values: dict[str, dict[str, Any]] = {}

    def lookup(self, key: str) -> Meta | None:
        """The entry's ports, without trees."""
        return {"ports": dict.fromkeys(self._values[key])} if key in self._values else None

    def verified(self, key: str) -> bool:
        """Whether the entry is there: memory does not rot."""
        return key in self._values

    def load(self, key: str) -> dict[str, Any]:
        """All outputs of an entry by port."""
        return self._values[key]

    def put(self, key: str, step: str, fill: Callable[[Path], Mapping[str, Any]]) -> None:
        """Run ``fill`` in a folder of its own and read its trees back at once."""
        folder = self.folder(key)
        folder.mkdir(parents=True)
        thawer = Thawer(
            folder, lambda name: (folder / name).read_bytes(), lambda k, p: self.load(k)[p]
        )
        self._values[key] = {port: thawer.value(tree) for port, tree in fill(folder).items()}

    def freeze(
        self, key: str, step: str, outputs: Mapping[str, Any], definition: Meta | None
    ) -> None:
        """Keep the values themselves, unless a live model has to be written."""
        from interleaf.interfaces.model import Model

        if any(isinstance(v, Model) for v in outputs.values()):
            super().freeze(key, step, outputs, definition)
        else:
            self._values[key] = dict(outputs)

    def lock(self, key: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Nobody else can see this store."""
        return nullcontext()

    def touch(self, key: str) -> None:
        """Nothing is ever collected here."""


def open_store(uri: str) -> Store:
    """``memory:``, a folder, a URI that a plugin opens, or the default folder when empty."""
    if uri == "memory:":
        return MemoryStore()
    if "://" not in uri:
        return Store(Path(uri)) if uri else Store()
    found: Store | None = load_hooks().hook.open_store(uri=uri)
    if found is None:
        raise StoreError(
            f"no installed plugin opens the store {uri}", hint="use a folder: --store DIR"
        )
    return found


def _is_items(tree: Any) -> bool:
    return isinstance(tree, dict) and tree.get("$") == "items"


def _fault(folder: Path, meta: Any) -> str:
    if (
        not isinstance(meta, dict)
        or meta.get("format") != FORMAT
        or not isinstance(meta.get("ports"), dict)
    ):
        return "its meta.json has another form"
    for name, (size, _) in meta.get("files", {}).items():
        try:
            found = os.stat(folder / name).st_size
        except OSError:
            return f"{name} is missing"
        if found != size:
            return f"{name} has {found} bytes instead of {size}"
    return ""


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
