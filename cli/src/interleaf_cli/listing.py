"""``interleaf list``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from interleaf_cli.index import cached
from interleaf_cli.output import print_columns, print_json


def rows() -> tuple[list[dict[str, Any]], list[str]]:
    """Every plugin that is installed or known, by name, and the files that say so."""
    from interleaf.registry import catalogue, registry

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
    modules = (sys.modules.get(r.module) for r in records.values())
    return found, [str(m.__file__) for m in modules if m and m.__file__]


def show_rows(*, as_json: bool) -> None:
    """Print them, the usable ones first."""
    found = cached(rows)
    if as_json:
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
