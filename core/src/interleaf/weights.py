"""Weights files of others: found by name, held to their size and sha256, never downloaded.

A plugin lists the files it can use in a ``weights.toml`` beside its code:

    [squeezenet1_1]
    file = "squeezenet1_1-b8a52dc0.pth"
    sha256 = "b8a52dc0..."
    bytes = 4966400            # optional
    licence = "BSD-3-Clause"   # optional
    source = "torchvision"     # optional: who publishes it

The search goes from the path a user names, through the folders in ``INTERLEAF_WEIGHTS``, to the cache
of torch's hub. A file of the right name with other bytes is told and never used.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing, did_you_mean

FOLDERS = "INTERLEAF_WEIGHTS"
_KEYS = {"file": str, "sha256": str, "bytes": int, "licence": str, "source": str}
_seen: dict[tuple[str, int, int, int], str] = {}  # digests of files, while they do not change


@dataclass(frozen=True, slots=True)
class Weights:
    """One file: its name, sha256 in hex, size in bytes (0: not known), terms and publisher."""

    name: str
    file: str
    sha256: str
    bytes: int = 0
    licence: str = ""
    source: str = ""

    @property
    def label(self) -> str:
        """What a result says of the weights it was computed with: ``name:sha256:first 12 digits``."""
        return f"{self.name}:sha256:{self.sha256[:12]}"


def read_weights(manifest: Path) -> dict[str, Weights]:
    """The entries of a ``weights.toml`` by name; raises CorruptData with what is wrong in it."""
    try:
        tables = tomllib.loads(manifest.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorruptData(f"{manifest}: {error}") from error
    return {name: _entry(manifest, name, table) for name, table in tables.items()}


def _entry(manifest: Path, name: str, table: object) -> Weights:
    place = f"{manifest}: [{name}]"
    if not isinstance(table, dict):
        raise CorruptData(f"{place} is not a table")
    for key, value in table.items():
        if key not in _KEYS:
            raise CorruptData(f"{place} has an unknown key '{key}'", hint=did_you_mean(key, _KEYS))
        if type(value) is not _KEYS[key]:
            raise CorruptData(f"{place} {key} = {value!r}: expected {_KEYS[key].__name__}")
    if not re.fullmatch("[0-9a-f]{64}", table.get("sha256", "")):
        raise CorruptData(f"{place} sha256 must be 64 lower-case hexadecimal digits")
    if Path(table.get("file", "")).name != table.get("file") or not table["file"]:
        raise CorruptData(f"{place} file must be a plain file name")
    return Weights(name, **table)


def find_weights(wanted: Weights, path: Path | str | None = None) -> Path:
    """The file with exactly these bytes, on this machine.

    With ``path`` (a file, or a folder that holds ``wanted.file``) only that place is looked at.
    Raises WeightsMissing (exit code 4) with the file's name, size and sha256, the places that were
    searched, and what was found there instead.
    """
    others = []
    for place in _places(wanted, path):
        if place.is_file():
            wrong = _mismatch(wanted, place)
            if not wrong:
                return place
            others.append(f"{place} is another file: {wrong}")
    raise WeightsMissing(_missing(wanted, others), hint=_hint(wanted, path))


def weights_named(known: Mapping[str, Weights], name: str) -> Weights:
    """The entry of that name; raises InvalidInput with the nearest one."""
    if name not in known:
        raise InvalidInput(f"no weights are called '{name}'", hint=did_you_mean(name, known))
    return known[name]


def _places(wanted: Weights, path: Path | str | None) -> Iterator[Path]:
    if path is not None:
        given = Path(path).expanduser()
        yield given / wanted.file if given.is_dir() else given
        return
    for folder in os.environ.get(FOLDERS, "").split(os.pathsep):
        if folder:
            yield Path(folder).expanduser() / wanted.file
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
    yield home / "hub" / "checkpoints" / wanted.file


def _mismatch(wanted: Weights, place: Path) -> str:
    size = place.stat().st_size
    if wanted.bytes and size != wanted.bytes:
        return f"{size:,} bytes"
    digest = sha256_of(place)
    return "" if digest == wanted.sha256 else f"sha256 {digest}"


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in hex; kept in this process while the file does not change."""
    stat = file.stat()
    seen = (str(file.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    if seen not in _seen:
        with file.open("rb") as stream:
            _seen[seen] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _seen[seen]


def _missing(wanted: Weights, others: list[str]) -> str:
    size = f", {wanted.bytes:,} bytes" if wanted.bytes else ""
    lines = [f"weights '{wanted.name}' are not here: {wanted.file}{size}, sha256 {wanted.sha256}"]
    return "\n    ".join(lines + others)


def _hint(wanted: Weights, path: Path | str | None) -> str:
    terms = ", ".join(filter(None, (wanted.source, wanted.licence)))
    whence = f" (from {terms})" if terms else ""
    if path is not None:
        return f"give the path of that file{whence}; nothing is downloaded"
    return f"put it into a folder and set {FOLDERS} to it{whence}; nothing is downloaded"
