"""Fitting for a file: gradient descent on squared error plus the rate, through the rounding.

    minimise  || picture - sum ||^2 + lambda * bits,   lambda = 0.363 Delta^2 per bit
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from . import kernels
from .bands import Crew
from .drawing import Canvas, row_costs
from .initial import start
from .quantising import descend, settle
from .splats import Floats

DECAY = (0.9, 0.99)
LAMBDA = 0.363


@dataclass(frozen=True)
class Recipe:
    steps: int = 1500
    begin: float = 0.6
    additions: int = 4
    added_by: float = 0.3
    rounding_from: float = 0.4
    pull_from: float = 0.25
    prune_every: float = 0.08
    lam: float = LAMBDA
    rates: tuple[float, float, float, float] = (0.10, 0.07, 0.10, 0.08)
    end: float = 0.02


class Tuning:
    def __init__(self, target, image, basis, delta, points, recipe, rng, threads=None):
        self.recipe, self.delta, self.points, self.rng = recipe, float(delta), points, rng
        self.height, self.width, self.channels = target.shape
        self.basis = np.ascontiguousarray(basis, np.float32)
        dtype = np.dtype(np.float32)
        self.canvas = Canvas.zeros(self.height, self.width, self.channels, dtype)
        self.target = Canvas.zeros(self.height, self.width, self.channels, dtype)
        self.target.planes(*target.shape)[:] = target
        self.crew = Crew(threads)
        first = start(image, max(1, int(points * recipe.begin)), rng)
        at = np.clip(np.rint(first.mu).astype(int), 0, [self.width - 1, self.height - 1])
        colors = target[at[:, 1], at[:, 0]] / (2 * np.pi * 0.45**2)
        self.theta = self.rows(first.mu, first.chol, colors)
        self.m, self.v = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.step = 0
        self.rounded = False

    def rows(self, mu, chol, colors):
        l1, l2, l3 = chol.astype(np.float64).T
        a = colors @ self.basis.T.astype(np.float64) * np.sqrt(l1 * l3)[:, None]
        shape = np.stack([np.log(l1), np.log(l3), l2 / l3], axis=1)
        return np.ascontiguousarray(np.concatenate([mu, shape, a], axis=1), np.float32)

    def allocate(self):
        n = len(self.theta)
        self.geometry = np.zeros((n, kernels.GEOMETRY), np.float32)
        self.color = np.zeros((n, self.channels), np.float32)
        self.sums = np.zeros_like(self.theta)
        self.integers = np.zeros(self.theta.shape, np.int64)
        self.settle(0, n)
        self.row_shares = self.crew.split(row_costs(self.geometry, 0, self.height))
        rows, columns = self.geometry[:, kernels.ROWS], self.geometry[:, kernels.COLUMNS]
        self.point_shares = self.crew.split(4.0 + np.maximum(rows, 0) * (1 + columns / 8))
        self.spread_of = np.maximum(np.abs(self.theta[:, 5:]).mean(axis=0), 1e-3).astype(np.float32)

    def settle(self, first, last):
        settle(self.theta, self.delta, self.basis, self.height, self.width, self.rounded, self.integers,
               self.geometry, self.color, first, last)

    def keep(self, which):
        self.theta, self.m, self.v = (np.ascontiguousarray(a[which]) for a in (self.theta, self.m, self.v))
        self.allocate()

    def sort(self):
        strip = np.floor(self.theta[:, 1] / 16)
        self.keep(np.lexsort((self.theta[:, 0], strip)))

    def draw(self, first, last):
        canvas, stride = self.canvas
        row = self.channels * stride
        kernels.begin(canvas, self.target.flat, first * row, last * row)
        add = kernels.add_rows(self.channels)
        add(self.geometry, self.color, canvas, stride, first, last, 0, 0, self.width)
        kernels.clear_spare(canvas, stride, self.width, first * self.channels, last * self.channels)

    def grow(self, count):
        residual = -self.canvas.planes(self.height, self.width, self.channels)
        blurred = ndimage.gaussian_filter(residual, (1.5, 1.5, 0))
        power = (blurred**2).sum(axis=2)
        peaks = (power == ndimage.maximum_filter(power, 5)).ravel().nonzero()[0]
        best = peaks[np.argsort(-power.ravel()[peaks])[:count]]
        y, x = np.divmod(best, self.width)
        mu = np.stack([x, y], axis=1).astype(np.float64)
        chol = np.tile([2.0, 0.0, 2.0], (len(best), 1))
        new = self.rows(mu, chol, blurred[y, x])
        self.theta = np.concatenate([self.theta, new])
        self.m = np.concatenate([self.m, np.zeros_like(new)])
        self.v = np.concatenate([self.v, np.zeros_like(new)])
        self.sort()

    def run(self, monitor=None):
        r = self.recipe
        self.sort()
        grow_at = {int(r.steps * r.added_by * (i + 1) / r.additions) for i in range(r.additions)} if r.additions else ()
        share = int(self.points * (1 - r.begin) / max(1, r.additions))
        prune = max(1, int(r.steps * r.prune_every))
        round_at = int(r.steps * r.rounding_from)
        for step in range(r.steps):
            if step == round_at:
                self.rounded = True
                self.allocate()
            if step in grow_at:
                self.grow(share)
            if self.rounded and (step - round_at) % prune == prune - 1 or step == r.steps - 1:
                self.keep((self.integers[:, 5:] != 0).any(axis=1))
            elif step % 100 == 99:
                self.sort()
            self.step += 1
            factor = r.end + (1 - r.end) * 0.5 * (1 + math.cos(math.pi * step / r.steps))
            rate = np.array(r.rates, np.float32) * np.float32(factor)
            rate[3] *= self.delta
            pull = 0.5 * r.lam * self.delta**2 / math.log(2) if step >= r.steps * r.pull_from else 0.0
            self.crew.run(self.draw, self.row_shares)
            def improve(first, last):
                kernels.moments(self.channels)(self.geometry, self.color, *self.canvas, self.height, self.width, self.sums, first, last)
                descend(self.theta, self.m, self.v, self.sums, self.color, self.basis, self.integers, self.delta,
                        self.rounded, rate, DECAY, self.step, np.float32(pull), self.spread_of, self.height, self.width, first, last)
                self.settle(first, last)
            self.crew.run(improve, self.point_shares)
            if monitor and step % 100 == 0:
                monitor(step, len(self.theta), self.error())
        self.keep((self.integers[:, 5:] != 0).any(axis=1))
        self.crew.run(self.draw, self.row_shares)

    def error(self):
        residual = self.canvas.planes(self.height, self.width, self.channels)
        return float(np.square(residual, dtype=np.float64).mean())
