"""Creating an object only if it is absent: what each kind of file system offers for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from interleaf.errors import StoreError
from interleaf.pipeline.files import sibling

Create = Callable[[str, bytes], bool]


def creator(fs: AbstractFileSystem) -> Create:
    """``create(path, data)``: whether the object is new; False, and nothing changed, if there was one.

    StoreError for a file system that only looks first and then writes.
    """
    if isinstance(fs, LocalFileSystem):
        return _create_file
    base = AbstractFileSystem.pipe_file
    asked = getattr(type(fs), "_pipe_file", None) or type(fs).pipe_file
    if asked is base:
        raise StoreError(
            f"{type(fs).__name__} cannot create a file only if it is absent",
            hint="use a shared folder, S3, Google Cloud Storage or Azure",
        )

    def create(path: str, data: bytes) -> bool:
        try:
            fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        return True

    return create


def _create_file(path: str, data: bytes) -> bool:
    """A hard link appears whole, and fails where the name is taken."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    new = sibling(place)
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(new, place)
    except FileExistsError:
        return False
    finally:
        new.unlink(missing_ok=True)
    return True


def modified(info: dict[str, Any]) -> float:
    """When an object was last written, in seconds since 1970; file systems name it differently."""
    for name in ("LastModified", "mtime", "last_modified", "updated", "created"):
        found = info.get(name)
        if isinstance(found, datetime):
            return found.timestamp()
        if isinstance(found, int | float):
            return float(found)
        if isinstance(found, str):
            return datetime.fromisoformat(found).timestamp()
    return 0.0
