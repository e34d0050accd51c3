"""Walks with broken frames, which are not walked with.

The limit is measured on CMU's walks: joints of whole ones accelerate by up to 133 m/s², those of broken ones
by 188 to 2,098. What is done in place may be quicker (kicks reach 180 and are whole), and is played as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interleaf.values import Motion
from interleaf_body.skeleton import world
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS, Clip

SHAKEN = 150.0  # m/s²: the most of any joint in a walk


def places(clip: Clip) -> Array:
    """Where the joints [T, 22, 3] of a clip are."""
    return world(Motion(clip.root, clip.turns, JOINTS, PARENTS, clip.offsets, FPS))[1]


def shaken(clip: Clip) -> float:
    """The greatest acceleration of any joint, m/s²."""
    if len(clip.root) < 3:
        return 0.0
    moves = np.diff(places(clip), n=2, axis=0)
    return float(np.linalg.norm(moves, axis=-1).max() * FPS**2)


def whole(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """The clips to walk with, and the walks that are broken; all, where every walk is."""
    broken = [c for c in clips if c.action == "walk" and shaken(c) > SHAKEN]
    if len(broken) == sum(c.action == "walk" for c in clips):
        return list(clips), []
    return [c for c in clips if not any(c is b for b in broken)], broken
