"""Motion drawn for windows of clips never trained on, against what happened there (README, Measured).

    python plugins/followclick/bench/realism.py [WEIGHTS] [WINDOWS] [CACHE]

Needs INTERLEAF_DATA. WEIGHTS: a folder (default: the package's); WINDOWS: at most so many of each clip.
The pipeline followclick/checks prints the same table.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from interleaf.interfaces import Context
from interleaf_followclick.clips import Clips
from interleaf_followclick.components import SHIPPED, FlowWarp
from interleaf_followclick.config import ClipsConfig, FlowWarpConfig, RealismConfig
from interleaf_followclick.evaluating.components import Realism

FRESH = ("sam2_blocks", "carphone_pristine", "sintel_demo")


def main(weights: str, windows: int, cache: str) -> None:
    """The table, a line for each generator."""
    root = str(Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "video")
    seen = Clips(ClipsConfig(root=root, without=(*FRESH, "carphone_distorted"), cache=cache))
    fresh = Clips(ClipsConfig(root=root, only=FRESH, cache=cache))
    model = FlowWarp(FlowWarpConfig(weights=weights, motion="learned"))
    report = Realism(RealismConfig(windows=windows)).evaluate(model, seen, fresh, Context())
    table = report.tables[0]
    print(table.caption)
    for row in table.rows:
        print("  ".join(f"{k} {v}" for k, v in row.items() if v is not None))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        given[0] if given else str(SHIPPED),
        int(given[1]) if len(given) > 1 else 50,
        given[2] if len(given) > 2 else "",
    )
