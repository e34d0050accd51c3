"""``interleaf runs`` and ``interleaf runs compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.pipeline.manifest import Manifest, read_manifest
from interleaf_cli.output import print_columns, print_json
from interleaf_cli.settings import Settings


def show_runs(folder: Path, settings: Settings) -> None:
    """Every run below ``folder``, the latest first; unreadable ones are named as such."""
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.glob("**/manifest.json")):
        try:
            manifest = read_manifest(file)
        except InvalidInput:
            manifest = {"status": "unreadable", "started": "", "pipeline": "", "seconds": None}
        wanted = ("pipeline", "started", "status", "seconds")
        rows.append({"folder": str(file.parent), **{k: manifest.get(k) for k in wanted}})
    rows.sort(key=lambda row: str(row["started"]), reverse=True)
    if settings.json:
        print_json(rows)
    elif not rows:
        print(f"no runs in {folder}")
    else:
        shown = (
            (r["started"], r["status"], r["pipeline"], f"{r['seconds'] or 0:.1f} s", r["folder"])
            for r in rows
        )
        print_columns(shown)


def show_comparison(first: Path, second: Path, settings: Settings) -> None:
    """What differs between two manifests."""
    found = compare(read_manifest(first), read_manifest(second))
    if settings.json:
        print_json(found)
        return
    if not any(found.values()):
        print("the runs do not differ")
    for part, rows in found.items():
        if rows:
            print(f"{part}:")
            print_columns([(name, _cell(a), "→", _cell(b)) for name, (a, b) in rows.items()], "  ")


def compare(a: Manifest, b: Manifest) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Pairs of values that differ, in metrics, steps (their keys), versions and seed."""
    parts: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "metrics": (_values(a["metrics"], "value"), _values(b["metrics"], "value")),
        "steps": (_values(a["steps"], "key"), _values(b["steps"], "key")),
        "versions": (a["versions"], b["versions"]),
        "run": ({"seed": a["seed"]}, {"seed": b["seed"]}),
    }
    return {
        part: {
            name: (x.get(name), y.get(name))
            for name in dict.fromkeys([*x, *y])
            if x.get(name) != y.get(name)
        }
        for part, (x, y) in parts.items()
    }


def _values(entries: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: entry[field] for name, entry in entries.items()}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:16]
