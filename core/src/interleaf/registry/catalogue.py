"""Plugins that are known, installed or not: the copy of ``registry.toml`` inside this package."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput

BUNDLED = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One plugin of the catalogue; ``status`` is ``available`` or ``planned``."""

    distribution: str
    summary: str = ""
    provides: tuple[str, ...] = ()
    paper: str = ""
    min_core: str = ""
    api: int = 0
    extras: tuple[str, ...] = ()
    licence: str = ""
    status: str = "available"


@cache
def catalogue() -> Mapping[str, CatalogueEntry]:
    """Known plugins by name: ours, then those of the files in ``INTERLEAF_CATALOGUE``."""
    files = [
        BUNDLED,
        *(Path(p) for p in os.environ.get("INTERLEAF_CATALOGUE", "").split(os.pathsep) if p),
    ]
    entries: dict[str, CatalogueEntry] = {}
    for file in files:
        entries.update(read_catalogue(file))
    return entries


def read_catalogue(file: Path) -> dict[str, CatalogueEntry]:
    """The entries of one catalogue file; raises InvalidInput naming the file and the entry."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8")).get("plugins", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{file}: not a readable catalogue ({error})",
            hint="INTERLEAF_CATALOGUE lists TOML files like registry.toml",
        ) from error
    if not isinstance(raw, dict):
        raise InvalidInput(f"{file}: 'plugins' must hold one table for each plugin")
    return {name: _entry(file, name, table) for name, table in raw.items()}


def _entry(file: Path, name: str, table: Any) -> CatalogueEntry:
    known = {f.name for f in fields(CatalogueEntry)}
    if not isinstance(table, dict) or "distribution" not in table or not set(table) <= known:
        raise InvalidInput(
            f"{file}: [plugins.{name}] needs 'distribution' and may have {', '.join(sorted(known))}"
        )
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return CatalogueEntry(**values)
