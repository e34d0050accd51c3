"""A body on its way: poses in its own axes become frames in the world.

Changes of what is played are blended away by offsets that fade within a third of a second (quintic, Bollo,
GDC 2018); feet that stand are held; a body comes to stand within half a second.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking import feet as standing_feet
from interleaf_trumans.walking import legs
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS
from interleaf_trumans.walking.fading import offset_left, risen, speed_left
from interleaf_trumans.walking.walker import Block, Steer

BLEND = 10  # frames in which a change of clip fades
BRAKES = (1.2, 2.0, 4.0)  # powers of the time left by which speed goes: least, usual, most
LEAN = 0.12  # metres aside, at most, while a body comes to stand
LOOK = 0.45  # metres ahead on the path
BRAKE = 0.5  # seconds to stand still
TURN, TURN_STANDING = 1.6, 2.6  # rad/s at most, by steering


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """``place`` (x, z), ``yaw``; ``phase``: the frame that is playing; ``last`` [2, J, 4] and
    ``high`` [2]: the poses given last, before feet were held, oldest first; ``offset`` and ``speed``
    [J + 1, 3] and ``since``: what fades of the last change; ``step`` [3]: forward, left, turn a frame;
    ``resting``: frames since it began to come to stand, by the power ``brake``, leaning ``lean`` [2] metres
    (forward, left)."""

    place: Array
    yaw: float
    phase: float
    last: Array
    high: Array
    step: Array
    offset: Array
    speed: Array
    drift: Array
    since: int
    feet: tuple[standing_feet.Foot, standing_feet.Foot]
    mode: str
    resting: int = 0
    brake: float = BRAKES[1]
    lean: Array = field(default_factory=lambda: np.zeros(2))
    count: int = 0


Now = TypeVar("Now", bound=State)


class Mover:
    """What all walkers share; ``standing`` says how the body rests."""

    joints, parents, fps, horizon = JOINTS, PARENTS, FPS, 8
    offsets: Array

    @abstractmethod
    def standing(self, at: Array) -> tuple[Array, Array]:
        """Poses [T, J, 4] and heights [T] of a body that rests, ``at`` [T] frames after it began to."""

    def begin(self, place: Array, yaw: float) -> State:
        """Standing at a place."""
        pose, high = self.standing(np.zeros(1))
        nothing = np.zeros((len(JOINTS) + 1, 3))
        foot = standing_feet.Foot()
        return State(
            np.asarray(place, float), float(yaw), 0.0, np.repeat(pose, 2, 0), np.repeat(high, 2), np.zeros(3),
            nothing, nothing, np.zeros(3), BLEND, (foot, foot), "stand", resting=int(FPS),
        )  # fmt: skip

    def stop_at(self, state: State) -> float:
        """The distance from which a body comes to stand: nearer, it would come to stand farther behind the
        goal than now before it."""
        speed = float(np.hypot(*state.step[:2])) * FPS
        return speed * (BRAKE / 3 + self.horizon / FPS / 2) + 0.03

    def goes(self, state: State, steer: Steer) -> bool:
        """Whether there is way left."""
        return steer.path is not None and steer.rest > self.stop_at(state)

    def astray(self, state: State, steer: Steer) -> float:
        """The angle by which the way ahead is to the left of where the body faces."""
        way = steer.ahead(LOOK) - state.place
        error = float(np.arctan2(way[0], way[1])) - state.yaw
        return float(np.arctan2(np.sin(error), np.cos(error)))

    def rest(self, state: Now, count: int, steer: Steer) -> tuple[Block, Now]:
        """Come to stand, or stand on."""
        changed = state.mode != "stand"
        begun = state
        if changed:
            brake, lean = self._stopping(state, steer)
            begun = replace(
                faded(state, *self.standing(np.zeros(2))), drift=state.step, resting=0,
                brake=brake, lean=lean,
            )  # fmt: skip
        at = begun.resting + np.arange(count + 1)
        gone = np.minimum(at / (BRAKE * FPS), 1.0)
        step = begun.drift * ((1 - gone[1:]) ** begun.brake)[:, None]
        step[:, :2] += begun.lean * np.diff(risen(gone))[:, None]
        begun = replace(begun, resting=int(at[-1]))
        return self.finished(begun, *self.standing(at[1:]), step, np.ones((count, 2), bool),
                             at[1:] > BRAKE * FPS, "stand", changed, steer.room)  # fmt: skip

    def _stopping(self, state: State, steer: Steer) -> tuple[float, Array]:
        """The power by which a body slows down, and how far it leans (forward, left), to come to stand
        at its goal."""
        speed = float(np.hypot(*state.step[:2]))
        if steer.path is None or speed * FPS * BRAKE < 0.05:
            return BRAKES[1], np.zeros(2)
        way = steer.path[-1] - state.place
        s, c = np.sin(state.yaw), np.cos(state.yaw)
        way = np.array([way[0] * s + way[1] * c, way[0] * c - way[1] * s])
        ahead = float(way @ state.step[:2]) / speed
        brake = float(np.clip(speed * FPS * BRAKE / max(ahead, 1e-6) - 1, BRAKES[0], BRAKES[2]))
        aside = way - state.step[:2] * (ahead / speed)
        return brake, aside * min(1.0, LEAN / max(float(np.hypot(*aside)), 1e-9))

    def finished(
        self, state: Now, poses: Array, heights: Array, step: Array, contact: Array, standing: Array,
        mode: str, changed: bool, room: Any,
    ) -> tuple[Block, Now]:  # fmt: skip
        """Poses with what fades added, placed in the world, feet held."""
        count = len(poses)
        since = state.since + np.arange(1, count + 1)
        a, b = _quintic(since / BLEND)
        off = a[:, None, None] * state.offset + b[:, None, None] * state.speed * BLEND
        if np.any(a):
            poses = quat.multiply(quat.from_rotvec(off[:, :-1]), poses)
            poses /= np.linalg.norm(poses, axis=-1, keepdims=True)
        heights = heights + off[:, -1, 1]
        if mode != "stand":
            left = _quintic(np.arange(1, count + 1) / (self.horizon + 2))[0]
            step = step + state.drift * left[:, None]
        yaw = state.yaw + np.cumsum(step[:, 2])
        s, k = np.sin(yaw), np.cos(yaw)
        moves = np.stack([step[:, 0] * s + step[:, 1] * k, step[:, 0] * k - step[:, 1] * s], 1)
        if room is not None:
            moves = room(state.place, moves)
        place = state.place + np.cumsum(moves, 0)
        world = poses.copy()
        world[:, 0] = quat.multiply(quat.about(1, yaw), poses[:, 0])
        root = np.stack([place[:, 0], heights, place[:, 1]], 1)
        toes = legs.leg_chain(world, self.offsets)[2][3] + root[:, None]
        shift, held = standing_feet.held(state.feet, toes, contact, standing)
        turns = legs.stepped(world, self.offsets, shift) if np.abs(shift).max() > 1e-6 else world
        last = np.concatenate([state.last, poses])[-2:]
        high = np.concatenate([state.high, heights])[-2:]
        after = replace(
            state, place=place[-1], yaw=float(yaw[-1]), last=last, high=high, step=step[-1],
            since=int(since[-1]), feet=held, mode=mode, count=state.count + count,
        )  # fmt: skip
        return Block(root, turns, changed), after


def faded(state: Now, poses: Array, heights: Array) -> Now:
    """What has to fade when other frames are played: the offset of the poses given last from these two
    ([2, J, 4], heights [2]), and its speed."""
    apart = quat.to_rotvec(quat.multiply(state.last, quat.inverse(poses)))
    high = np.zeros((2, 1, 3))
    high[:, 0, 1] = state.high - heights
    o = np.concatenate([apart, high], 1)
    return replace(state, offset=o[1], speed=np.clip(o[1] - o[0], -0.2, 0.2), since=0)


def _quintic(s: Array) -> tuple[Array, Array]:
    """Shares of offset and speed that are left after the share ``s`` of the time."""
    s = np.minimum(s, 1.0)
    return offset_left(s), speed_left(s)
