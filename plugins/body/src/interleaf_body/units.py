"""Units of length of motion files, which do not say them."""

from __future__ import annotations

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.quaternions import Array

# "cmu": what the Carnegie Mellon files are written in, inches divided by 0.45.
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "foot": 0.3048, "cmu": 0.0254 / 0.45}
# Lengths of a whole body as written, feet to head, and the unit in which they are a person's.
RANGES = (("m", 0.4, 3.2), ("foot", 3.2, 10.0), ("cmu", 20.0, 44.0), ("inch", 44.0, 110.0),
          ("cm", 110.0, 320.0), ("mm", 400.0, 3200.0))  # fmt: skip


def metres_per_unit(unit: str, reach: float, name: str) -> float:
    """The factor to metres. ``auto`` goes by ``reach``, the size of the skeleton as written.

    Raises InvalidInput where the size is not a person's in any unit.
    """
    if unit != "auto":
        if unit not in METRES:
            raise InvalidInput(f"no unit '{unit}'", hint=f"auto, {', '.join(METRES)}")
        return METRES[unit]
    for guess, low, high in RANGES:
        if low <= reach < high:
            return METRES[guess]
    raise InvalidInput(
        f"{name}: a skeleton of {reach:.4g} units is not a person's size in any known unit",
        hint=f"say the unit: {', '.join(METRES)}",
    )


def reach(offsets: Array, parents: tuple[int, ...]) -> float:
    """How long the longest chain of bones between two tips is (feet to head, hand to hand)."""
    down = np.zeros(len(parents))
    best = 0.0
    for j in range(len(parents) - 1, 0, -1):
        length = down[j] + float(np.linalg.norm(offsets[j]))
        best = max(best, down[parents[j]] + length)
        down[parents[j]] = max(down[parents[j]], length)
    return best
