"""``interleaf store``."""

from __future__ import annotations

import re
import time
from collections import defaultdict

from interleaf.pipeline.store import Store, open_store
from interleaf_cli.output import print_columns, print_json, size
from interleaf_cli.settings import Settings, UsageError

DAY = 86400.0


def _store(settings: Settings) -> Store:
    if settings.store == "memory:":
        raise UsageError("memory: ends with its process", hint="--store DIR")
    return open_store(settings.store)


def show_path(settings: Settings) -> None:
    """Print the store's folder, or its URI."""
    print(_store(settings).uri)


def show_usage(settings: Settings) -> None:
    """Print bytes by step, the largest first."""
    by_step: dict[str, list[int]] = defaultdict(list)
    for entry in _store(settings).entries():
        by_step[re.split(r"[\[/]", entry.step)[0]].append(entry.size)
    rows = sorted(((sum(s), len(s), step) for step, s in by_step.items()), reverse=True)
    if settings.json:
        print_json([{"step": step, "bytes": total, "entries": n} for total, n, step in rows])
        return
    print_columns([(size(total), str(n), step) for total, n, step in rows])
    print(
        f"{size(sum(r[0] for r in rows))} in {sum(r[1] for r in rows)} results, {_store(settings).uri}"
    )


def collect_garbage(settings: Settings, days: float, dry_run: bool) -> None:
    """Delete results that were not used for ``days``, and what killed runs left behind."""
    store, limit = _store(settings), time.time() - days * DAY
    old = [entry for entry in store.entries() if entry.used < limit]
    freed = sum(entry.size for entry in old)
    if not dry_run:
        for entry in old:
            store.remove(entry.key)
        freed += store.sweep(max(days, 1.0) * DAY)
    if settings.json:
        print_json({"entries": len(old), "bytes": freed, "deleted": not dry_run})
        return
    print(f"{'would free' if dry_run else 'freed'} {size(freed)} in {len(old)} results")
