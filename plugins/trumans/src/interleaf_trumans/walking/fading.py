"""How a change fades: quintics in the share ``s`` of the time, 0 to 1, smooth to the second order.

Bollo, GDC 2018.
"""

from __future__ import annotations

from typing import TypeVar

from interleaf_trumans.scenes.surface import Array

Share = TypeVar("Share", float, Array)


def risen(s: Share) -> Share:
    """Of a rise, from 0 to 1."""
    return s**3 * (10 - 15 * s + 6 * s**2)


def offset_left(s: Share) -> Share:
    """Of an offset, from 1 to 0."""
    return 1 - risen(s)


def speed_left(s: Share) -> Share:
    """Of a speed, as a share of the offset that it would reach in the whole time."""
    return s - s**3 * (6 - 8 * s + 3 * s**2)
