"""Motion as it is asked for: frames that were given never change, whatever is wanted next.

session = Session(scene, walker, start=(0.0, 0.0), seed=7)
session.set(action="walk", goal=(3.0, 1.0))
chunk = session.step(30)                 # a core Motion of 30 frames
session.set(goal=(-2.0, 4.0), hand=Hand("right_wrist", (1.0, 1.1, 0.4)))   # at any frame
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from interleaf.values import Motion
from interleaf_trumans.scenes.ground import Ground
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import Array, BadScene
from interleaf_trumans.walking.reach import HANDS, Hand, Reach
from interleaf_trumans.walking.room import Room
from interleaf_trumans.walking.walker import Steer, Walker, length

ASTRAY = 0.6  # metres off the path at which a new one is sought
NEAR = 0.12  # metres off the path that are borne with, however little of it is left


class Unset:
    """What is not changed."""


KEEP = Unset()


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is wanted now."""

    action: str = "stand"
    goal: Array | None = None
    path: Array | None = None
    speed: float = 1.25


@dataclass(slots=True)
class Piece:
    """A block that was asked of the walker, and what is needed to ask again for less of it."""

    first: int
    before: Any
    steer: Steer
    wish: Wish
    seam: bool
    count: int


@dataclass
class Past:
    """All frames so far, in arrays that grow by doubling."""

    joints: int
    count: int = 0
    root: Array = field(default_factory=lambda: np.empty((0, 3)))
    turns: Array = field(default_factory=lambda: np.empty((0, 0, 4)))

    def add(self, root: Array, turns: Array) -> None:
        """Append frames."""
        need = self.count + len(root)
        if need > len(self.root):
            room = max(256, 2 * need)
            grown_root, grown = np.empty((room, 3)), np.empty((room, self.joints, 4))
            if self.count:
                grown_root[: self.count] = self.root[: self.count]
                grown[: self.count] = self.turns[: self.count]
            self.root, self.turns = grown_root, grown
        self.root[self.count : need], self.turns[self.count : need] = root, turns
        self.count = need


class Session:
    """One body in one scene. ``start`` (x, z), drawn from the seed when None; ``yaw`` in radians; ``nearest``
    takes the nearest possible place for a start or goal where nobody can be. ``keep``: whether all frames are
    kept for `motion` and `truncate`; endless sessions do without. ``seen``: walkers that look at the
    scene may."""

    def __init__(
        self, scene: Scene, walker: Walker, *, start: Any = None, yaw: float | None = None, seed: int = 0,
        radius: float = 0.32, nearest: bool = False, keep: bool = True, ground: Ground | None = None,
        seen: bool = True,
    ) -> None:  # fmt: skip
        self.scene, self.walker, self.nearest, self.keep, self.seed = (
            scene,
            walker,
            nearest,
            keep,
            seed,
        )
        self.seen = seen
        self.ground = ground or Ground.of(scene, radius)
        self.room = Room(scene, self.ground)
        self._renew(0)
        rng = np.random.default_rng([seed, 1])
        place = (
            self._somewhere(rng)
            if start is None
            else self.ground.checked(start, "the start", nearest=nearest)
        )
        turn = float(rng.uniform(-np.pi, np.pi)) if yaw is None else yaw
        self.state = walker.begin(place, turn)
        self.wish, self.reach = Wish(), Reach()
        self.past, self.pieces = Past(len(walker.joints)), list[Piece]()
        self.frame = 0
        self._waiting: tuple[Array, Array] | None = None
        self._dropped = 0

    @property
    def place(self) -> Array:
        """Where the body is (x, z)."""
        return np.asarray(self.state.place)

    @property
    def arrived(self) -> bool:
        """Whether there is no goal, or it is within 0.2 m."""
        return self.wish.goal is None or float(np.linalg.norm(self.place - self.wish.goal)) <= 0.2

    @property
    def seams(self) -> list[int]:
        """Frames at which the walker began a new piece."""
        return [p.first for p in self.pieces if p.seam and p.first > 0]

    def set(
        self, *, action: Any = KEEP, goal: Any = KEEP, hand: Any = KEEP, speed: float | None = None
    ) -> None:
        """Change what is wanted from the next frame on: an ``action`` of the walker's; a ``goal`` (x, z),
        "anywhere" or None; a ``hand`` (`Hand`) or None. BadScene for what cannot be, and nothing changes."""
        wish = self.wish
        self._unbuffer()
        if action is not KEEP:
            wish = replace(wish, action=self._action(str(action)))
            if goal is KEEP and not self.walker.travels(wish.action):
                wish = replace(wish, goal=None, path=None)
        if speed is not None:
            if not 0.2 <= speed <= 4.0:
                raise BadScene(f"a speed of {speed} m/s", "0.2 to 4 metres a second")
            wish = replace(wish, speed=speed)
        if goal is not KEEP:
            wish = self._going(wish, goal)
        if hand is not KEEP:
            self._check_hand(hand)
            self.reach.tell(self.frame, hand)
        self.wish = wish

    def _action(self, action: str) -> str:
        if action not in self.walker.actions:
            from interleaf.errors import did_you_mean

            raise BadScene(f"no action '{action}'", did_you_mean(action, self.walker.actions))
        return action

    def _going(self, wish: Wish, goal: Any) -> Wish:
        if goal is None:
            return replace(wish, goal=None, path=None)
        action = wish.action if self.walker.travels(wish.action) else "walk"
        if isinstance(goal, str):
            if goal != "anywhere":
                raise BadScene(f"no goal '{goal}'", "two numbers x and z in metres, or anywhere")
            goal = self._somewhere(np.random.default_rng([self.seed, 2, self.frame]), self.place)
        try:
            path = self.room.path(self.place, np.asarray(goal, float), self.nearest)
        except BadScene:
            if not self.scene.things:
                raise
            at = Room(self.scene, self.ground).path(
                self.place, np.asarray(goal, float), self.nearest
            )
            return replace(wish, action=action, goal=at[-1], path=None)  # until things give way
        return replace(wish, action=action, goal=path[-1], path=path)

    def _check_hand(self, hand: Any) -> None:
        if hand is None:
            return
        if not isinstance(hand, Hand) or hand.joint not in HANDS or not np.isfinite(hand.at).all():
            raise BadScene(
                f"no hand target {hand!r}", f"Hand(joint, (x, y, z)); joint {' or '.join(HANDS)}"
            )

    def _somewhere(self, rng: np.random.Generator, far: Array | None = None) -> Array:
        """A place of the largest area (of this one's, when ``far`` from a place is asked): one of 12 drawn,
        the farthest, at least 3 m away where there is one."""
        ground, area = self.room.ground, 1
        if far is not None:
            here = far if ground.stands(far) else ground.nearest(far)
            area = int(ground.areas[ground.cell(here)])
        cells = np.argwhere(ground.areas == area)
        drawn = ground.place(cells[rng.integers(len(cells), size=12)])
        if far is None:
            return np.asarray(drawn[0])
        apart = np.linalg.norm(drawn - far, axis=1)
        good = drawn[(apart >= 3.0) & (apart <= 9.0)]
        return np.asarray(good[0] if len(good) else drawn[np.argmax(apart)])

    def step(self, count: int = 1) -> Motion:
        """The next frames; their arrays are read-only."""
        if count < 1:
            raise BadScene(f"{count} frames", "at least one")
        roots, turns, left = [], [], count
        while left:
            if self._waiting is None:
                self._waiting = self._ask(self.walker.horizon)
            root, turn = self._waiting
            take = min(left, len(root))
            roots.append(root[:take])
            turns.append(turn[:take])
            self._waiting = (root[take:], turn[take:]) if take < len(root) else None
            left -= take
            self.frame += take
        first = self.frame - count
        root, whole = np.concatenate(roots), np.concatenate(turns)
        whole = self.reach.apply(first, root, whole, self.walker.offsets)
        if self.keep:
            self.past.add(root, whole)
        return self._motion(root, whole)

    def _renew(self, frame: int) -> None:
        """What the floor is like from a frame on, where things move on it."""
        if self.scene.things:
            self.room = Room.of(self.scene, self.ground.radius, frame, self.room if frame else None)

    def _ask(self, count: int) -> tuple[Array, Array]:
        self._renew(self.frame)
        steer = self._steer()
        before = self.state
        block, self.state = self.walker.advance(before, steer, count, self._rng())
        first = self.frame
        self.pieces.append(Piece(first, before, steer, self.wish, block.seam, count))
        if not self.keep:
            self.pieces = self.pieces[-2:]
        return block.root, block.turns

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 3, self.frame])

    def _steer(self) -> Steer:
        wish, room = self.wish, self.room
        looked = room.scene if self.seen else None
        if self.scene.things and (aside := room.aside(self.place, self.ground)) is not None:
            return Steer("walk", aside, wish.speed, room.steps, looked)
        if wish.goal is None:
            return Steer(wish.action, speed=wish.speed, room=room.steps, scene=looked)
        left, off = (None, 0.0) if wish.path is None else remaining(wish.path, self.place)
        if left is None or lost(left, off) or (self.scene.things and not room.open(left)):
            wish = self._going(wish, wish.goal)
            left = None if wish.path is None else remaining(wish.path, self.place)[0]
        self.wish = replace(wish, path=left)
        return Steer(wish.action, left, wish.speed, room.steps, looked)

    def _unbuffer(self) -> None:
        """Drop what was planned and not given."""
        if self._waiting is None:
            return
        piece = self.pieces.pop()
        self._waiting = None
        self._again(piece, self.frame - piece.first)

    def _again(self, piece: Piece, count: int) -> None:
        """Go to ``count`` frames after the beginning of a piece."""
        self.state = piece.before
        if count:
            rng = np.random.default_rng([self.seed, 3, piece.first])
            block, self.state = self.walker.advance(piece.before, piece.steer, count, rng)
            self.pieces.append(
                Piece(piece.first, piece.before, piece.steer, piece.wish, block.seam, count)
            )

    def truncate(self, frame: int) -> None:
        """Take back the frames from ``frame`` on, and what was asked there; frames before stay as they
        are."""
        if not (0 <= frame <= self.frame) or not self.keep:
            raise BadScene(f"cannot go back to frame {frame} of {self.frame}",
                           "a frame given before, in a session that keeps them")  # fmt: skip
        if frame == self.frame:
            return
        self._waiting = None
        while self.pieces[-1].first > frame:
            self.pieces.pop()
        piece = self.pieces.pop()
        self.frame, self.past.count, self.wish = frame, frame, piece.wish
        self.reach.forget(frame)
        self._again(piece, frame - piece.first)

    @property
    def motion(self) -> Motion:
        """Everything given so far."""
        n = self.past.count
        return self._motion(self.past.root[:n].copy(), self.past.turns[:n].copy())

    def _motion(self, root: Array, turns: Array) -> Motion:
        for values in (root, turns):
            values.flags.writeable = False
        w = self.walker
        return Motion(root, turns, w.joints, w.parents, w.offsets, w.fps)


def lost(left: Array, off: float) -> bool:
    """Whether a body is so far ``off`` its way that another is sought: near its end, sooner."""
    return off > ASTRAY or (off > NEAR and off > length(left))


def remaining(path: Array, place: Array) -> tuple[Array, float]:
    """What is left of a path from the point nearest to a place on, and how far that is; the path is not gone
    back."""
    best, at = np.inf, (0, path[0])
    walked = 0.0
    for i, (a, b) in enumerate(pairwise(path)):
        if walked > 1.5:  # a body does not leap to a later part of its way
            break
        size = float((b - a) @ (b - a))
        share = float(np.clip((place - a) @ (b - a) / size, 0, 1)) if size > 0 else 0.0
        point = a + (b - a) * share
        off = float(np.linalg.norm(place - point))
        if off < best - 1e-9:
            best, at = off, (i, point)
        walked += float(np.sqrt(size))
    if len(path) == 1:
        return path, float(np.linalg.norm(place - path[0]))
    return np.concatenate([at[1][None], path[at[0] + 1 :]]), best
