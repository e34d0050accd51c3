"""Fitting for a file: gradient descent on squared error plus the rate, straight through the rounding.

    minimise  || target - sum ||^2 + lambda * bits,   lambda = 0.363 Delta^2 per bit

which the step of every number follows from one Delta (`quantising`). The rate's gradient is that of a
Laplace code of the amplitudes, and of a term that grows with log(1 + |a|^2 / Delta^2): it lets a weak
Gaussian go, and one whose amplitudes round to zero is dropped. Delta itself is moved while the fit
runs, so that the file reaches what was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import kernels
from .bands import Crew
from .drawing import Canvas, residual, row_costs
from .initial import SIZE, start
from .quantising import descend, settle
from .splats import Floats, Splats

DECAY = (0.9, 0.99)  # Adam's beta
LAMBDA = 0.363  # squared error per bit, in Delta^2
SLOPE = 1.3  # bits follow about Delta^-1.3
DECIBELS = 4.0  # and PSNR -4 log Delta
FINEST_DELTA, COARSEST_DELTA = 0.25, 1000.0


@dataclass(frozen=True)
class Recipe:
    """How a fit goes, in parts of its ``steps``; rates are of the centre, log size, shear, amplitude."""

    steps: int = 1500
    begin: float = 0.6  # of the Gaussians are there at first
    additions: int = 4  # bring the others, where the error is largest,
    added_by: float = 0.3
    pull_from: float = 0.25  # the rate counts
    control_from: float = 0.66  # Delta is moved
    rounding_from: float = 0.4
    control_to: float = 0.9
    every: float = 0.04  # Gaussians that round to nothing are dropped, and Delta is looked at
    rates: tuple[float, float, float, float] = (0.10, 0.07, 0.10, 0.08)
    end: float = 0.02  # of the rates, by a cosine


Control = Callable[["Tuning"], float]
"""The factor that Delta should change by."""


class Tuning:
    """A fit of ``target`` [H, W, C], in 8-bit levels, by Gaussians whose colours lie along ``basis`` [C, C].

    ``theta`` [N, 5 + C] is x, y, log l1, log l3, v and amplitudes; ``integers`` what a file keeps of it.
    """

    def __init__(
        self, target: Floats, basis: Floats, delta: float, theta: Floats, recipe: Recipe, crew: Crew
    ) -> None:
        self.height, self.width, self.channels = target.shape
        self.basis = np.ascontiguousarray(basis, np.float32)
        self.delta, self.recipe, self.crew = delta, recipe, crew
        single = np.dtype(np.float32)
        self.canvas = Canvas.zeros(self.height, self.width, self.channels, single)
        self.target = Canvas.zeros(self.height, self.width, self.channels, single)
        self.target.planes(*target.shape)[:] = target
        self.theta = np.ascontiguousarray(theta, np.float32)
        self.m, self.v = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.rounded = False
        self._sort()

    def run(self, more: int, control: Control, report: Callable[[int], object]) -> None:
        """All steps: ``more`` Gaussians are added on the way."""
        r = self.recipe
        grow = [round(r.steps * r.added_by * (i + 1) / r.additions) for i in range(r.additions)]
        every = max(1, round(r.steps * r.every))
        for step in range(r.steps):
            part = step / r.steps
            if not self.rounded and part >= r.rounding_from:
                self.rounded = True
                self._allocate()
            if step in grow and more:
                self._grow(-(-more // r.additions))
            if step % every == every - 1:
                if r.control_from <= part <= r.control_to:
                    self.delta = min(max(self.delta * control(self), FINEST_DELTA), COARSEST_DELTA)
                self._sort(drop=self.rounded)
            self._advance(step)
            report(step + 1)
        self.rounded = True
        self._allocate()
        self._sort(drop=True)
        self.crew.run(self._draw, self.row_shares)

    def error(self) -> float:
        """Mean squared error before the last step, unclamped."""
        left = self.canvas.planes(self.height, self.width, self.channels)
        return float(np.square(left, dtype=np.float64).mean())

    def kept(self) -> Floats:
        """Integers [n, 5 + C] of the Gaussians that do not round to nothing."""
        integers = self.integers
        if not self.rounded:
            integers = np.zeros_like(integers)
            self._settle(0, len(self.theta), integers, True)
            self._settle(0, len(self.theta), self.integers, False)
        return integers[(integers[:, 5:] != 0).any(axis=1)]

    def _advance(self, step: int) -> None:
        r = self.recipe
        cosine = 0.5 * (1 + math.cos(math.pi * step / r.steps))
        rate = np.array(r.rates, np.float32) * np.float32(r.end + (1 - r.end) * cosine)
        rate[3] *= self.delta
        pull = LAMBDA / 2 * self.delta**2 / math.log(2) if step >= r.steps * r.pull_from else 0.0
        sum_up = kernels.moments(self.channels)

        def improve(first: int, last: int) -> None:
            sizes = (self.height, self.width)
            sum_up(self.geometry, self.color, *self.canvas, *sizes, self.sums, first, last)
            descend(
                self.theta, self.m, self.v, self.sums, self.color, self.basis, self.integers, self.delta,
                self.rounded, rate, DECAY, step + 1, np.float32(pull), self.typical, *sizes, first, last,
            )  # fmt: skip
            self._settle(first, last, self.integers, self.rounded)

        self.crew.run(self._draw, self.row_shares)
        self.crew.run(improve, self.point_shares)

    def _draw(self, first: int, last: int) -> None:
        """The residual in rows first..last-1."""
        residual(self.canvas, self.target, self.geometry, self.color, self.width, first, last)

    def _settle(self, first: int, last: int, integers: Floats, rounded: bool) -> None:
        settle(
            self.theta, self.delta, self.basis, rounded, integers,
            self.geometry, self.color, first, last,
        )  # fmt: skip

    def _grow(self, count: int) -> None:
        """Add Gaussians at the peaks of the blurred error, in its colour."""
        left = -self.canvas.planes(self.height, self.width, self.channels)
        blurred = ndimage.gaussian_filter(left, (1.5, 1.5, 0))
        power = np.square(blurred).sum(axis=2)
        peaks = np.flatnonzero(power == ndimage.maximum_filter(power, 5))
        best = peaks[np.argsort(-power.ravel()[peaks], kind="stable")[:count]]
        y, x = np.divmod(best, self.width)
        mu, chol = np.stack([x, y], axis=1), np.tile([2.0, 0.0, 2.0], (len(best), 1))
        new = parameters(mu, chol, blurred[y, x], self.basis)
        self.theta = np.concatenate([self.theta, new])
        self.m, self.v = (np.concatenate([a, np.zeros_like(new)]) for a in (self.m, self.v))
        self._sort()

    def _sort(self, drop: bool = False) -> None:
        """Order Gaussians by strips of 16 rows, without those that round to nothing where ``drop``."""
        order = np.lexsort((self.theta[:, 0], np.floor(self.theta[:, 1] / 16)))
        if drop:
            order = order[(self.integers[order, 5:] != 0).any(axis=1)]
        self.theta, self.m, self.v = (
            np.ascontiguousarray(a[order]) for a in (self.theta, self.m, self.v)
        )
        self._allocate()

    def _allocate(self) -> None:
        """What is drawn, and how the threads share rows and points."""
        n = len(self.theta)
        self.geometry = np.zeros((n, kernels.GEOMETRY), np.float32)
        self.color = np.zeros((n, self.channels), np.float32)
        self.sums, self.integers = np.zeros_like(self.theta), np.zeros(self.theta.shape, np.int64)
        self._settle(0, n, self.integers, self.rounded)
        self.row_shares = self.crew.split(row_costs(self.geometry, 0, self.height))
        rows, columns = self.geometry[:, kernels.ROWS], self.geometry[:, kernels.COLUMNS]
        self.point_shares = self.crew.split(4.0 + np.maximum(rows, 0) * (1 + columns / 8))
        sizes = np.abs(self.theta[:, 5:])
        typical = sizes.mean(axis=0) if n else np.ones(self.channels)
        self.typical = np.maximum(typical, 1e-3).astype(np.float32)


def parameters(mu: Floats, chol: Floats, colors: Floats, basis: Floats) -> Floats:
    """theta [N, 5 + C] of centres, Cholesky factors and colours in 8-bit levels."""
    l1, l2, l3 = np.abs(chol.astype(np.float64)).T
    l2 = chol[:, 1] * np.sign(chol[:, 0])  # the same covariance with l1, l3 > 0
    axes = np.linalg.inv(basis.astype(np.float64))
    amplitudes = colors @ axes * np.sqrt(l1 * l3)[:, None]
    shape = np.stack([np.log(l1), np.log(l3), l2 / l3], axis=1)
    return np.concatenate([mu, shape, amplitudes], axis=1, dtype=np.float32)


def begin_at(
    target: Floats, guide: Floats, basis: Floats, points: int, rng: np.random.Generator
) -> Floats:
    """theta to start from: Gaussians where ``guide`` [H, W, C] changes, in the target's colours."""
    first = start(guide, points, rng)
    at = np.clip(np.rint(first.mu).astype(int), 0, [target.shape[1] - 1, target.shape[0] - 1])
    colors = target[at[:, 1], at[:, 0]] / (2 * np.pi * SIZE**2)
    return parameters(first.mu, first.chol, colors, basis)


def begin_from(splats: Splats, basis: Floats) -> Floats:
    """theta of fitted splats, whose colours are 0..1."""
    return parameters(splats.mu, splats.chol, splats.color * 255.0, basis)
