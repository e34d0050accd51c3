"""The release's norm.npy: the least and greatest places in windows, by the text of (frames, 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interleaf_trumans.paper.windows import Norm
from interleaf_trumans.release.pickles import read_objects
from interleaf_trumans.scenes.surface import BadScene

HINT = "norm.npy of the release: {'(16, 3)': (min [3], max [3])}"


def read_norm(file: Path, window: int = 16) -> Norm:
    """For windows of so many frames; BadScene names what is there instead."""
    if not file.is_file():
        raise BadScene(f"{file}: no such file", HINT)
    held: Any = read_objects(file)
    if not isinstance(held, dict) or str((window, 3)) not in held:
        keys = ", ".join(map(str, held)) if isinstance(held, dict) else type(held).__name__
        raise BadScene(f"{file}: no '{(window, 3)}', but {keys}", HINT)
    try:
        low, high = (np.asarray(v, float).reshape(3) for v in held[str((window, 3))])
    except (TypeError, ValueError) as error:
        raise BadScene(f"{file}: '{(window, 3)}' is no pair of places ({error})", HINT) from None
    if not (np.isfinite(low).all() and (low < high).all()):
        raise BadScene(f"{file}: from {low} to {high}", HINT)
    return Norm(low, high)
