"""What ``list`` shows, kept between calls while nothing that is installed has changed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMAT = 1
Rows = list[dict[str, Any]]


def cached(build: Callable[[], tuple[Rows, list[str]]]) -> Rows:
    """``build`` gives rows and the files they come from; what was kept is used while it holds.

    It holds for one interpreter and search path, while no folder of the path, no catalogue and no
    descriptor was written to. A cache that cannot be read or written costs time only.
    """
    file, stamp = _place(), _stamp()
    try:
        kept = json.loads(file.read_bytes())
        if kept["stamp"] == stamp and all(_seen(f) == mark for f, mark in kept["files"]):
            rows: Rows = kept["rows"]
            return rows
    except (OSError, ValueError, KeyError, TypeError):
        pass
    rows, files = build()
    _keep(file, {"stamp": stamp, "files": [[f, _seen(f)] for f in files], "rows": rows})
    return rows


def _place() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "interleaf" / "index.json"


def _stamp() -> list[Any]:
    """Everything that decides what is installed, without opening any of it."""
    catalogues = os.environ.get("INTERLEAF_CATALOGUE", "").split(os.pathsep)
    places = [os.path.abspath(p) for p in (*sys.path, *filter(None, catalogues))]
    return [FORMAT, sys.version, sys.executable, [[p, _seen(p)] for p in places]]


def _seen(path: str) -> list[int]:
    try:
        found = os.stat(path)
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size]


def _keep(file: Path, data: dict[str, Any]) -> None:
    temporary = file.with_name(f"index.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(data), encoding="utf-8")
        temporary.replace(file)
    except OSError:
        return
