"""Motion matching: the frame of the clips that best continues the body along its path, a few times a second.

The clip that is playing goes on unless another frame is clearly better; the path is met by turning the body a
little as it walks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking import legs
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS, Clip, Library, NoClips, library
from interleaf_trumans.walking.features import AHEAD, Choice, Features, features
from interleaf_trumans.walking.moving import TURN, TURN_STANDING, Mover, State, faded
from interleaf_trumans.walking.walker import Block, Steer

STAY = 0.75  # another frame must cost less than this share of going on
GOES = 0.4  # m/s: an action whose clips are faster walks to goals,
FAR = 1.2  # if they go so many metres: a hop or a kick forward is done where the body stands


class Matcher(Mover):
    """A walker made of clips. ``variety``: 0 always takes the best frame; above, frames within that share of
    it are taken at random."""

    def __init__(self, clips: Sequence[Clip], *, variety: float = 0.0) -> None:
        self.library: Library = library(clips)
        self.offsets = self.library.offsets
        self.table: Features = features(self.library)
        self.variety = variety
        self.walks = self._walks()
        self.still = self._still()
        self.begun = self._begun()
        self._choices: dict[str, Choice] = {}

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(dict.fromkeys(("walk", "stand", *self.library.actions)))

    def travels(self, action: str) -> bool:
        """Whether an action walks to goals."""
        if action == "walk":
            return True
        if action not in self.library.actions:
            return False
        speed = self.library.speed[self._of(action)]
        clips = len(np.unique(self.library.clip[self._of(action)]))
        return float(speed.mean()) > GOES and float(speed.sum()) / FPS / clips > FAR

    def _of(self, action: str) -> Array:
        return self.library.action == self.library.actions.index(action)

    def _begun(self) -> Array:
        """The frames [N] from which a clip moves, in the next quarter of a second, as it does on average: who
        is told to do something does not stand first because the clip does."""
        lib, ahead = self.library, 8
        moves = np.zeros(len(lib))
        same = np.abs((lib.turns[1:] * lib.turns[:-1]).sum(-1))
        moves[1:] = np.maximum(1 - same, 0).sum(1) ** 0.5
        moves[np.r_[0, np.flatnonzero(np.diff(lib.clip)) + 1]] = 0
        total = np.r_[0, np.cumsum(moves)]
        last = np.arange(len(lib)) + np.minimum(ahead, lib.left)
        mean = np.bincount(lib.clip, moves)[lib.clip] / np.bincount(lib.clip)[lib.clip]
        found: Array = total[last + 1] - total[np.arange(len(lib)) + 1] >= ahead * mean
        return found

    def _walks(self) -> Array:
        """The frames [N] that walk: of clips named so, else of all that go somewhere; facing where
        they go."""
        lib = self.library
        if "walk" in lib.actions:
            chosen = self._of("walk")
        else:
            moving = np.bincount(lib.clip, lib.speed) / np.bincount(lib.clip)
            chosen = (moving > GOES)[lib.clip]
        ahead = np.bincount(lib.clip, lib.step[:, 0]) > np.bincount(
            lib.clip, np.abs(lib.step[:, 1])
        )
        found: Array = chosen & ahead[lib.clip]
        if not found.any():
            raise NoClips(
                "no clip walks", f"clips with a mean speed above {GOES} m/s, facing where they go"
            )
        return found

    def _still(self) -> tuple[int, int]:
        """First and last frame of the calmest stretch in which a body stands upright; a single frame when no
        clip ever stands."""
        lib = self.library
        hands, head = _ends(lib)
        upright = lib.height > 0.93 * np.median(lib.height[self.walks])
        upright &= head > 0.95 * np.median(head[self.walks])
        calm = (lib.speed < 0.12) & lib.contact.all(1) & upright & (hands < 0.15)
        edges = np.flatnonzero(np.diff(np.r_[False, calm, False].astype(int)))
        runs = [
            (a, b - 1)
            for a, b in edges.reshape(-1, 2)
            for b in [b]
            if lib.clip[a] == lib.clip[b - 1]
        ]
        if runs:
            first, last = max(runs, key=lambda r: r[1] - r[0])
            return int(first), int(min(last, first + 60))
        points = legs.leg_points(lib.turns, lib.offsets)[:, :, 1]
        apart = np.linalg.norm((points[:, 0] - points[:, 1])[:, [0, 2]], axis=1)
        best = int(np.argmin(apart + lib.speed * 0.1 + (~upright) * 10 + np.maximum(hands, 0)))
        return best, best

    def begin(self, place: Array, yaw: float) -> State:
        """Standing at a place."""
        return replace(super().begin(place, yaw), phase=float(self.still[0]))

    def advance(
        self, state: State, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, State]:
        """``count`` frames more; the first frames do not depend on how many are asked for."""
        mode = steer.action
        go = self.goes(state, steer)
        if steer.path is not None and not go:
            mode = "stand"
        if go:
            return self._played(state, count, *self._walk(state, steer, rng), mode, steer)
        if mode == "stand" or self.travels(mode):
            return self._rest(state, count, steer)
        return self._act(state, mode, count, steer)

    def _walk(
        self, state: State, steer: Steer, rng: np.random.Generator
    ) -> tuple[float, float, float, float]:
        """The frame to go on from, the rate, the share of its steps, and the turn a frame by steering."""
        assert steer.path is not None
        error = self.astray(state, steer)
        path, headings = self._wanted(state, steer, error)
        phase = self._searched(state, steer.action, path, headings, rng)
        rate = float(np.clip(0.45 + steer.rest / 1.2, 0.55, 1.0))
        share = 1.0 if abs(error) < 0.6 else float(np.clip(1.4 - abs(error), 0.0, 1.0))
        rate = rate if share == 1.0 else min(rate, 0.8)
        i = np.minimum(int(phase) + np.arange(1, 9), len(self.library) - 1)
        moved = self.library.step[i].sum(0)
        aim = error - (
            np.arctan2(moved[1], moved[0]) if np.hypot(*moved[:2]) > 0.05 and share == 1.0 else 0.0
        )
        own = float(moved[2]) / 8 * rate
        most = (TURN if share == 1.0 else TURN_STANDING) / FPS
        wanted = aim / 9 if share == 1.0 else aim / 6
        return phase, rate, share, float(np.clip(wanted, -most, most)) - own

    def _wanted(self, state: State, steer: Steer, error: float) -> tuple[Array, Array]:
        """Places [3, 2] (left, forward) and headings [3] along the path at walking speed."""
        speed = steer.speed * min(1.0, 0.5 + steer.rest)
        s, c = np.sin(state.yaw), np.cos(state.yaw)
        rows, headings = [], []
        for frames in AHEAD:
            x, z = steer.ahead(speed * frames / FPS) - state.place
            rows.append((x * c - z * s, x * s + z * c))
            headings.append(np.clip(error, -1.2, 1.2) * frames / AHEAD[-1])
        return np.array(rows), np.array(headings)

    def _searched(
        self, state: State, action: str, path: Array, headings: Array, rng: np.random.Generator
    ) -> float:
        """The frame to go on from: the one after which the playing clip goes on, or a better one."""
        now, lib = round(state.phase), self.library
        choice = self._choice(action)
        query = self.table.query(now, path, headings)
        cost = choice.costs(query)
        near = (np.abs(choice.frames - now) < 6) & (lib.clip[choice.frames] == lib.clip[now])
        cost[near] = np.inf
        best = int(np.argmin(cost))
        if self.variety:
            best = int(rng.choice(np.flatnonzero(cost <= cost[best] * (1 + self.variety))))
        usable = self._allowed(action)[now] and lib.left[now] >= self.horizon + 2
        going = float(((self.table.rows[now] - query) ** 2).sum()) if usable else np.inf
        return float(choice.frames[best]) if cost[best] < STAY * going else state.phase

    def _allowed(self, action: str) -> Array:
        return self.walks if action == "walk" else self._of(action)

    def _choice(self, action: str) -> Choice:
        """The frames of an action from which a clip goes on long enough."""
        if action not in self._choices:
            usable = self._allowed(action) & (self.library.left >= self.horizon + 2)
            if not usable.any():
                raise NoClips(
                    f"every clip of '{action}' is shorter than half a second", "longer clips"
                )
            self._choices[action] = self.table.among(usable)
        return self._choices[action]

    def _played(
        self, state: State, count: int, phase: float, rate: float, share: float, turn: float, mode: str,
        steer: Steer,
    ) -> tuple[Block, State]:  # fmt: skip
        """Frames of the clip from ``phase`` on, changes blended."""
        changed = abs(phase - state.phase) > 1e-9
        begun = self._blend(state, phase, rate) if changed else state
        at = phase + rate * np.arange(1, count + 1)
        i = np.minimum(np.ceil(at - 1e-9).astype(int), len(self.library) - 1)
        step = self.library.step[i] * rate
        step[:, :2] *= share
        step[:, 2] += turn
        begun = replace(begun, drift=state.step - step[0])
        contact = self.library.contact[np.round(at).astype(int)]
        begun = replace(begun, phase=float(at[-1]))
        return self.finished(begun, *self._sample(at), step, contact, np.zeros(count, bool), mode,
                             changed, steer.room)  # fmt: skip

    def _rest(self, state: State, count: int, steer: Steer) -> tuple[Block, State]:
        block, after = self.rest(state, count, steer)
        return block, replace(after, phase=float(self._resting(np.array([after.resting]))[0]))

    def standing(self, at: Array) -> tuple[Array, Array]:
        """The calmest stretch, forth and back at half its speed."""
        return self._sample(self._resting(at))

    def _resting(self, at: Array) -> Array:
        first, last = self.still
        span = max(last - first, 1)
        wave = at * 0.5 % (2 * span)
        if last == first:
            return np.full(len(at), float(first))
        return np.asarray(first + np.where(wave > span, 2 * span - wave, wave))

    def _act(self, state: State, mode: str, count: int, steer: Steer) -> tuple[Block, State]:
        """An action in place: from the frame of its clips that is most like now, to the clip's end, again."""
        lib = self.library
        playing = state.mode == mode and lib.left[int(state.phase)] > self.horizon + 1
        phase = state.phase if playing else self._start(state, mode)
        return self._played(state, count, phase, 1.0, 1.0, 0.0, mode, steer)

    def _start(self, state: State, mode: str) -> float:
        lib = self.library
        length = np.bincount(lib.clip)[lib.clip]
        early = self._of(mode) & (lib.left > np.maximum(0.6 * length, self.horizon + 2))
        if (early & self.begun).any():
            early &= self.begun
        elif not early.any():
            early = self._of(mode) & (lib.left > self.horizon + 1)
        pose = self.table.rows[:, : self.table.pose]
        cost = ((pose - pose[int(state.phase)]) ** 2).sum(1)
        return float(np.argmin(np.where(early, cost, np.inf)))

    def _sample(self, at: Array) -> tuple[Array, Array]:
        """Poses [T, J, 4] and heights [T] between frames."""
        low = np.clip(np.floor(at).astype(int), 0, len(self.library) - 1)
        high = np.minimum(low + 1, len(self.library) - 1)
        high = np.where(self.library.clip[high] == self.library.clip[low], high, low)
        share = at - low
        a, b = self.library.turns[low], self.library.turns[high]
        sign = np.where((a * b).sum(-1, keepdims=True) < 0, -1.0, 1.0)
        mixed = a + (b * sign - a) * share[:, None, None]
        mixed /= np.linalg.norm(mixed, axis=-1, keepdims=True)
        heights = self.library.height[low] * (1 - share) + self.library.height[high] * share
        return mixed, heights

    def _blend(self, state: State, phase: float, rate: float) -> State:
        """What has to fade when the clip changes: the offset of the poses, and its speed."""
        first = phase - int(self._into(phase))
        at = np.maximum(phase - max(rate, 1e-9) * np.array([1.0, 0.0]), first)
        return faded(state, *self._sample(at))

    def _into(self, phase: float) -> int:
        """Frames from the beginning of its clip."""
        i = int(phase)
        begin = np.searchsorted(self.library.clip, self.library.clip[i], side="left")
        return int(i - begin)


def _ends(lib: Library) -> tuple[Array, Array]:
    """How far [N] the higher wrist, and the head, are above the root, metres."""
    from interleaf.values import Motion
    from interleaf_body.roles import ROLES
    from interleaf_body.skeleton import world

    motion = Motion(np.zeros((len(lib), 3)), lib.turns, JOINTS, PARENTS, lib.offsets, FPS)
    heads = world(motion)[1]
    wrists = [ROLES.index("left_wrist"), ROLES.index("right_wrist")]
    return heads[:, wrists, 1].max(1), heads[:, ROLES.index("head"), 1]
