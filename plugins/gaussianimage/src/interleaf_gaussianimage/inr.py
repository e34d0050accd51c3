"""Pictures as networks from coordinates to colours, to compare with (extra ``[torch]``).

    SIREN      sin(w (W x + b)), layer after layer                              Sitzmann et al. 2020
    WIRE       exp(i w z - |s z|^2), z = W x + b, complex                       Saragadam et al. 2023
    hash grid  learned features on grids of rising fineness, then a small MLP   Mueller et al. 2022
    COIN       a small SIREN whose weights are kept in 16 bits                  Dupont et al. 2021

A network takes coordinates [B, 2], each in -1..1 from edge to edge, and gives colours [B, C].
"""

# mypy: disable-error-code="untyped-decorator, misc, no-untyped-call"

import math
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .splats import Floats

AT_ONCE = 1 << 16  # coordinates that are drawn at a time
TOLD = 0.9  # of the running mean of the error that is told
LAST_RATE = 0.1  # of the first; the rate falls geometrically


class Sine(nn.Module):
    """sin(w (W x + b)), with the start of SIREN, section 3.2."""

    def __init__(self, inputs: int, outputs: int, omega: float, first: bool) -> None:
        super().__init__()
        self.linear, self.omega = nn.Linear(inputs, outputs), omega
        bound = 1 / inputs if first else math.sqrt(6 / inputs) / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, outputs]."""
        return torch.sin(self.omega * self.linear(x))


class Siren(nn.Module):
    """`layers` layers of `width` sines, then a linear one."""

    def __init__(self, channels: int, width: int, layers: int, omega: float) -> None:
        super().__init__()
        sizes = [2, *[width] * layers]
        pairs = enumerate(pairwise(sizes))
        self.sines = nn.Sequential(*[Sine(a, b, omega, i == 0) for i, (a, b) in pairs])
        self.last = nn.Linear(width, channels)
        bound = math.sqrt(6 / width) / omega
        nn.init.uniform_(self.last.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2] -> [B, C]."""
        return self.last(self.sines(x))


class Wire(nn.Module):
    """A real layer, then `layers` complex ones of `width`, each under a Gabor wavelet."""

    def __init__(self, channels: int, width: int, layers: int, omega: float, sigma: float) -> None:
        super().__init__()
        self.omega, self.sigma = omega, sigma
        self.first = nn.Linear(2, width)
        hidden = [nn.Linear(width, width, dtype=torch.cfloat) for _ in range(layers)]
        self.hidden = nn.ModuleList(hidden)
        self.last = nn.Linear(width, channels, dtype=torch.cfloat)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2] -> [B, C]."""
        z = self.first(x)
        x = _turned(torch.exp(-((self.sigma * z) ** 2)), self.omega * z)
        for layer in self.hidden:
            x = self._gabor(layer(x))
        return self.last(x).real

    def _gabor(self, z: Tensor) -> Tensor:
        # exp(i w (a + ib) - s^2 |z|^2) = exp(-w b - s^2 (a^2 + b^2)) exp(i w a)
        a, b = z.real, z.imag
        size = torch.exp(-self.omega * b - self.sigma**2 * (a * a + b * b))
        return _turned(size, self.omega * a)


def _turned(size: Tensor, angle: Tensor) -> Tensor:
    """size exp(i angle); torch.polar's gradient is no number where the size is subnormal."""
    return torch.complex(size * torch.cos(angle), size * torch.sin(angle))


class HashGrid(nn.Module):
    """`levels` grids from `base` to `finest` cells a side, 2**`table` entries at most, then an MLP."""

    def __init__(
        self,
        channels: int,
        levels: int,
        features: int,
        table: int,
        base: int,
        finest: int,
        width: int,
        layers: int,
    ) -> None:
        super().__init__()
        growth = (finest / base) ** (1 / max(levels - 1, 1))
        self.sides = [round(base * growth**level) for level in range(levels)]
        self.entries = [min((side + 1) ** 2, 1 << table) for side in self.sides]
        self.features = nn.Parameter(torch.empty(sum(self.entries), features))
        nn.init.uniform_(self.features, -1e-4, 1e-4)
        sizes = [levels * features, *[width] * layers]
        parts: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            parts += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.mlp = nn.Sequential(*parts, nn.Linear(sizes[-1], channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2] -> [B, C]."""
        index, weights, first = [], [], 0
        for side, entries in zip(self.sides, self.entries, strict=True):
            corners, near = _corners((x + 1) * (side / 2), side, entries)
            index.append(corners + first)
            weights.append(near)
            first += entries
        corners, near = torch.stack(index, 1), torch.stack(weights, 1)  # [B, levels, 4]
        found = _Sum.apply(self.features, corners.reshape(-1, 4), near.reshape(-1, 4))
        return self.mlp(found.reshape(len(x), -1))


def _corners(at: Tensor, side: int, entries: int) -> tuple[Tensor, Tensor]:
    """Entries [B, 4] of the corners of the cells that `at` [B, 2] lies in, and how near they are."""
    low = at.floor().clamp(0, side - 1)
    u, v = (at - low).unbind(1)
    x, y = low.long().unbind(1)
    x, y = torch.stack([x, x + 1, x, x + 1], 1), torch.stack([y, y, y + 1, y + 1], 1)
    whole = (side + 1) ** 2 <= entries
    index = y * (side + 1) + x if whole else (x ^ (y * 2654435761)) % entries
    return index, torch.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], 1)


class _Sum(torch.autograd.Function):
    """Rows of a table, weighted and summed; torch's own backward of it takes 30 times as long on a CPU."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(index, weights)
        ctx.entries = len(rows)
        return functional.embedding_bag(index, rows, mode="sum", per_sample_weights=weights)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        index, weights = ctx.saved_tensors
        shares = (weights[:, :, None] * grads[0][:, None]).reshape(index.numel(), -1)
        columns = [torch.bincount(index.reshape(-1), c, ctx.entries) for c in shares.unbind(1)]
        return torch.stack(columns, 1).to(grads[0].dtype), None, None


def coordinates(height: int, width: int, first: int = 0, last: int | None = None) -> Tensor:
    """[P, 2] where pixels first..last-1 lie, counted row by row."""
    index = torch.arange(first, height * width if last is None else last)
    row, column = index // width, index % width
    return torch.stack([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1], 1)


@torch.no_grad()
def draw(network: nn.Module, height: int, width: int) -> Floats:
    """The picture [H, W, C] float32, unclamped."""
    ends = range(0, height * width, AT_ONCE)
    parts = [
        network(coordinates(height, width, first, min(first + AT_ONCE, height * width)))
        for first in ends
    ]
    return np.asarray(torch.cat(parts).reshape(height, width, -1).numpy())


class Training:
    """Adam on the mean squared error over `batch` pixels a step, drawn at random; 0 takes all of them.

    `target` is [H, W, C] float32 in 0..1. The rate falls from `rate` to a tenth of it over `steps`
    steps, or over `minutes` where those are set and end first.
    """

    def __init__(
        self,
        network: nn.Module,
        target: Floats,
        rate: float,
        steps: int,
        batch: int = 0,
        minutes: float = 0.0,
        seed: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.network, self.rate, self.steps, self.batch = network, rate, steps, batch
        self.height, self.width = target.shape[:2]
        self.colors = torch.from_numpy(target).reshape(-1, target.shape[2])
        self.places = coordinates(self.height, self.width)
        self.adam = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), eps=1e-15)
        self.limit, self.seed, self.clock = 60 * minutes, seed, clock
        self.step, self.spent, self.error = 0, 0.0, 0.0

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        by_time = self.spent / self.limit if self.limit else 0.0
        return min(1.0, max(self.step / max(self.steps, 1), by_time))

    def advance(self) -> None:
        """One step."""
        began = self.clock()
        self.adam.param_groups[0]["lr"] = self.rate * LAST_RATE**self.progress
        places, colors = self._batch()
        loss = (self.network(places) - colors).square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        kept = min(TOLD, self.step / (self.step + 1)) if self.batch else 0.0
        self.error = kept * self.error + (1 - kept) * loss.item()
        self.step += 1
        self.spent += self.clock() - began

    def _batch(self) -> tuple[Tensor, Tensor]:
        if not self.batch or self.batch >= len(self.places):
            return self.places, self.colors
        # a generator of the step's own: what goes on after a kill draws what it would have drawn
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + self.step) % (1 << 63))
        index = torch.randint(len(self.places), (self.batch,), generator=generator)
        return self.places[index], self.colors[index]

    @property
    def state(self) -> dict[str, Floats]:
        """All that `restore` needs to go on exactly."""
        kept = {"step": np.array(self.step), "times": np.array([self.spent, self.error])}
        for i, parameter in enumerate(self.network.parameters()):
            kept[f"p{i}"] = parameter.detach().numpy()
            for name in ("exp_avg", "exp_avg_sq"):
                moment = self.adam.state[parameter].get(name, torch.zeros_like(parameter))
                kept[f"{name}{i}"] = moment.numpy()
        return kept

    @torch.no_grad()
    def restore(self, state: Mapping[str, Floats]) -> None:
        """Go on where `state` was taken; raises ValueError when it belongs to another network."""
        parameters = list(self.network.parameters())
        if any(state[f"p{i}"].shape != tuple(p.shape) for i, p in enumerate(parameters)):
            raise ValueError("the state of another network")
        self.step = int(state["step"])
        self.spent, self.error = map(float, state["times"])
        for i, p in enumerate(parameters):
            p.copy_(torch.from_numpy(state[f"p{i}"]))
            moments: dict[str, Any] = {
                name: torch.from_numpy(state[f"{name}{i}"].copy())
                for name in ("exp_avg", "exp_avg_sq")
            }
            self.adam.state[p] = {"step": torch.tensor(float(self.step)), **moments}


def numbers(network: nn.Module) -> Floats:
    """All parameters in order, float32; a complex one counts as two."""
    flat = [torch.view_as_real(p) if p.is_complex() else p for p in network.parameters()]
    return np.concatenate([p.detach().reshape(-1).numpy() for p in flat])


@torch.no_grad()
def put(network: nn.Module, values: Floats) -> None:
    """Set all parameters from `numbers`; raises ValueError where there are more or fewer."""
    flat = [torch.view_as_real(p) if p.is_complex() else p for p in network.parameters()]
    if len(values) != sum(p.numel() for p in flat):
        raise ValueError(f"{len(values)} numbers for {sum(p.numel() for p in flat)} parameters")
    at = 0
    for p in flat:
        p.copy_(torch.from_numpy(values[at : at + p.numel()].copy()).reshape(p.shape))
        at += p.numel()
