"""The ways to draw how a thing moves: rigid, Gaussian, learned, or a real motion that was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from interleaf_followclick.canonical import Floats
from interleaf_followclick.diffusion import SPEED, Motion, as_input
from interleaf_followclick.fields import (
    PLANES,
    SMOOTH,
    Statistics,
    correlated,
    decode,
    rigid,
    settled,
)
from interleaf_followclick.rendering import Pixels
from interleaf_followclick.windows import Window


def numbers_of(speed: float, angle: float) -> list[float]:
    """What the network is told: log speed, and the direction in the picture."""
    return [math.log(speed / SPEED), math.cos(angle), math.sin(angle)]


@dataclass(frozen=True, slots=True)
class Rigid:
    """The thing keeps its shape."""

    def __call__(
        self, picture: Pixels, weight: Floats, speed: float, angle: float, rng: np.random.Generator
    ) -> Floats:
        """The same velocity everywhere."""
        return rigid(speed)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Deviations as large and as smooth as those of training motions, otherwise at random."""

    known: Statistics
    smooth: float = SMOOTH
    flex: float = 1.0
    white: bool = False

    def __call__(
        self, picture: Pixels, weight: Floats, speed: float, angle: float, rng: np.random.Generator
    ) -> Floats:
        """A draw of the Gaussian process, or of white noise of the same variance."""
        if self.white:
            planes = rng.standard_normal((PLANES, *weight.shape), dtype=np.float32)
        else:
            planes = correlated(rng, (PLANES,), self.known.length)
        return settled(decode(planes, speed, self.known.std), weight, speed, self.smooth, self.flex)


@dataclass(frozen=True, slots=True)
class Learned:
    """A draw of the trained network, given the picture, the mask, the speed and the direction.

    Speeds beyond training are told to the network as the nearest one it knows; the motion has the
    speed asked for all the same.
    """

    motion: Motion
    steps: int = 12
    smooth: float = SMOOTH
    flex: float = 1.0

    def __call__(
        self, picture: Pixels, weight: Floats, speed: float, angle: float, rng: np.random.Generator
    ) -> Floats:
        """One draw."""
        low, high = self.motion.speeds.tolist()
        told = [*numbers_of(min(max(speed, low), high), angle), 1.0]
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        device = self.motion.std.device
        planes = self.motion.sample(
            as_input(torch.from_numpy(picture)[None]).to(device),
            torch.from_numpy(weight)[None, None].to(device),
            torch.tensor([told], device=device), generator, self.steps,
        )[0].cpu().numpy()  # fmt: skip
        std = self.motion.std.cpu().numpy()
        return settled(decode(planes, speed, std), weight, speed, self.smooth, self.flex)


class Retrieval:
    """A real motion of a thing that looked and moved alike: one of the ``nearest`` windows at random."""

    def __init__(
        self, windows: Sequence[Window], nearest: int = 4, smooth: float = 0.0, flex: float = 1.0
    ) -> None:
        self.fields = [np.asarray(w.field / w.speed, np.float32) for w in windows]
        self.keys = np.stack([
            described(w.picture, w.mask, numbers_of(w.speed, w.square.angle)) for w in windows
        ])  # fmt: skip
        self.nearest, self.smooth, self.flex = nearest, smooth, flex

    def __call__(
        self, picture: Pixels, weight: Floats, speed: float, angle: float, rng: np.random.Generator
    ) -> Floats:
        """The motion at the speed asked for."""
        key = described(picture, weight, numbers_of(speed, angle))
        distance = np.square(self.keys - key).sum(1)
        order = np.argsort(distance, kind="stable")[: self.nearest]
        field = self.fields[int(rng.choice(order))] * speed
        return settled(field, weight, speed, self.smooth, self.flex)


def described(picture: Pixels, weight: Floats, numbers: Sequence[float]) -> Floats:
    """[131]: what two windows are compared by: shape, brightness, speed and direction."""
    shape = weight.reshape(8, 4, 8, 4).mean((1, 3)).ravel()
    grey = picture.mean(2).reshape(8, 8, 8, 8).mean((1, 3)) / 255
    light = ((grey - grey.mean()) * 0.5).ravel()
    return np.concatenate([shape, light, np.array(numbers) * (0.5, 1.0, 1.0)]).astype(np.float32)
