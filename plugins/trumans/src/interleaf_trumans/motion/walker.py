"""A body that walks as the network draws it.

Eight tenths of a second are drawn at a time and two thirds of that are walked, in pieces of eight frames:
each is bent towards the way where the drawing misses it, and slowed near the goal. What was walked is given
to the next drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from interleaf_body.roles import ROLES
from interleaf_body.samples import offset
from interleaf_trumans.motion.footing import footing, standing
from interleaf_trumans.motion.frames import AFTER, BEFORE, HEIGHT, LANE, USED, asked, path, poses
from interleaf_trumans.motion.plain import Net
from interleaf_trumans.motion.seeing import free, seen
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS
from interleaf_trumans.walking.fading import offset_left
from interleaf_trumans.walking.moving import TURN_STANDING, Mover, State, faded
from interleaf_trumans.walking.walker import Block, Steer

BEND = 0.8  # of the angle by which a drawing misses the way
MOST = 1.4  # rad/s of that
FADE = AFTER - USED  # frames in which what was drawn before fades into what is drawn now
NEAR = np.arange(0.1, 1.7, 0.1)  # metres ahead on the way, where it is looked at whether it is free
WIDE = 0.2  # metres to both sides of it
SHARP = 0.6  # rad: from here on, a body turns on the spot first


@dataclass(frozen=True, slots=True, eq=False)
class Drawn(State):
    """``rows`` [30, 72]: the frames that were given, and those drawn, in which ``phase`` plays; None at
    rest. ``shown`` [30, 3]: by how much their steps and heights are changed when shown. ``blind`` [30, 3]:
    steps that are drawn where nothing is seen; None where what is seen stands in the way."""

    rows: Array | None = None
    shown: Array | None = None
    blind: Array | None = None


class Learned(Mover):
    """Walks with a network; ``steps`` of DDIM a drawing, in which what is seen in the way changes ``seeing``
    times as much as was learnt, by the frame."""

    actions = ("walk", "stand")

    def __init__(self, net: Net, *, steps: int = 10, seeing: Callable[[int], float]) -> None:
        self.net, self.steps, self.seeing = net, steps, seeing
        self.offsets = np.array([offset(r) for r in ROLES])
        self.still = poses(net.stand[-1:], net.mean)

    def travels(self, action: str) -> bool:
        """Whether an action walks to goals."""
        return action == "walk"

    def standing(self, at: Array) -> tuple[Array, Array]:
        """As the clips stand."""
        return np.repeat(self.still.turns, len(at), 0), np.repeat(self.still.height, len(at))

    def begin(self, place: Array, yaw: float) -> Drawn:
        """Standing at a place."""
        s = super().begin(place, yaw)
        return Drawn(*(getattr(s, name) for name in State.__slots__))

    def advance(
        self, state: Drawn, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, Drawn]:
        """``count`` frames more; the first frames do not depend on how many are asked for."""
        if not self.goes(state, steer):
            block, after = self.rest(state, count, steer)
            return block, replace(after, rows=None)
        return self._walk(state, steer, count, rng)

    def _walk(
        self, state: Drawn, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, Drawn]:
        error = self.astray(state, steer)
        rate = float(np.clip(0.45 + steer.rest / 1.2, 0.55, 1.0))
        begins = state.rows is None
        fresh = begins or state.phase + 1e-9 >= BEFORE - 1 + USED
        if fresh:
            state = self._drawn(state, steer, rng)
        assert state.rows is not None and state.shown is not None
        share = 1.0
        if state.blind is not None and abs(error) > SHARP:
            share = float(np.clip(SHARP + 0.8 - abs(error), 0.0, 1.0))
        at = state.phase + rate * np.arange(1, count + 1)
        whole = state.phase + rate * np.arange(1, self.horizon + 1)
        rows = state.rows.copy()
        rows[int(np.ceil(state.phase + 1e-9)) : int(np.ceil(whole[-1])) + 1, 2] += self._bend(
            state, steer, error, share
        )
        whole_frames = np.minimum(np.ceil(at - 1e-9).astype(int), len(rows) - 1)
        step = rows[whole_frames, :3] * rate
        step[:, :2] = (step[:, :2] + state.shown[whole_frames, :2] * rate) * share
        played = sampled(rows, at)
        played[:, HEIGHT] += sampled(state.shown, at)[:, 2]
        own = poses(played, self.net.mean)
        if begins:
            given = slice(BEFORE - 2, BEFORE)
            first = poses(rows[given], self.net.mean)
            state = faded(state, first.turns, first.height + state.shown[given, 2])
        begun = replace(state, drift=state.step - step[0], phase=float(at[-1]), rows=rows)
        contact = standing(played) > 0.5
        return self.finished(begun, own.turns, own.height, step, contact, np.zeros(count, bool), "walk",
                             fresh, steer.room)  # fmt: skip

    def _drawn(self, state: Drawn, steer: Steer, rng: np.random.Generator) -> Drawn:
        """The frames given last, and new ones."""
        ahead = np.array([steer.ahead(m) for m in (*LANE, *NEAR)])
        s, c = np.sin(state.yaw), np.cos(state.yaw)
        way = (ahead - state.place) @ np.array([[c, s], [-s, c]])
        where = asked(way[None, : len(LANE)], np.array([steer.speed]))[0]
        cells = seen(steer.scene, state.place, state.yaw)
        last = state.phase + np.arange(1 - BEFORE, 1)
        before = self.net.launch if state.rows is None else sampled(state.rows, last)
        beside = way[len(LANE) :, None] + [[-WIDE, 0.0], [0.0, 0.0], [WIDE, 0.0]]
        clear = free(cells, beside.reshape(-1, 2))
        seeing = 1.0 if clear else self.seeing(state.count)
        made, blind = self.net.sample(before, where, cells, rng, self.steps, seeing)
        rows = np.concatenate([before, self._joined(state.rows, state.phase, made)])
        shown = footing(rows, self.net.mean, self.offsets)
        if state.shown is not None:
            shown[:BEFORE] = sampled(state.shown, last)
            shown[BEFORE:] = self._joined(state.shown, state.phase, shown[BEFORE:])
        steps = np.concatenate([before, blind])[:, :3] if clear else None
        return replace(state, rows=rows, shown=shown, blind=steps, phase=float(BEFORE - 1))

    @staticmethod
    def _joined(old: Array | None, phase: float, new: Array) -> Array:
        """What is new from ``phase`` on, into which what is left of the old fades."""
        if old is None:
            return new
        ahead = np.arange(1, FADE + 1)
        left = offset_left(ahead / FADE)[:, None]
        begin = new[:FADE] + (sampled(old, phase + ahead) - new[:FADE]) * left
        return np.concatenate([begin, new[FADE:]])

    def _bend(self, state: Drawn, steer: Steer, error: float, share: float) -> float:
        """The turn a frame that is added: by what a drawing that sees nothing misses the way, so that
        nobody is bent back to what was gone around."""
        assert state.rows is not None
        now = int(state.phase) + 1
        if share < 1.0:
            own = float(state.rows[now:][:8, 2].mean())
            return float(np.clip(error / 6, -TURN_STANDING / FPS, TURN_STANDING / FPS)) - own
        if state.blind is None:
            return 0.0
        coming = state.blind[now:][:USED]
        gone = path(coming, state.place, state.yaw)[0][-1] - state.place
        far = float(np.linalg.norm(gone))
        if far < 0.1:
            return 0.0
        way = steer.ahead(max(far, 0.5)) - state.place
        off = np.arctan2(way[0], way[1]) - np.arctan2(gone[0], gone[1])
        off = float(np.arctan2(np.sin(off), np.cos(off)))
        return float(np.clip(BEND * off * 2 / len(coming), -MOST / FPS, MOST / FPS))


def sampled(rows: Array, at: Array) -> Array:
    """Rows [T, 72] between frames; steps stay those of whole frames."""
    low = np.clip(np.floor(at + 1e-9).astype(int), 0, len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    share = np.clip(at - low, 0, 1)[:, None]
    out: Array = rows[low] * (1 - share) + rows[high] * share
    return out
