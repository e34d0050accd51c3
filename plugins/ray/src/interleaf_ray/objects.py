"""A store behind fsspec: results in a bucket, mirrored on this machine as they are needed.

``files/<digest>`` holds each file under the BLAKE2b-128 of its bytes, ``ab/cdef….json`` the meta data
of the result ``abcdef…``. Files are written first, the meta data last and only if it is absent, so
that a result is visible whole or not at all, and the first of two writers wins.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from interleaf.errors import CorruptData, InterleafError, StoreError
from interleaf.pipeline.files import folder_atomic
from interleaf.pipeline.fingerprint import digest_of_file
from interleaf.pipeline.store import Meta, Store, Stored, default_root
from interleaf_ray.creating import creator, modified


class ObjectStore(Store):
    """Results at ``uri``; ``root`` is this machine's mirror of them."""

    def __init__(self, uri: str, mirror: Path | None = None) -> None:
        name = blake2b(uri.encode(), digest_size=8).hexdigest()
        super().__init__(mirror or default_root().parent / "mirror" / name)
        self._uri = uri.rstrip("/")
        try:
            self.fs, self.base = url_to_fs(self._uri, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise StoreError(
                f"cannot open the store {uri}: {error}",
                hint="fsspec needs a package for each kind of store: pip install s3fs, gcsfs, adlfs",
            ) from error
        self.create = creator(self.fs)
        self._seen: dict[str, Meta] = {}

    @property
    def uri(self) -> str:
        """What it was opened by."""
        return self._uri

    def lookup(self, key: str) -> Meta | None:
        """The meta data at the far end; a whole result that only the mirror has is put there first."""
        if key not in self._seen:
            meta = self._far(key) or self._sent(key)
            if meta is None or not self._items_there(meta):
                return None
            self._seen[key] = meta
        return self._seen[key]

    def load(self, key: str) -> dict[str, Any]:
        """All outputs by port; what the mirror lacks, or has other bytes of, is fetched first."""
        self._fetch(key)
        return super().load(key)

    def verified(self, key: str) -> bool:
        """Whether a result is there, fetched and whole."""
        if self.lookup(key) is None:
            return False
        try:
            self._fetch(key)
        except CorruptData:
            return False
        return True

    def put(self, key: str, step: str, fill: Callable[[Path], Mapping[str, Any]]) -> None:
        """Write a result to the mirror and send it; another machine's that was there first stands."""
        super().put(key, step, fill)
        self._seen.pop(key, None)
        with self._reached():
            self._send(key)

    def touch(self, key: str) -> None:
        """Remember in the mirror that a result was used; objects keep the time they were made."""
        if self.folder(key).exists():
            os.utime(self.folder(key))

    def remove(self, key: str) -> None:
        """Delete a result here and at the far end; its files go with the next ``sweep``."""
        self._seen.pop(key, None)
        super().remove(key)
        try:
            self.fs.rm_file(self._meta_path(key))
        except FileNotFoundError:
            return

    def entries(self) -> Iterator[Stored]:
        """Everything at the far end; ``used`` is when it was made."""
        for path, info in self._listed(""):
            if path.endswith(".json"):
                meta = json.loads(self.fs.cat_file(path))
                size = sum(n for n, _ in meta["files"].values())
                yield Stored(meta["key"], meta["step"], size, modified(info))

    def sweep(self, older_than_s: float) -> int:
        """Delete files that no result has and that are older; what killed runs left in the mirror."""
        limit, freed = time.time() - older_than_s, super().sweep(older_than_s)
        used = {
            digest
            for path, _ in self._listed("")
            if path.endswith(".json")
            for _, digest in json.loads(self.fs.cat_file(path))["files"].values()
        }
        for path, info in self._listed("files"):
            if "".join(path.rsplit("/", 2)[-2:]) not in used and modified(info) < limit:
                self.fs.rm_file(path)
                freed += int(info["size"] or 0)
        return freed

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Faults of the network, the bucket or its keys become one StoreError."""
        try:
            yield
        except (FileNotFoundError, InterleafError):
            raise
        except Exception as error:  # each kind of store has errors of its own
            raise StoreError(
                f"the store {self._uri} cannot be used: {type(error).__name__}: {error}",
                hint="check its name, your credentials and the network",
            ) from error

    def _items_there(self, meta: Meta) -> bool:
        trees = [t for t in meta["ports"].values() if isinstance(t, dict) and t.get("$") == "items"]
        return all(self.lookup(k) is not None for tree in trees for k in tree["keys"])

    def _meta_path(self, key: str) -> str:
        return f"{self.base}/{key[:2]}/{key[2:]}.json"

    def _file_path(self, digest: str) -> str:
        return f"{self.base}/files/{digest[:2]}/{digest[2:]}"

    def _listed(self, under: str) -> list[tuple[str, dict[str, Any]]]:
        found = self.fs.find(f"{self.base}/{under}".rstrip("/"), detail=True)
        return sorted(found.items())

    def _far(self, key: str) -> Meta | None:
        try:
            with self._reached():
                text = self.fs.cat_file(self._meta_path(key))
        except FileNotFoundError:
            return None
        meta = _read(text)
        if meta.get("key") == key and {"ports", "files", "step"} <= meta.keys():
            return meta
        self.notices.append(
            f"the stored result {key[:8]}… at {self._uri} is corrupt: computed again"
        )
        self.fs.rm_file(self._meta_path(key))
        return None

    def _sent(self, key: str) -> Meta | None:
        """A result that was computed here and, because this process was killed, not sent."""
        meta = Store.lookup(self, key)  # of the mirror alone
        files = meta["files"].items() if meta else ()
        if meta is None or any(_digest(self.folder(key) / n) != d for n, (_, d) in files):
            return None
        with self._reached():
            self._send(key)
        return self._far(key)

    def _send(self, key: str) -> None:
        folder = self.folder(key)
        text = (folder / "meta.json").read_bytes()
        for name, (size, digest) in json.loads(text)["files"].items():
            path = self._file_path(digest)
            if not (self.fs.exists(path) and self.fs.size(path) == size):
                self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self.fs.put_file(str(folder / name), path)
        self.create(self._meta_path(key), text)

    def _fetch(self, key: str) -> None:
        """Make the mirror's entry that of the far end, file by file, each checked by its digest."""
        meta = self.lookup(key)
        if meta is None:
            return  # ``load`` says so
        folder = self.folder(key)
        missing = {n: d for n, (_, d) in meta["files"].items() if _digest(folder / n) != d}
        if not missing and (folder / "meta.json").exists():
            return
        with folder_atomic(folder) as new:
            for name, (_, digest) in meta["files"].items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                if name in missing:
                    self._get(key, digest, new / name)
                else:
                    shutil.copyfile(folder / name, new / name)
            (new / "meta.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")

    def _get(self, key: str, digest: str, place: Path) -> None:
        path = self._file_path(digest)
        try:
            self.fs.get_file(path, str(place))
        except FileNotFoundError:
            pass
        if _digest(place) != digest:
            self.remove(key)
            if self.fs.exists(path):
                self.fs.rm_file(path)
            raise CorruptData(
                f"the stored result {key} at {self._uri} has lost or altered files",
                hint="run again: it is computed anew",
            )


def _read(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _digest(file: Path) -> str:
    return digest_of_file(file) if file.is_file() else ""
