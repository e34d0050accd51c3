"""Which clips are learnt from: whole ones, once each, whose toes touch the floor and who face where they go.

The limits are measured on CMU's walks: the joints of two takes of one actor are 13 mm apart and more, those
of one take in two files 3 mm; toes of actors whose steps fit their skeleton touch in 0.25 to 0.55 of frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interleaf.values import Motion
from interleaf_body.skeleton import world
from interleaf_trumans.judging.measures import sliding
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.cleaning import SHAKEN, shaken
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS, Clip, facing

CONTACT = 0.25  # of toe-frames, the least
ASIDE = np.radians(30)  # between facing and going
SAME = 0.006  # metres: the median distance of joints in clips that are one take
RUN = 12  # frames that are compared


def joints_of(clip: Clip) -> Array:
    """Places [T, 22, 3] of a clip's joints."""
    return world(Motion(clip.root, clip.turns, JOINTS, PARENTS, clip.offsets, FPS))[1]


def wrong(clip: Clip) -> str:
    """What is wrong with a clip of walking, or nothing."""
    heads = joints_of(clip)
    if len(heads) < 45:
        return "shorter than 1.5 s"
    if (most := shaken(clip)) > SHAKEN:
        return f"broken frames: {most:.0f} m/s²"
    touch = sliding(heads, FPS).contact or 0.0
    if touch < CONTACT:
        return f"toes touch in {touch:.0%} of frames"
    moves = np.diff(clip.root[:, [0, 2]], axis=0)
    yaw, way = facing(clip.turns, heads)[1:], np.arctan2(moves[:, 0], moves[:, 1])
    fast = np.hypot(*moves.T) * FPS > 0.4
    off = np.abs(np.angle(np.exp(1j * (yaw - way))))[fast]
    if not fast.any() or np.median(off) > ASIDE:
        return "does not go where it faces"
    return ""


def distinct(clips: Sequence[Clip], others: Sequence[Clip] = ()) -> list[Clip]:
    """The clips that are no take of another one before them, or of ``others``."""
    kept: list[Clip] = []
    for clip in clips:
        if all(apart(clip, o) > SAME for o in (*others, *kept)):
            kept.append(clip)
    return kept


def apart(a: Clip, b: Clip) -> float:
    """How far (metres, median) the joints of ``a`` are from the most alike run of frames of ``b``."""
    one, two = _runs(a), _runs(b)
    if not (len(one) and len(two)):
        return float("inf")
    one = one[::6]
    squares = (one**2).sum(1)[:, None] + (two**2).sum(1) - 2 * one @ two.T
    return float(np.median(np.sqrt(np.maximum(squares.min(1), 0))))


def _runs(clip: Clip) -> Array:
    """Runs of frames [N, D] in the body's axes, so that lengths are mean distances of joints."""
    heads = joints_of(clip)
    yaw = facing(clip.turns, heads)
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    at = heads - heads[:, :1]
    x, z = at[..., 0] * c - at[..., 2] * s, at[..., 0] * s + at[..., 2] * c
    flat = np.stack([x, at[..., 1], z], -1).reshape(len(at), -1)
    if len(flat) < RUN:
        return np.empty((0, 0))
    view = np.lib.stride_tricks.sliding_window_view(flat, RUN, axis=0)
    return np.asarray(view.reshape(len(view), -1) / np.sqrt(RUN * len(JOINTS)))
