"""Feet that stay where they stand: a toe on the floor is held, and let go smoothly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, SOLE
from interleaf_trumans.walking.fading import offset_left, speed_left

RELEASE = int(0.25 * FPS)  # frames in which a foot comes back to its clip
FAR = 0.22  # metres: a foot held farther from its clip is let go
ASTRAY = 0.05  # metres: a standing foot farther off takes a step
LIFT = 0.045  # metres, of that step
STEP = int(0.4 * FPS)


@dataclass(frozen=True, slots=True)
class Foot:
    """A foot's state. ``held``: where its toe stands (x, z), or None; ``shift`` and ``drift``: metres off its
    clip, and per frame, when it was let go; ``since``: frames since then; ``free`` until contact ends;
    ``lift``: how high it is raised on its way."""

    held: tuple[float, float] | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    drift: tuple[float, float] = (0.0, 0.0)
    since: int = RELEASE
    span: int = RELEASE
    free: bool = False
    lift: float = 0.0


def fade(since: int, span: int) -> tuple[float, float]:
    """The shares of an offset and of its speed (times ``span``) that are left; smooth to the second order."""
    return (0.0, 0.0) if since >= span else (offset_left(since / span), speed_left(since / span))


def held(
    feet: tuple[Foot, Foot], toes: Array, contact: Array, standing: Array
) -> tuple[Array, tuple[Foot, Foot]]:
    """How far [T, 2, 3] each foot is moved, and the state afterwards. ``toes`` [T, 2, 3] as the clip
    has them, in the world; ``contact`` [T, 2]; ``standing`` [T]: the body rests, feet that are
    astray step home."""
    shifts = np.zeros_like(toes)
    now = list(feet)
    for t in range(len(toes)):
        for k in (0, 1):
            place = (float(toes[t, k, 0]), float(toes[t, k, 2]))
            other = now[1 - k].held is not None
            now[k], shift = _next(now[k], place, bool(contact[t, k]), bool(standing[t]) and other)
            shifts[t, k] = shift
    shifts[..., 1] += np.maximum(
        SOLE - 0.005 - (toes[..., 1] + shifts[..., 1]), 0
    )  # not through the floor
    return shifts, (now[0], now[1])


def _next(
    foot: Foot, place: tuple[float, float], contact: bool, may_step: bool
) -> tuple[Foot, Array]:
    if foot.held is not None:
        dx, dz = foot.held[0] - place[0], foot.held[1] - place[1]
        far = float(np.hypot(dx, dz))
        if contact and far <= FAR and not (may_step and far > ASTRAY):
            return Foot(
                held=foot.held, shift=(dx, dz), drift=(dx - foot.shift[0], dz - foot.shift[1])
            ), np.array([dx, 0.0, dz])
        foot = Foot(shift=(dx, dz), drift=(0.0, 0.0) if contact else foot.drift, since=0, free=contact,
                    span=STEP if contact else RELEASE, lift=LIFT if contact else 0.0)  # fmt: skip
    since = foot.since + 1
    a, b = fade(since, foot.span)
    dx, dz = (s * a + d * foot.span * b for s, d in zip(foot.shift, foot.drift, strict=True))
    rise = foot.lift * float(np.sin(np.pi * min(since / foot.span, 1.0)))
    free = foot.free and contact and since < foot.span
    if contact and not free and (since >= foot.span or not foot.free) and rise < 1e-9:
        landed = (place[0] + dx, place[1] + dz)
        return Foot(held=landed, shift=(dx, dz)), np.array([dx, 0.0, dz])
    return Foot(None, foot.shift, foot.drift, since, foot.span, free, foot.lift), np.array(
        [dx, rise, dz]
    )
