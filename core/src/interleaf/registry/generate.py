"""Writing ``registry.toml`` from the descriptors of the installed plugins.

``python -m interleaf.registry.generate registry.toml`` renews the entries of the plugins under
``plugins/``, keeps all others (planned ones, third parties) as they stand, and copies the file into
this package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from interleaf.registry.catalogue import BUNDLED, CatalogueEntry, read_catalogue
from interleaf.registry.discovery import PluginRecord, registry

HEADER = """\
# Plugins that are known, installed or not. `make registry` renews the entries of this repository
# from their descriptors; entries of third parties and planned ones are written by hand and kept.
"""


def entry_of(record: PluginRecord) -> CatalogueEntry:
    """What a plugin's descriptor and its distribution say about it."""
    plugin = record.plugin
    assert plugin is not None
    meta = metadata.metadata(record.distribution)
    return CatalogueEntry(
        distribution=record.distribution,
        summary=plugin.summary,
        provides=tuple(c.name for c in plugin.components),
        paper=plugin.paper,
        min_core=record.version,
        api=plugin.api,
        extras=tuple(sorted(meta.get_all("Provides-Extra") or ())),
        licence=next(iter(meta.get_all("License-Expression") or ()), ""),
        status="available",
    )


def generate(file: Path, folder: Path) -> str:
    """The text of ``file`` with the entries of the plugins under ``folder`` renewed."""
    entries = read_catalogue(file) if file.exists() else {}
    ours = {p.parent.name for p in folder.glob("*/pyproject.toml")}
    for name, record in registry().records.items():
        if name in ours and record.plugin:
            entries[name] = entry_of(record)
    return HEADER + "".join(_table(name, entries[name]) for name in sorted(entries))


def _table(name: str, entry: CatalogueEntry) -> str:
    fields: Mapping[str, object] = asdict(entry)
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()]
    return f"\n[plugins.{name}]\n" + "".join(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    text = generate(target, target.resolve().parent / "plugins")
    for place in (target, BUNDLED):
        place.write_text(text, encoding="utf-8")
