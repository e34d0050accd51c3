"""Fitting splats to a picture: gradient descent on the summed squared error (section 3.3).

The loss is || sum_n c_n exp(-sigma_n) - picture ||^2 over all samples, unclamped; Adam (Kingma and
Ba 2015) with a step size for each kind of parameter, in pixels for positions and covariances.

One step has two phases. Threads share rows: canvas = -picture, add every Gaussian; what is left is
the residual. Then they share Gaussians: gradient sums, Adam, and the next step's geometry. Neither
depends on how many threads there are, nor does the result.
"""

from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np

from . import descent, kernels
from .bands import Crew
from .drawing import Canvas, residual, row_costs
from .splats import Floats, Splats

DECAY = (0.9, 0.99)  # Adam's beta
SMALLEST_SIZE = 0.3  # px; a thinner Gaussian falls between the samples
SORT_EVERY = 200  # steps


class Rates(NamedTuple):
    """Step sizes: pixels for position and shape (radians for an angle), 0..1 for colour."""

    position: float = 0.2
    shape: float = 0.05
    color: float = 0.02


class Fitting:
    """A fit in progress; use as a context manager, which keeps its threads.

    `target` is [H, W, C] float in 0..1, `begin` the splats to start from. `rotation_scale` moves
    scales and angle (eq. 2) instead of the Cholesky factor (eq. 1).
    """

    def __init__(
        self,
        target: Floats,
        begin: Splats,
        rates: Rates | None = None,
        *,
        rotation_scale: bool = False,
        threads: int | None = None,
    ) -> None:
        self.height, self.width, self.channels = target.shape
        self.rates, self.angular = rates or Rates(), rotation_scale
        self.theta = _parameters(begin, rotation_scale)  # [N, 5 + C]
        self.m, self.v = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.step = 0
        self.canvas = Canvas.zeros(self.height, self.width, self.channels, self.theta.dtype)
        self.target = Canvas.zeros(self.height, self.width, self.channels, self.theta.dtype)
        self.target.planes(self.height, self.width, self.channels)[:] = target
        self.geometry = np.zeros((len(begin), kernels.GEOMETRY), self.theta.dtype)
        self.color = np.zeros((len(begin), self.channels), self.theta.dtype)
        self.sums = np.zeros_like(self.theta)
        self.crew = Crew(threads)
        self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.crew.__exit__(None, None, None)

    @property
    def splats(self) -> Splats:
        """The Gaussians as they are now."""
        mu, shape, color = (self.theta[:, a:b].copy() for a, b in ((0, 2), (2, 5), (5, None)))
        arrays = (mu, shape[:, :2], shape[:, 2], color)
        if self.angular:
            return Splats.from_rotation_scale(*arrays, self.height, self.width)
        return Splats(mu, shape, color, self.height, self.width)

    @property
    def state(self) -> dict[str, Floats]:
        """All that `restore` needs to go on exactly."""
        return {"theta": self.theta, "m": self.m, "v": self.v, "step": np.array(self.step)}

    def restore(self, state: Mapping[str, Floats]) -> None:
        """Go on where `state` was taken; raises ValueError when it belongs to another fit."""
        for name in ("theta", "m", "v"):
            if state[name].shape != self.theta.shape or state[name].dtype != self.theta.dtype:
                raise ValueError(f"{name} {state[name].shape} is not {self.theta.shape}")
        self.theta, self.m, self.v = (state[n].copy() for n in ("theta", "m", "v"))
        self.step = int(state["step"])
        self._prepare()

    def error(self) -> float:
        """Mean squared error, unclamped, before the last step."""
        left = self.canvas.planes(self.height, self.width, self.channels)
        return float(np.square(left, dtype=np.float64).mean())

    def advance(self, factor: float = 1.0) -> None:
        """One step; `factor` scales all step sizes."""
        self.step += 1
        if self.step % SORT_EVERY == 0:
            self._sort()
        rates = [r * factor for r in self.rates]
        rate = np.repeat(rates, (2, 3, self.channels)).astype(self.theta.dtype)
        self.crew.run(self._draw, self.row_shares)
        self.crew.run(lambda first, last: self._improve(rate, first, last), self.point_shares)

    def _draw(self, first: int, last: int) -> None:
        """The residual in rows first..last-1."""
        residual(self.canvas, self.target, self.geometry, self.color, self.width, first, last)

    def _improve(self, rate: Floats, first: int, last: int) -> None:
        """Move Gaussians first..last-1 against their gradient."""
        sum_up = kernels.moments(self.channels)
        sizes = (self.height, self.width)
        sum_up(self.geometry, self.color, *self.canvas, *sizes, self.sums, first, last)
        descent.adam(
            self.theta, self.m, self.v, self.sums, rate, DECAY, self.step,
            self.angular, self.theta.dtype.type(SMALLEST_SIZE), first, last,
        )  # fmt: skip
        descent.prepare_theta(self.theta, self.angular, self.geometry, self.color, first, last)

    def _sort(self) -> None:
        """Order Gaussians by strips of 16 rows, so that neighbours in memory are neighbours."""
        strip = np.floor(self.theta[:, 1] / 16)
        order = np.lexsort((self.theta[:, 0], strip))
        self.theta, self.m, self.v = (a[order] for a in (self.theta, self.m, self.v))
        self._prepare()

    def _prepare(self) -> None:
        """Geometry of all Gaussians, and how the threads share rows and points."""
        n = len(self.theta)
        descent.prepare_theta(self.theta, self.angular, self.geometry, self.color, 0, n)
        self.row_shares = self.crew.split(row_costs(self.geometry, 0, self.height))
        rows, columns = self.geometry[:, kernels.ROWS], self.geometry[:, kernels.COLUMNS]
        self.point_shares = self.crew.split(4.0 + np.maximum(rows, 0) * (1 + columns / 8))


def _parameters(splats: Splats, rotation_scale: bool) -> Floats:
    """theta [N, 5 + C]: mu, (l1, l2, l3) or (s1, s2, angle), colour; float32."""
    shape = splats.chol
    if rotation_scale:
        l1, l2, l3 = splats.chol.astype(np.float64).T
        sxx, sxy, syy = l1 * l1, l1 * l2, l2 * l2 + l3 * l3
        middle, half = (sxx + syy) / 2, np.hypot((sxx - syy) / 2, sxy)
        scales = np.sqrt(np.maximum([middle + half, middle - half], 0))
        shape = np.stack([*scales, 0.5 * np.arctan2(2 * sxy, sxx - syy)], axis=1)
    return np.ascontiguousarray(
        np.concatenate([splats.mu, shape, splats.color], axis=1), np.float32
    )
