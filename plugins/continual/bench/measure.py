"""Write ``measured.json``, which ``continual suggest`` answers from, out of finished runs.

interleaf run continual/en-en d0=… d1=… --out A; interleaf run continual/en-de d0=… d1=… --out B
python bench/measure.py A B
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "interleaf_continual" / "measured.json"


def shift(folder: Path) -> dict[str, Any]:
    """One run's shift, its forgetting, and what each fraction leaves and costs; means over seeds."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    found: dict[float, dict[str, list[float]]] = {}
    before: dict[str, list[float]] = {}
    for name, entry in manifest["metrics"].items():
        if not name.startswith("loss[fraction=") or entry["value"] is None:
            continue
        place, _, measure = name.partition("].")
        fraction = float(place.partition("fraction=")[2].partition(",")[0])
        if measure.startswith("loss_before/"):
            before.setdefault(measure.partition("/")[2], []).append(entry["value"])
        elif measure in ("forgetting", "adaptation"):
            found.setdefault(fraction, {}).setdefault(measure, []).append(entry["value"])
    mean = {f: {n: fmean(v) for n, v in row.items()} for f, row in sorted(found.items())}
    none = mean[0.0]
    seeds = len(next(iter(found.values()))["forgetting"])
    return {
        "origin": f"measured: {manifest['pipeline']}, {seeds} seeds, {manifest['started'][:10]}, a "
        "model of 115,008 parameters, bits per byte of held-out works",
        "shift": round(fmean(before["new_held"]) - fmean(before["old_held"]), 4),
        "forgotten": round(none["forgetting"], 4),
        "left": {
            str(f): round(m["forgetting"] / none["forgetting"], 4)
            for f, m in mean.items()
            if none["forgetting"] > 0
        },
        "lost": {
            str(f): round(1 - m["adaptation"] / none["adaptation"], 4) for f, m in mean.items()
        },
    }


if __name__ == "__main__":
    shifts = [shift(Path(p)) for p in sys.argv[1:]]
    TARGET.write_text(json.dumps({"shifts": shifts}, indent=1) + "\n", encoding="utf-8")
    print(TARGET.read_text(encoding="utf-8"))
