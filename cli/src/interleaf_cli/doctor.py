"""``interleaf doctor``: what this interpreter sees, and what is wrong."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import interleaf
from interleaf.errors import CHECK_FAILED, OK
from interleaf.pipeline.store import default_root
from interleaf.plugin import API
from interleaf.registry import registry
from interleaf_cli.output import print_columns, print_json, size
from interleaf_cli.settings import Settings


def show_doctor(settings: Settings) -> int:
    """Print facts and faults; 5 when there are faults."""
    facts, plugins = _facts(settings), _plugins()
    faults = [fault for fault in (_store_fault(Path(facts["store"])),) if fault]
    faults += [fault for plugin in plugins for fault in plugin["faults"]]
    if settings.json:
        print_json({"facts": facts, "plugins": plugins, "faults": faults})
    else:
        print_columns(list(facts.items()))
        print("\nplugins:")
        print_columns([(p["name"], p["version"], p["place"]) for p in plugins], "  ")
        print("\n" + ("\n".join(faults) if faults else "no faults found"))
    return CHECK_FAILED if faults else OK


def _facts(settings: Settings) -> dict[str, str]:
    store = Path(settings.store) if settings.store else default_root()
    nearest = next(p for p in (store, *store.absolute().parents) if p.exists())
    return {
        "python": f"{sys.version.split()[0]} {sys.executable}",
        "interleaf": f"{interleaf.__version__} {Path(interleaf.__file__).parent}, API {API}",
        "processors": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "store": str(store),
        "room": f"{size(shutil.disk_usage(nearest).free)} free",
        "torch": "installed" if find_spec("torch") else "not installed (optional)",
    }


def _processors() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _store_fault(store: Path) -> str:
    nearest = next(p for p in (store, *store.absolute().parents) if p.exists())
    if os.access(nearest, os.W_OK):
        return ""
    return f"the store {store} cannot be written\n    name another one: --store DIR"


def _plugins() -> list[dict[str, Any]]:
    found = []
    for record in registry().records.values():
        spec = find_spec(record.module.partition(".")[0])
        place = str(Path(spec.origin).parent) if spec and spec.origin else "?"
        faults = [str(record.problem)] if record.problem else []
        if record.printed:
            faults.append(
                f"{record.name}: prints when it is imported: {record.printed!r}\n"
                f"    this is a fault of {record.distribution}: report it to its authors"
            )
        for module in record.plugin.requires if record.plugin else ():
            if find_spec(module) is None:
                faults.append(
                    f"{record.name}: the module '{module}' is missing\n    pip install {record.distribution}"
                )
        found.append(
            {"name": record.name, "version": record.version, "place": place, "faults": faults}
        )
    return found
