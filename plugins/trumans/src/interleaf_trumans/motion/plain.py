"""The denoiser and its sampler in numpy, for one body at a time: walking needs no torch.

The same numbers as `network` and `diffusion` to 1e-4 (tested).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from scipy.special import erf

from interleaf_trumans.motion.frames import AFTER, BEFORE, SIZE, TERMS, ahead, terms
from interleaf_trumans.motion.seeing import CELLS, LAYERS
from interleaf_trumans.scenes.surface import Array

LATENT, GIVEN, WHERE, WAVES, SCENE = 128, 96, 9, 32, 64  # as in `network`
Shape = tuple[int, ...]


class Net:
    """Weights by the names of `diffusion.Walker`'s state."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.w = {
            k: np.ascontiguousarray(v.T if k.endswith("weight") and v.ndim == 2 else v, np.float32)
            for k, v in weights.items()
        }
        self.mean = np.asarray(weights["mean"], float)
        self.stand = np.asarray(weights["stand"], float)
        self.launch = np.asarray(weights["launch"], float)
        self.depth = 1 + max(int(k.split(".")[2]) for k in weights if k.startswith("net.blocks."))

    def sample(
        self, before: Array, where: Array, cells: Array, rng: np.random.Generator, steps: int = 10,
        seeing: float = 1.0,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Frames [24, 72] after ``before`` [6, 72], asked for ``where`` [9], seeing ``cells`` [4, 32, 32], by
        ``steps`` of DDIM; and those that the same noise gives where nothing is seen.

        ``seeing``: how many times as much is made of what seeing changes (classifier-free guidance, Ho &
        Salimans, arXiv 2207.12598, equation 6). What is given, asked and seen is encoded once.
        """
        given = ((before - self.w["middle"]) / self.w["scale"]).reshape(-1).astype(np.float32)
        plain = np.concatenate([given @ self.w["view"], where.astype(np.float32)])
        empty = np.concatenate([plain, self._scene(np.zeros(cells.shape, np.float32))])
        full = np.concatenate([plain, self._scene(cells.astype(np.float32))])
        told = np.stack([full, empty, empty] if cells.any() else [empty])
        levels = np.linspace(1, 0, steps + 1)
        told = self._linear("asked", told) + self.w["net.noisy.bias"]
        noise = _waves(levels[:-1]) @ self.w["net.noisy.weight"][LATENT:]
        x: Array = np.repeat(rng.standard_normal(LATENT, np.float32)[None], len(told), 0)
        for k, (now, after) in enumerate(pairwise(levels)):
            x0 = self._clean(x @ self.w["net.noisy.weight"][:LATENT] + told + noise[k])
            if len(x) > 1:
                x0[:2] = x0[1] + np.float32(seeing) * (x0[0] - x0[1])
            a, b = _signal(float(now)), _signal(float(after))
            e = (x - np.float32(a) * x0) / np.float32(max(1 - a * a, 1e-8) ** 0.5)
            x = np.float32(b) * x0 + np.float32((1 - b * b) ** 0.5) * e
        asked = where[None].astype(np.float32)
        guess = terms(given[None], asked, self.w["view"], self.w["plane"], np.concatenate)[0]
        more = (guess @ self.w["guess"] + x @ self.w["basis"]).reshape(-1, AFTER, SIZE)
        made: Array = ahead(before, AFTER) + more
        return made[0], made[-1]

    def _linear(self, name: str, x: Array) -> Array:
        out: Array = x @ self.w[f"net.{name}.weight"] + self.w[f"net.{name}.bias"]
        return out

    def _scene(self, cells: Array) -> Array:
        x = _gelu(self._linear("scene.near", _patches(np.moveaxis(cells, 0, -1), 4)))
        x = _gelu(self._linear("scene.wide", _patches(x, 2)))
        return self._linear("scene.whole", x.reshape(-1))

    def _clean(self, x: Array) -> Array:
        for k in range(self.depth):
            up = _gelu(self._linear(f"blocks.{k}.up", self._norm(f"blocks.{k}.norm", x)))
            x = x + self._linear(f"blocks.{k}.down", up)
        return self._linear("window", self._norm("norm", x))

    def _norm(self, name: str, x: Array) -> Array:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-5))
        return np.asarray(x * self.w[f"net.{name}.weight"] + self.w[f"net.{name}.bias"])


def shapes(width: int, depth: int) -> dict[str, Shape]:
    """Of the weights, by their names."""
    linear = {
        "noisy": (width, LATENT + WAVES), "asked": (width, GIVEN + WHERE + SCENE),
        "window": (LATENT, width), "scene.near": (32, LAYERS * 16), "scene.wide": (64, 32 * 4),
        "scene.whole": (SCENE, 64 * (CELLS // 8) ** 2),
    }  # fmt: skip
    for k in range(depth):
        linear |= {f"blocks.{k}.up": (width, width), f"blocks.{k}.down": (width, width)}
    found: dict[str, Shape] = {
        "middle": (SIZE,), "scale": (SIZE,), "view": (BEFORE * SIZE, GIVEN), "mean": (22, 4),
        "plane": (BEFORE * SIZE + 1, 2), "guess": (TERMS, AFTER * SIZE),
        "basis": (LATENT, AFTER * SIZE), "stand": (BEFORE, SIZE), "launch": (BEFORE, SIZE),
    }  # fmt: skip
    for name, shape in linear.items():
        found[f"net.{name}.weight"], found[f"net.{name}.bias"] = shape, shape[:1]
    for name in ("norm", *(f"blocks.{k}.norm" for k in range(depth))):
        found[f"net.{name}.weight"] = found[f"net.{name}.bias"] = (width,)
    return found


def _gelu(x: Array) -> Array:
    return np.asarray(x * (erf(x * np.float32(np.sqrt(0.5))) + 1) * np.float32(0.5))


def _waves(level: Array) -> Array:
    rates = np.exp(np.linspace(0, 4, WAVES // 2, dtype=np.float32))
    angles = level[:, None].astype(np.float32) * rates * np.float32(np.pi / 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], 1)


def _patches(x: Array, side: int) -> Array:
    """[H, W, C] → [H/side, W/side, side·side·C]."""
    h, w, c = x.shape
    x = x.reshape(h // side, side, w // side, side, c).swapaxes(1, 2)
    return x.reshape(h // side, w // side, side * side * c)


def _signal(level: float) -> float:
    return math.cos(min(level, 0.999) * math.pi / 2)
