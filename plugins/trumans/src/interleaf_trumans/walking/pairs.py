"""Starts and goals in scenes, and the walks between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from interleaf_trumans.judging.walk import Walk
from interleaf_trumans.scenes.ground import Ground
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import Array, BadScene
from interleaf_trumans.walking.session import Session
from interleaf_trumans.walking.walker import Walker

TRIES = 4000
AFTER = 24  # frames that a body goes on when it has arrived


def pair(
    ground: Ground, rng: np.random.Generator, apart: tuple[float, float], blocked: bool
) -> tuple[Array, Array] | None:
    """A start and a goal (x, z) in one connected area; None where none is found."""
    cells = np.argwhere(ground.areas == 1)
    for _ in range(TRIES):
        a, b = ground.place(cells[rng.integers(len(cells), size=2)])
        far = float(np.linalg.norm(a - b))
        if apart[0] <= far <= apart[1] and (not blocked or not ground.sees(a, b, ground.radius)):
            return a, b
    return None


def walks(
    scenes: Sequence[Scene], walker: Walker, *, pairs: int, apart: tuple[float, float] = (3.0, 8.0),
    blocked: bool = True, radius: float = 0.32, seconds: float = 25.0, seed: int = 0, seen: bool = True,
    planned: bool = True, progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Walk]:  # fmt: skip
    """Walks from starts to goals, round and round over the scenes; each stops soon after it arrived. Without
    ``planned`` they are asked to go straight, and nothing but what a walker sees keeps them off things."""
    grounds = [Ground.of(s, radius) for s in scenes]
    maps = grounds if planned else [g.bare() for g in grounds]
    found: list[Walk] = []
    for number in range(pairs):
        k = number % len(scenes)
        rng = np.random.default_rng([seed, 4, number])
        ends = pair(grounds[k], rng, apart, blocked)
        if ends is None:
            raise BadScene(
                f"{scenes[k].name}: no two places {apart[0]:g} to {apart[1]:g} m apart"
                + (" with something between them" if blocked else ""), "other distances, or blocked: false",
            )  # fmt: skip
        found.append(
            walk(
                scenes[k],
                walker,
                *ends,
                ground=maps[k],
                seconds=seconds,
                seed=seed + number,
                seen=seen,
            )
        )
        progress(number + 1, pairs)
    return found


def walk(
    scene: Scene,
    walker: Walker,
    start: Array,
    goal: Array,
    *,
    ground: Ground,
    seconds: float,
    seed: int,
    seen: bool = True,
) -> Walk:
    """One walk, begun facing the first part of its way."""
    path = ground.path(start, goal)
    way = path[1] - path[0] if len(path) > 1 else np.array([0.0, 1.0])
    session = Session(
        scene, walker, start=start, yaw=float(np.arctan2(*way)), seed=seed, ground=ground, seen=seen
    )
    session.set(action="walk", goal=goal)
    while session.frame < seconds * walker.fps and not session.arrived:
        session.step(6)
    session.step(AFTER)
    return Walk(
        scene.name,
        session.motion,
        np.asarray(start),
        np.asarray(goal),
        np.array(session.seams, int),
    )
