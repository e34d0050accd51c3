"""A hand that goes to a place and stays there, over whatever the body does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.roles import ROLES
from interleaf_body.skeleton import world
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS
from interleaf_trumans.walking.fading import risen
from interleaf_trumans.walking.legs import bent, turn

SPAN = int(0.7 * FPS)  # frames in which a hand comes and goes
HANDS = ("left_wrist", "right_wrist")


@dataclass(frozen=True, slots=True)
class Hand:
    """``joint``: left_wrist or right_wrist; ``at``: where it shall be, in metres of the scene."""

    joint: str
    at: tuple[float, float, float]


@dataclass
class Reach:
    """What the hands were told, and when; a frame's pose depends on what was told before it alone."""

    told: list[tuple[int, Hand | None]] = field(default_factory=list)

    def tell(self, frame: int, hand: Hand | None) -> None:
        """From ``frame`` on, a hand goes to a place; None lets go."""
        self.told = [t for t in self.told if t[0] < frame]
        before = self.told[-1][1] if self.told else None
        if hand != before:
            self.told.append((frame, hand))

    def forget(self, frame: int) -> None:
        """Take back what was told for ``frame`` and after."""
        self.told = [t for t in self.told if t[0] < frame]

    def pull(self, frame: int) -> dict[str, tuple[float, Array]]:
        """For each hand its weight from 0 to 1 and its place at a frame."""
        found: dict[str, tuple[float, Array]] = {}
        for index, (since, hand) in enumerate(self.told):
            if since > frame:
                break
            share = _smooth((frame - since) / SPAN)
            for joint in HANDS:
                weight, place = found.get(joint, (0.0, np.zeros(3)))
                if hand is not None and hand.joint == joint:
                    goal = np.array(hand.at)
                    moved = goal if weight == 0.0 else place + (goal - place) * share
                    found[joint] = (weight + (1 - weight) * share, moved)
                elif weight:
                    found[joint] = (weight * (1 - share), place)
            if share >= 1.0 and index + 1 < len(self.told) and self.told[index + 1][0] > frame:
                break
        return {k: v for k, v in found.items() if v[0] > 0}

    def apply(self, first: int, root: Array, turns: Array, offsets: Array) -> Array:
        """The rotations [T, J, 4] of frames from ``first`` on, with arms that reach."""
        if not self.told or self.told[0][0] > first + len(root):
            return turns
        out = turns.copy()
        for t in range(len(root)):
            for joint, (weight, place) in self.pull(first + t).items():
                bend_arm(out[t], root[t], offsets, joint, weight, place)
        return out


def _smooth(s: float) -> float:
    return risen(min(max(s, 0.0), 1.0))


def bend_arm(
    turns: Array, root: Array, offsets: Array, joint: str, weight: float, place: Array
) -> None:
    """Bend one arm of one pose [J, 4], in place, so that its wrist is ``weight`` of the way to a place."""
    from interleaf.values import Motion

    side = joint.split("_")[0]
    shoulder, elbow, wrist = (ROLES.index(f"{side}_{p}") for p in ("shoulder", "elbow", "wrist"))
    whole, heads = world(Motion(root[None], turns[None], JOINTS, PARENTS, offsets, FPS))
    g, p = whole[0], heads[0]
    target = p[wrist] + (place - p[wrist]) * weight
    bend = turn(g[shoulder], np.array([0.0, 1.0 if side == "left" else -1.0, 0.0]))
    places = [p[shoulder], p[elbow], p[wrist]]
    upper, lower = bent(g[shoulder], g[elbow], places, target, bend)
    above = g[PARENTS[shoulder]]
    turns[shoulder] = quat.multiply(quat.inverse(above), upper)
    turns[elbow] = quat.multiply(quat.inverse(upper), lower)
