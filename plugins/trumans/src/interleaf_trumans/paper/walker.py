"""The network of the release as a walker: windows of 1.4 s, each from where the one before ended.

Not in the release, and made here: three frames for one by splines, rotations from places, sub-goals along the
session's way (at most 0.8 m ahead, as in the authors' later LINGO).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from interleaf.errors import InvalidInput
from interleaf_body.roles import ROLES
from interleaf_body.samples import offset
from interleaf_trumans.paper.converting import read_paper
from interleaf_trumans.paper.diffusion import STEPS, sample
from interleaf_trumans.paper.network import Paper
from interleaf_trumans.paper.posing import bones, posed
from interleaf_trumans.paper.windows import ACTIONS, PREFIX, STRIDE, Axes, Norm, known
from interleaf_trumans.scenes.occupancy import Box, boxes
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS
from interleaf_trumans.walking.walker import Block, Steer

AHEAD = 0.8  # metres of a sub-goal
NEAR = 0.05  # metres from the end of a way where a body stands
FLOOR = 0.03  # metres: cells up to here are floor, which the box does not show
REST = np.array([offset(r) for r in ROLES[:3]])  # pelvis and hips


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """``tail`` [4, J, 3]: places in the world of the last frames, 30 a second; ``place`` (x, z), ``yaw``."""

    tail: Array
    place: Array
    yaw: float


class PaperWalker:
    """Walks with the network at ``norm``; ``steps`` of denoising (100: DDPM, fewer: DDIM)."""

    joints, parents, fps = JOINTS, PARENTS, FPS

    def __init__(
        self,
        model: Paper,
        norm: Norm,
        *,
        steps: int = STEPS,
        cached: bool = True,
        device: str = "cpu",
    ) -> None:
        self.model, self.norm, self.steps, self.cached = (
            model.to(device).eval(),
            norm,
            steps,
            cached,
        )
        self.device, self.size = device, model.size
        self.horizon = STRIDE * (self.size.window - PREFIX)

    @cached_property
    def offsets(self) -> Array:
        """A skeleton with the bones of a first window at the origin."""
        return bones(self._first(np.zeros(2), 0.0))

    @property
    def actions(self) -> tuple[str, ...]:
        """Walking, standing, and the labels of the release."""
        return ("walk", "stand", *ACTIONS[: self.size.actions])

    def travels(self, action: str) -> bool:
        """Walking alone goes to goals."""
        return action == "walk"

    def begin(self, place: Array, yaw: float) -> State:
        """Standing at a place: a window without a beginning, whose goal is where it is."""
        places = self._first(np.asarray(place, float), yaw)
        return state_of(places[-PREFIX * 2 :])

    def _first(self, place: Array, yaw: float) -> Array:
        rng = np.random.default_rng(0)
        goal = np.array([place[0], 0.0, place[1]])
        window = self._window(
            Axes(place, yaw), None, goal, np.zeros(self.size.window, int) - 1, None, rng
        )
        return between(window)

    def advance(
        self, state: State, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, State]:
        """``count`` frames, at most a window's; its first frames do not depend on how many are asked for."""
        prefix = state.tail[[-1 - STRIDE, -1]]
        goal = state.place
        if steer.path is not None and steer.rest > NEAR:
            goal = steer.ahead(min(AHEAD, steer.rest, steer.speed * self.horizon / FPS))
        number = ACTIONS.index(steer.action) if steer.action in ACTIONS else -1
        window = self._window(
            Axes.of(prefix[0], REST), prefix, np.array([goal[0], 0.0, goal[1]]),
            np.full(self.size.window, number), steer.scene, rng,
        )  # fmt: skip
        places = between(window)[STRIDE * (PREFIX - 1) + 1 :][:count]
        after = state_of(np.concatenate([state.tail, places])[-len(state.tail) :])
        return Block(*posed(places[:, :24], self.offsets), seam=True), after

    def _window(
        self, axes: Axes, prefix: Array | None, goal: Array, does: Array, scene: Scene | None,
        rng: np.random.Generator,
    ) -> Array:  # fmt: skip
        """Places [W, J, 3] in the world."""
        size = self.size
        inside = None if prefix is None else axes.into(prefix)
        values, where = known(self.norm, (size.window, size.joints), inside, axes.into(goal)[None])
        actions = None
        if size.actions:
            actions = torch.zeros(1, size.window, size.actions, device=self.device)
            for frame in np.flatnonzero(does >= 0):
                actions[0, frame, does[frame]] = 1.0
        generator = torch.Generator("cpu").manual_seed(int(rng.integers(2**62)))
        found = sample(
            self.model, torch.from_numpy(values[None]).float().to(self.device),
            torch.from_numpy(where[None]).to(self.device), actions, self._look(axes, scene), generator,
            steps=self.steps, cached=self.cached,
        )  # fmt: skip
        scaled = found[0].cpu().numpy().astype(float).reshape(size.window, size.joints, 3)
        return axes.world(self.norm.metres(scaled))

    def _look(self, axes: Axes, scene: Scene | None) -> Callable[[Tensor], Tensor]:
        """What is around the goal of windows; nothing anywhere without a scene."""
        n = self.size.voxels
        if scene is None:
            return lambda windows: torch.zeros(len(windows), n, n, n, device=windows.device)
        heights = scene.origin[1] + (np.arange(scene.cells.shape[2]) + 0.5) * scene.voxel
        cells = np.where(heights > FLOOR, scene.cells, 0).astype(np.uint8)

        def look(windows: Tensor) -> Tensor:
            goals = windows[:, -1, :3].cpu().numpy().astype(float)
            places = axes.world(self.norm.metres(goals))
            places[:, 1] = 0.0
            yaws = np.full(len(places), axes.yaw)
            found = boxes(cells, scene.origin, scene.voxel, places, yaws, Box(n))
            return torch.from_numpy(found).to(windows.device)

        return look


def between(window: Array) -> Array:
    """Places [3 (W − 1) + 1, J, 3], 30 a second, of a window [W, J, 3], ten a second, by cubic splines."""
    at = np.arange(len(window)) * STRIDE
    return np.asarray(CubicSpline(at, window, axis=0)(np.arange(at[-1] + 1)))


def state_of(tail: Array) -> State:
    """Where a body is after these frames."""
    axes = Axes.of(tail[-1], REST)
    return State(tail, axes.place, axes.yaw)


def paper_walker(
    weights: Path | str, *, steps: int = STEPS, device: str = "cpu", cached: bool = True
) -> PaperWalker:
    """The walker of a file that ``interleaf trumans convert`` wrote."""
    model, norm = read_paper(Path(weights))
    if norm is None:
        raise InvalidInput(
            f"{weights}: without the norm of its training data nobody can walk",
            hint="convert it again with --norm norm.npy of the release",
        )
    if model.size.joints < 24:
        raise InvalidInput(
            f"{weights}: {model.size.joints} joints", hint="24: the body's and two hands'"
        )
    return PaperWalker(model, norm, steps=steps, device=device, cached=cached)
