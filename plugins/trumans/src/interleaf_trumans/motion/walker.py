"""A body that walks as the network draws it.

Eight tenths of a second are drawn at a time and two thirds of that are walked, in pieces of eight frames:
each is bent towards the way where the drawing misses it, and slowed near the goal. What was walked is given
to the next drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interleaf_body.roles import ROLES
from interleaf_body.samples import offset
from interleaf_trumans.motion.footing import footing, standing
from interleaf_trumans.motion.frames import BEFORE, HEIGHT, LANE, USED, asked, path, poses
from interleaf_trumans.motion.plain import Net
from interleaf_trumans.motion.seeing import seen
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS
from interleaf_trumans.walking.moving import TURN_STANDING, Mover, State, faded
from interleaf_trumans.walking.walker import Block, Steer

BEND = 0.5  # of the angle by which a drawing misses the way
MOST = 0.7  # rad/s of that
SHARP = 1.0  # rad: from here on, a body turns on the spot first


@dataclass(frozen=True, slots=True, eq=False)
class Drawn(State):
    """``rows`` [30, 72]: the frames that were given, and those drawn, in which ``phase`` plays; None at
    rest. ``shown`` [30, 3]: by how much their steps and heights are changed when shown."""

    rows: Array | None = None
    shown: Array | None = None


class Learned(Mover):
    """Walks with a network; ``steps`` of DDIM a drawing."""

    actions = ("walk", "stand")

    def __init__(self, net: Net, *, steps: int = 10) -> None:
        self.net, self.steps = net, steps
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
            block, after = self.rest(state, count)
            return block, replace(after, rows=None)
        return self._walk(state, steer, count, rng)

    def _walk(
        self, state: Drawn, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, Drawn]:
        error = self.astray(state, steer)
        rate = float(np.clip(0.45 + steer.rest / 1.2, 0.55, 1.0))
        share = 1.0 if abs(error) < SHARP else float(np.clip(SHARP + 0.8 - abs(error), 0.0, 1.0))
        begins = state.rows is None
        fresh = begins or state.phase + 1e-9 >= BEFORE - 1 + USED
        if fresh:
            state = self._drawn(state, steer, rng)
        assert state.rows is not None and state.shown is not None
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
            first = poses(self.net.launch[-2:], self.net.mean)
            state = faded(state, first.turns, first.height)
        begun = replace(state, drift=state.step - step[0], phase=float(at[-1]), rows=rows)
        contact = standing(played) > 0.5
        return self.finished(begun, own.turns, own.height, step, contact, np.zeros(count, bool), "walk",
                             fresh, steer.room)  # fmt: skip

    def _drawn(self, state: Drawn, steer: Steer, rng: np.random.Generator) -> Drawn:
        """The frames given last, and new ones."""
        if state.rows is None:
            before = self.net.launch
        else:
            before = sampled(state.rows, state.phase + np.arange(1 - BEFORE, 1))
        lane = np.array([steer.ahead(m) for m in LANE]) - state.place
        s, c = np.sin(state.yaw), np.cos(state.yaw)
        local = np.stack([lane[:, 0] * c - lane[:, 1] * s, lane[:, 0] * s + lane[:, 1] * c], 1)
        where = asked(local[None], np.array([steer.speed]))[0]
        cells = seen(steer.scene, state.place, state.yaw)
        made = self.net.sample(before, where, cells, rng, self.steps)
        rows = np.concatenate([before, made])
        shown = footing(rows, self.net.mean, self.offsets)
        return replace(state, rows=rows, shown=shown, phase=float(BEFORE - 1))

    def _bend(self, state: Drawn, steer: Steer, error: float, share: float) -> float:
        """The turn a frame that is added."""
        assert state.rows is not None
        if share < 1.0:
            own = float(state.rows[int(state.phase) + 1 :][:8, 2].mean())
            return float(np.clip(error / 6, -TURN_STANDING / FPS, TURN_STANDING / FPS)) - own
        coming = state.rows[int(state.phase) + 1 :][:USED]
        gone = path(coming[:, :3], state.place, state.yaw)[0][-1] - state.place
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
