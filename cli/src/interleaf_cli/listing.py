"""``interleaf list``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interleaf.registry import catalogue, registry
from interleaf_cli.output import print_columns, print_json
from interleaf_cli.settings import Settings


def rows() -> list[dict[str, Any]]:
    """Every plugin that is installed or known, by name."""
    records = registry().records
    found: list[dict[str, Any]] = []
    for name in sorted({*records, *catalogue()}):
        record, entry = records.get(name), catalogue().get(name)
        row: dict[str, Any] = {"name": name, "status": entry.status if entry else "installed"}
        row["summary"] = entry.summary if entry else ""
        if record:
            row |= {
                "status": "broken",
                "version": record.version,
                "distribution": record.distribution,
            }
        if record and record.problem:
            row["problem"] = {"code": record.problem.code, "message": record.problem.message}
        if record and record.plugin:
            row |= {
                "status": "installed",
                "summary": record.plugin.summary,
                "paper": record.plugin.paper,
                "components": [c.name for c in record.plugin.components],
                "pipelines": [Path(p).stem for p in record.plugin.pipelines],
                "commands": list(record.plugin.commands),
            }
        found.append(row)
    return found


def show_list(settings: Settings) -> None:
    """Print them, the usable ones first."""
    found = rows()
    if settings.json:
        print_json(found)
        return
    for row in found:
        if row["status"] == "installed":
            print(f"{row['name']}  {row['summary']}")
            for what in ("components", "pipelines", "commands"):
                if row[what]:
                    joint = {"components": ".", "pipelines": "/", "commands": " "}[what]
                    print(f"    {what}: {', '.join(row['name'] + joint + n for n in row[what])}")
    for row in found:
        if row["status"] == "broken":
            problem = row["problem"]
            print(
                f"{row['name']}  BROKEN {problem['code']} {problem['message']}  (interleaf doctor)"
            )
    for status, title in (("available", "known, not installed"), ("planned", "planned")):
        some = [(r["name"], r["summary"]) for r in found if r["status"] == status]
        if some:
            print(f"\n{title}:")
            print_columns(some, "    ")
