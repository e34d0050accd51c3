"""A walk to be judged: what was asked, and the motion alone."""

from __future__ import annotations

from dataclasses import dataclass

from interleaf.values import Motion
from interleaf_trumans.scenes.surface import Array


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """``motion`` in the scene named ``scene``, asked to go from ``start`` [2] to ``goal`` [2] (x, z);
    ``seams``: frames at which its maker began a new piece."""

    scene: str
    motion: Motion
    start: Array
    goal: Array
    seams: Array
