"""An object takes another size or place, and what touched it touches it again (TRUMANS, arXiv 2403.08629,
section on augmentation: contacts are kept, the body is solved anew).

Objects are boxes, turned about y. Hands and the seat are what touches; feet stay where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_body.skeleton import world
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking import feet as standing_feet
from interleaf_trumans.walking import legs
from interleaf_trumans.walking.clips import FPS, contacts
from interleaf_trumans.walking.fading import offset_left
from interleaf_trumans.walking.reach import bend_arm

SURFACE = {
    "pelvis": 0.12,
    "left_wrist": 0.05,
    "right_wrist": 0.05,
}  # metres from a joint to its skin
RAMP = int(0.8 * FPS)  # frames in which a change comes and goes about a contact
LEAST = 5  # frames: shorter touches are none
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Solid:
    """A box: ``middle`` [3] and ``size`` [3] in metres (x, y, z), turned by ``yaw`` radians about y."""

    middle: Array
    size: Array
    yaw: float = 0.0

    def local(self, points: Array) -> Array:
        """Points [..., 3] in the box's own axes."""
        return np.asarray(
            quat.rotate(quat.about(1, np.full((1,), -self.yaw)), points - self.middle)
        )

    def world(self, points: Array) -> Array:
        """The way back."""
        return np.asarray(quat.rotate(quat.about(1, np.full((1,), self.yaw)), points) + self.middle)

    def nearest(self, points: Array) -> tuple[Array, Array, Array]:
        """For points [T, 3]: the nearest of the surface in shares of the half size [T, 3], the way out from
        there [T, 3] (own axes, length 1), and metres outside [T] (negative: inside)."""
        p, half = self.local(points), self.size / 2
        on = np.clip(p, -half, half)
        apart = p - on
        far = np.linalg.norm(apart, axis=1)
        out = apart / np.maximum(far, 1e-9)[:, None]
        inside = far < 1e-9
        depth = half - np.abs(p)
        axis = depth.argmin(1)
        rows = np.arange(len(p))
        side = np.where(p[rows, axis] < 0, -1.0, 1.0)
        on[inside, axis[inside]] = (side * half[axis])[inside]
        out[inside] = (np.eye(3)[axis] * side[:, None])[inside]
        return on / half, out, np.where(inside, -depth[rows, axis], far)


@dataclass(frozen=True, slots=True, eq=False)
class Touch:
    """``joint`` touches from frame ``first`` to ``last``; ``targets`` [T, 3]: where it shall be then."""

    joint: str
    first: int
    last: int
    targets: Array

    @property
    def frames(self) -> slice:
        """When."""
        return slice(self.first, self.last + 1)


def touches(motion: Motion, before: Solid, after: Solid, near: float) -> list[Touch]:
    """When hands and seat touch an object (within ``near`` metres of their skin), and where that place of the
    object is when it has changed."""
    heads = world(motion)[1]
    found = []
    for joint, skin in SURFACE.items():
        share, out, far = before.nearest(heads[:, ROLES.index(joint)])
        target = after.world(share * after.size / 2 + out * far[:, None])
        touching = np.abs(far - skin) <= near
        if joint == "pelvis":  # sides are walked past, not sat on
            touching &= out[:, 1] > 0.7
        edges = np.flatnonzero(np.diff(np.r_[False, touching, False].astype(int))).reshape(-1, 2)
        found += [Touch(joint, int(a), int(b - 1), target[a:b]) for a, b in edges if b - a >= LEAST]
    return found


def resolved(motion: Motion, found: list[Touch]) -> Motion:
    """The motion in which every touch is where it shall be: the root moves with the seat, and where arms are
    too short; feet are held; arms are bent."""
    shift = np.zeros_like(motion.root)
    for touch in found:
        if touch.joint == "pelvis":
            now = motion.root[touch.frames]
            shift += spread(touch, touch.targets - now, len(shift))
    made = _moved(motion, shift)
    for _ in range(ROUNDS):
        short = np.zeros_like(shift)
        for touch in found:
            if touch.joint != "pelvis":
                short += spread(touch, _lacking(made, touch), len(shift))
        if np.abs(short).max() < 1e-4:
            break
        shift += short
        made = _moved(motion, shift)
    heads, made_heads = world(motion)[1], world(made)[1]
    turns = made.rotations.copy()
    for touch in found:
        if touch.joint == "pelvis":
            continue
        moves = spread(
            touch, touch.targets - heads[touch.frames, ROLES.index(touch.joint)], len(shift)
        )
        apart = heads[:, ROLES.index(touch.joint)] + moves - made_heads[:, ROLES.index(touch.joint)]
        near = _weights(touch, len(shift)) > 0
        for t in np.flatnonzero(near & (np.abs(apart).max(1) > 1e-6)):
            place = made_heads[t, ROLES.index(touch.joint)] + apart[t]
            bend_arm(turns[t], made.root[t], made.offsets, touch.joint, 1.0, place)
    return _like(motion, made.root, turns)


def errors(motion: Motion, found: list[Touch]) -> list[float]:
    """How far each touch is from where it shall be at the worst, metres."""
    heads = world(motion)[1]
    return [
        float(np.linalg.norm(heads[t.frames, ROLES.index(t.joint)] - t.targets, axis=1).max())
        for t in found
    ]


def spread(touch: Touch, moves: Array, count: int) -> Array:
    """Moves [n, 3] of the frames of a touch over all frames [T, 3]: held at its ends, and fading away."""
    at = np.clip(np.arange(count) - touch.first, 0, len(moves) - 1)
    return np.asarray(moves[at] * _weights(touch, count)[:, None])


def _weights(touch: Touch, count: int) -> Array:
    frames = np.arange(count)
    away = np.maximum(np.maximum(touch.first - frames, frames - touch.last), 0) / RAMP
    return np.asarray(offset_left(np.minimum(away, 1.0)))


def _lacking(motion: Motion, touch: Touch) -> Array:
    """By how much [n, 3] an arm is too short for its targets."""
    frames = touch.frames
    side = touch.joint.split("_")[0]
    heads = world(_like(motion, motion.root[frames], motion.rotations[frames]))[1]
    way = touch.targets - heads[:, ROLES.index(f"{side}_shoulder")]
    far = np.linalg.norm(way, axis=1, keepdims=True)
    bones = [motion.offsets[ROLES.index(f"{side}_{p}")] for p in ("elbow", "wrist")]
    reach = legs.MOST * sum(float(np.linalg.norm(b)) for b in bones) - 0.002
    return np.asarray(way * np.maximum(1 - reach / np.maximum(far, 1e-9), 0))


def _moved(motion: Motion, shift: Array) -> Motion:
    """The root moved by ``shift`` [T, 3] while feet that stand stay, and step after it where they must."""
    if np.abs(shift).max() < 1e-9:
        return motion
    root = motion.root + shift
    turns = motion.rotations.astype(float)
    toes = legs.leg_chain(turns, motion.offsets)[2][3] + motion.root[:, None]
    level = shift * [1.0, 0.0, 1.0]
    touch = contacts(world(motion)[1])
    still = np.asarray(touch.all(1))
    stay = (standing_feet.Foot(), standing_feet.Foot())
    held, plain = (
        standing_feet.held(stay, at, touch, still)[0] for at in (toes + level[:, None], toes)
    )
    down = (shift * [0.0, 1.0, 0.0])[:, None]  # feet do not sink with the seat
    moves = held - plain - down
    changed = np.abs(moves).max((1, 2)) > 1e-9
    turns[changed] = legs.stepped(turns[changed], motion.offsets, moves[changed])
    return _like(motion, root, turns)


def _like(motion: Motion, root: Array, turns: Array) -> Motion:
    return Motion(root, turns, motion.joints, motion.parents, motion.offsets, motion.fps)
