"""Digests of files, folders and installed code, remembered as long as nothing has touched them."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

from interleaf.errors import InvalidInput
from interleaf.pipeline.components import digest_of
from interleaf.pipeline.files import write_json
from interleaf.registry.discovery import registry

# A file changed this recently may change again within one tick of its clock (as git's index).
SETTLED_S = 2.0
_NOT_CODE = {"__pycache__", "pipelines", "tests"}


class Fingerprints:
    """Digests of paths by content; remembered in ``folder`` by path, size, mtime and inode."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._seen: dict[tuple[str, str], str] = {}

    def of(self, path: Path) -> str:
        """A digest of a file's bytes, or of a folder's names and bytes; blind to where it lies."""
        try:
            files = list(_files(path)) if path.is_dir() else [path]
            signature = digest_of([[str(f.relative_to(path)), *_stamp(f)] for f in files])
            return self._remembered(path, signature, files)
        except OSError as error:
            raise InvalidInput(
                f"cannot read {path}: {error.strerror}", hint="check the path"
            ) from error

    def package(self, folder: Path, signature: str, files: list[Path]) -> str:
        """A digest of some files of an installed package."""
        return self._remembered(folder, signature, files)

    def _remembered(self, path: Path, signature: str, files: list[Path]) -> str:
        place = str(path.resolve())
        if (place, signature) in self._seen:
            return self._seen[place, signature]
        note = self.folder / f"{digest_of(place)}.json" if self.folder else None
        found = _read_note(note, signature) if note else ""
        if not found:
            found = _content(path, files)
            newest = max((f.stat().st_mtime for f in files), default=0.0)
            if note and newest < time.time() - SETTLED_S:
                write_json(note, {"path": place, "signature": signature, "digest": found})
        self._seen[place, signature] = found
        return found


def _read_note(note: Path, signature: str) -> str:
    try:
        data = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return ""
    fresh = isinstance(data, dict) and data.get("signature") == signature
    return str(data["digest"]) if fresh else ""


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _content(path: Path, files: list[Path]) -> str:
    if path.is_dir():
        return digest_of([[f.relative_to(path).as_posix(), digest_of_file(f)] for f in files])
    return digest_of_file(path)


def digest_of_file(file: Path) -> str:
    """BLAKE2b-128 of a file's bytes, in hexadecimal."""
    total = blake2b(digest_size=16)
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def code_of(plugins: frozenset[str], fingerprints: Fingerprints) -> dict[str, str]:
    """Distribution → version and digest of its files, for core, ``plugins`` and what they need."""
    found = _distributions(plugins)
    return {
        name: f"{version}+{_package_digest(package, fingerprints)}"
        for name, version, package in found
    }


@cache
def _distributions(plugins: frozenset[str]) -> tuple[tuple[str, str, str], ...]:
    """Triples of distribution, version and import package."""
    records = registry().records
    known = records.distributions
    wanted = ["interleaf-core", *(records.distribution_of(p) for p in sorted(plugins))]
    found: dict[str, tuple[str, str, str]] = {}
    while wanted:
        name = wanted.pop()
        if name not in known or name in found:
            continue
        found[name] = (name, *known[name])
        needs = metadata.requires(name) or []
        wanted += [r for r in known for need in needs if "extra ==" not in need and _named(need, r)]
    return tuple(sorted(found.values()))


def _named(requirement: str, distribution: str) -> bool:
    name = requirement.strip().lower().replace("_", "-")
    return (
        name.startswith(distribution.lower())
        and not name[len(distribution) :][:1].isalnum()
        and (name[len(distribution) :][:1] != "-")
    )


_packages: dict[str, str] = {}


def _package_digest(package: str, fingerprints: Fingerprints) -> str:
    """Over all files of an import package but its tests, caches and pipelines."""
    if package not in _packages:
        spec = importlib.util.find_spec(package)
        places = list(spec.submodule_search_locations or ()) if spec else []
        files = [
            f
            for p in places
            for f in _files(Path(p))
            if not _NOT_CODE & set(f.parts[len(Path(p).parts) :])
        ]
        rows = [[os.path.relpath(f, places[0]), *_stamp(f)] for f in files]
        place = Path(places[0]) if places else Path(package)
        _packages[package] = fingerprints.package(place, digest_of(rows), files)
    return _packages[package]
