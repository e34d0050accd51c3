"""Numbers in files that people write."""

from __future__ import annotations

from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import BadScene


def numbers(told: Any, count: int, where: str) -> tuple[Any, ...]:
    """So many finite numbers of a list; BadScene names the place."""
    good = isinstance(told, list | tuple) and len(told) == count
    good = good and all(
        isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in told
    )
    if not good:
        raise BadScene(f"{where}: {told!r:.60}", f"{count} number{'s' * (count > 1)}")
    return tuple(float(v) for v in told)
