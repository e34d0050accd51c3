"""Clips made many: mirrored, slower and faster, bent along lanes, and around boxes that stand in the lane.

A copy follows its *lane*, the line that it would be asked to walk along. Without a box the lane is the copy's
own path; with one, the lane is straight, the box stands on it, and the copy bends around the box and comes
back. Feet stand still while the path is bent, as when clips are played (`walking.feet`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_trumans.motion.frames import Poses, path
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking import feet as standing_feet
from interleaf_trumans.walking import legs
from interleaf_trumans.walking.clips import FPS, Clip, library, mirrored, yaw_turn
from interleaf_trumans.walking.fading import risen

RATES = (0.85, 1.2)  # of the clip's own speed
SPACING = 0.05  # metres between the points of a lane
BEYOND = 3.5  # metres that a lane goes on behind its clip
CLEAR = (0.30, 0.45)  # metres between a bent path and the box that it goes around
WIDTH = (0.1, 0.5)  # metres that a box reaches from its lane to the side on which it is passed


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """``poses`` [T]; ``place`` [T, 2] and ``yaw`` [T] of the root; ``lane`` [K, 2] every ``SPACING`` metres,
    ``at`` [T]: its point nearest to each frame; ``box``: x, z, yaw, half width, half depth, or None."""

    poses: Poses
    place: Array
    yaw: Array
    lane: Array
    at: Array
    box: Array | None


def copies(
    clips: Sequence[Clip], offsets: Array, *, count: int, around: float, seed: int
) -> list[Copy]:
    """``count`` copies of each clip and of its mirror image; the share ``around`` of them go around boxes."""
    out = []
    for number, clip in enumerate(clips):
        for side, one in enumerate((clip, mirrored(clip))):
            own = _own(one)
            for k in range(count):
                rng = np.random.default_rng([seed, number, side, k])
                plain = k == 0
                slow = own if plain else timed(own, float(rng.uniform(*RATES)))
                if not plain and rng.random() < around:
                    out.append(detoured(slow, offsets, rng))
                else:
                    turn = np.zeros(len(slow)) if plain else wandering(len(slow), rng)
                    out.append(_along(placed(slow, turn, offsets)))
    return out


def _own(clip: Clip) -> Poses:
    frames = library([clip], mirror=False)
    return Poses(frames.turns, frames.height, frames.step, frames.contact.astype(float))


def timed(own: Poses, rate: float) -> Poses:
    """The frames played at another speed."""
    at = np.arange(0, len(own) - 1 + 1e-9, rate)
    low = np.minimum(at.astype(int), len(own) - 2)
    share = at - low
    a, b = own.turns[low], own.turns[low + 1]
    sign = np.where((a * b).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    turns = quat.normalised(a + (b * sign - a) * share[:, None, None])
    height = own.height[low] * (1 - share) + own.height[low + 1] * share
    step = own.step[np.minimum(np.ceil(at - 1e-9).astype(int), len(own) - 1)] * rate
    return Poses(turns, height, step, own.contact[np.round(at).astype(int)])


def wandering(count: int, rng: np.random.Generator) -> Array:
    """Turns [T] a frame, smooth: mostly up to 0.5 rad/s, sometimes a sharp bend of up to 1.5 rad/s."""
    wide = 12
    noise = rng.normal(0, 1, count + 4 * wide)
    kernel = np.exp(-0.5 * (np.arange(-2 * wide, 2 * wide + 1) / wide) ** 2)
    smooth = np.convolve(noise, kernel / np.sqrt((kernel**2).sum()), "valid")[:count]
    turn = smooth * rng.choice([0.15, 0.5, 0.8])
    if rng.random() < 0.4:
        middle, half = rng.uniform(0, count), rng.uniform(8, 25)
        bump = np.clip(1 - np.abs(np.arange(count) - middle) / half, 0, 1)
        turn += rng.choice([-1, 1]) * rng.uniform(0.8, 1.5) * bump * bump * (3 - 2 * bump)
    return np.asarray(turn / FPS)


def placed(own: Poses, turn: Array, offsets: Array) -> tuple[Poses, Array, Array]:
    """The frames turned by ``turn`` [T] more, feet held where they stand; places and yaws."""
    step = own.step.copy()
    step[:, 2] += turn
    place, yaw = path(step)
    world = own.turns.copy()
    world[:, 0] = quat.multiply(yaw_turn(yaw), own.turns[:, 0])
    root = np.stack([place[:, 0], own.height, place[:, 1]], 1)
    toes = legs.leg_chain(world, offsets)[2][3] + root[:, None]
    free = (standing_feet.Foot(), standing_feet.Foot())
    shift, _ = standing_feet.held(free, toes, own.contact > 0.5, np.zeros(len(own), bool))
    turns = legs.stepped(world, offsets, shift)
    turns[:, 0] = own.turns[:, 0]
    return Poses(turns, own.height, step, own.contact), place, yaw


def _along(made: tuple[Poses, Array, Array]) -> Copy:
    own, place, yaw = made
    lane, walked = resampled(extended(place))
    return Copy(
        own,
        place,
        yaw,
        lane,
        np.minimum((walked[: len(place)] / SPACING).astype(int), len(lane) - 1),
        None,
    )


def extended(place: Array) -> Array:
    """A path with a straight end of ``BEYOND`` metres."""
    way = place[-1] - place[max(len(place) - 16, 0)]
    size = float(np.linalg.norm(way))
    way = way / size if size > 0.02 else np.array([0.0, 1.0])
    return np.concatenate([place, (place[-1] + way * BEYOND)[None]])


def resampled(points: Array) -> tuple[Array, Array]:
    """Points every ``SPACING`` metres of a line, and how far along it each given point is."""
    walked = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    at = np.arange(0.0, walked[-1], SPACING)
    line = np.stack([np.interp(at, walked, points[:, k]) for k in (0, 1)], 1)
    return line, walked


def detoured(own: Poses, offsets: Array, rng: np.random.Generator) -> Copy:
    """A copy that goes around a box in its straight lane, along +z, by the side ``side``."""
    walked = np.cumsum(np.hypot(own.step[:, 0], own.step[:, 1]))
    side = float(rng.choice([-1, 1]))
    width, deep = float(rng.uniform(*WIDTH)), float(rng.uniform(0.15, 0.6))
    clear = float(rng.uniform(*CLEAR))
    aside = width + clear
    rise = float(rng.uniform(0.9, 1.5)) * (0.7 + 0.6 * aside)
    hold = 2 * deep + float(rng.uniform(0.1, 0.3))
    first = float(rng.uniform(-0.8 * (rise + hold), walked[-1] - 0.3))
    mid = first + rise + hold / 2

    def across(s: Array) -> Array:
        """Metres aside, ``s`` metres along the lane: up, level, down."""
        up = np.clip((s - first) / rise, 0, 1)
        down = np.clip((s - first - rise - hold) / rise, 0, 1)
        return np.asarray(side * aside * (risen(up) - risen(down)))

    heading = _headings(across, walked)
    own_path, own_yaw = path(own.step)
    moves = np.diff(own_path, axis=0, prepend=np.zeros((1, 2)))
    gone = np.unwrap(np.arctan2(moves[:, 0], moves[:, 1]))
    gone = _softened(np.where(np.hypot(*moves.T) * FPS > 0.3, gone, own_yaw))
    turn = np.diff(heading - gone, prepend=heading[0] - gone[0])
    made, place, yaw = placed(own, turn, offsets)
    start = np.array([across(np.zeros(1))[0], 0.0])
    place, yaw = _turned(place, yaw, float(heading[0] - gone[0]))
    place = place + start
    other = width + float(rng.uniform(0.0, 0.6))
    low, high = (-other, width) if side > 0 else (-width, other)
    box = np.array([(low + high) / 2, mid, 0.0, (high - low) / 2, deep])
    length = float(place[-1, 1]) + BEYOND
    lane = np.stack(
        [np.zeros(int(length / SPACING)), np.arange(int(length / SPACING)) * SPACING], 1
    )
    at = np.clip((place[:, 1] / SPACING).astype(int), 0, len(lane) - 1)
    return Copy(made, place, yaw, lane, at, box)


def _headings(across: Callable[[Array], Array], walked: Array) -> Array:
    """The yaw [T] of a path that is ``across(s)`` aside, at arc lengths ``walked``."""
    s = np.arange(-0.5, walked[-1] + 1.0, 0.01)
    x = across(s)
    long = np.r_[0.0, np.cumsum(np.hypot(np.diff(x), np.diff(s)))]
    long -= np.interp(0.0, s, long)
    yaw = np.arctan2(np.gradient(x), np.gradient(s))
    return np.interp(walked, long, yaw)


def _softened(values: Array, wide: int = 8) -> Array:
    padded = np.pad(values, wide, mode="edge")
    return np.convolve(padded, np.full(2 * wide + 1, 1 / (2 * wide + 1)), "valid")


def _turned(place: Array, yaw: Array, angle: float) -> tuple[Array, Array]:
    """A path turned about its beginning."""
    c, s = np.cos(angle), np.sin(angle)
    x, z = place[:, 0], place[:, 1]
    return np.stack([x * c + z * s, z * c - x * s], 1), yaw + angle
