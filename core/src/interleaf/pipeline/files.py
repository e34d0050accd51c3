"""Writing files so that a killed process leaves either the old content or the new, never a half."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interleaf.errors import StoreError


def sibling(path: Path) -> Path:
    """A temporary name beside ``path``, on the same file system."""
    return path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data``: temporary sibling, fsync where ``durable``, rename."""
    temporary = sibling(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, data: Any) -> None:
    """Replace ``path`` by readable JSON; NaN and infinities are refused."""
    write_atomic(path, readable(data).encode() + b"\n")


def readable(data: Any, depth: int = 2, indent: str = "") -> str:
    """JSON with one line for each entry down to ``depth`` levels of mappings."""
    if depth == 0 or not isinstance(data, dict) or not data:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    entries = [
        f"{inner}{json.dumps(str(name), ensure_ascii=False)}: {readable(value, depth - 1, inner)}"
        for name, value in data.items()
    ]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


@contextmanager
def folder_atomic(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block ends well, and vanishes otherwise."""
    temporary = sibling(path)
    with explained(path):
        temporary.mkdir(parents=True)
        try:
            yield temporary
            _sync_tree(temporary)
            replace_folder(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def replace_folder(new: Path, path: Path) -> None:
    """Rename ``new`` to ``path``; what stood there (file or folder) is removed afterwards."""
    try:
        new.rename(path)
    except OSError:
        old = sibling(path)
        path.rename(old)
        new.rename(path)
        remove(old)
    _sync(path.parent)


def remove(path: Path) -> None:
    """Delete a file or a whole folder; nothing happens when it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync_tree(folder: Path) -> None:
    for name in folder.rglob("*"):
        if name.is_file():
            _sync(name)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden folder into one clear StoreError."""
    reasons = {
        errno.ENOSPC: ("the disk is full", "free some space (interleaf store gc) and run again"),
        errno.EDQUOT: ("the disk quota is used up", "free some space (interleaf store gc)"),
        errno.EACCES: ("permission denied", "choose another place: --store DIR or --out DIR"),
        errno.EROFS: (
            "the file system is read-only",
            "choose another place: --store DIR or --out DIR",
        ),
        errno.ENOTDIR: (
            "a file stands where a folder is needed",
            "choose another --store or --out",
        ),
        errno.EEXIST: ("a file stands where a folder is needed", "choose another --store or --out"),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in reasons:
            raise
        reason, hint = reasons[error.errno]
        raise StoreError(f"E502 cannot write {path}: {reason}", hint=hint) from error
