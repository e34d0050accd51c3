"""A model that learns, and a trainer for any model that can be nudged."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from interleaf import (
    Context,
    CorruptData,
    Dataset,
    Fitted,
    Image,
    InvalidInput,
    Model,
    ModelHandle,
    Schedule,
    Table,
)
from interleaf.pipeline.collection import Collection
from interleaf_toy.config import MeanConfig, TrainerConfig
from interleaf_toy.pixels import Array, from_unit, random_image, unit


@runtime_checkable
class Nudgeable(Protocol):
    """What :class:`Trainer` can train."""

    def copy(self) -> Model: ...

    def nudge(self, image: Image, rate: float) -> float: ...


class Mean(Model):
    """The mean of the pictures it has seen. Untrained it is grey."""

    Config = MeanConfig

    def __init__(self, config: MeanConfig | None = None) -> None:
        super().__init__(config or MeanConfig())
        self.mean: Array | None = None

    def apply(self, image: Image) -> Image:
        """What ``image`` adds to the mean, around grey."""
        return from_unit(unit(image) - self._like(unit(image)) + 0.5)

    def fit(self, data: Dataset, ctx: Context) -> Fitted:
        """A new model that has made ``steps`` steps through ``data``."""
        return train(self.copy(), data, self.config.lr, self.config.steps, ctx)

    def generate(self, count: int, noise: float, ctx: Context) -> Image:
        """``count`` noisy copies of the mean, side by side."""
        mean = np.full((1, 1, 3), 0.5) if self.mean is None else self.mean
        copies = [mean + noise * ctx.rng.standard_normal(mean.shape) for _ in range(count)]
        return from_unit(np.concatenate(copies, axis=1))

    def copy(self) -> Mean:
        """A model of its own with the same memory."""
        other = Mean(self.config)
        other.mean = None if self.mean is None else self.mean.copy()
        return other

    def nudge(self, image: Image, rate: float) -> float:
        """Move towards ``image`` by ``rate``; the mean squared distance before."""
        pixels = unit(image)
        gap = pixels - self._like(pixels)
        self.mean = self._like(pixels) + rate * gap
        return float(np.mean(gap**2))

    def save(self, folder: Path) -> None:
        """``mean.npy``, empty when untrained."""
        np.save(folder / "mean.npy", np.zeros(0) if self.mean is None else self.mean)

    def load(self, folder: Path) -> None:
        """Read ``mean.npy``; raises CorruptData when it is not there or not a picture."""
        if [f.name for f in folder.iterdir()] != ["mean.npy"]:
            raise CorruptData(f"{folder}: expected mean.npy and nothing else")
        try:
            mean = np.load(folder / "mean.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CorruptData(f"{folder}: no readable mean.npy ({error})") from error
        if mean.size and mean.ndim != 3:
            raise CorruptData(f"{folder}/mean.npy: expected H×W×C, got shape {mean.shape}")
        self.mean = mean if mean.size else None

    def _like(self, pixels: Array) -> Array:
        return np.full(pixels.shape, 0.5) if self.mean is None else self.mean

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of([random_image(f"mean {i}", 4) for i in range(3)])
        calls = {"apply": [{"image": data[0]}], "fit": [{"data": data}]}
        calls["generate"] = [{"count": 2, "noise": 0.1}, {"count": 1, "noise": 0.0}]
        return {"configs": [MeanConfig(steps=5)], "calls": calls}


class Trainer(Model):
    """Trains whatever model it is handed, of its own plugin or another."""

    Config = TrainerConfig

    def fit(
        self, model: ModelHandle, data: Dataset, ctx: Context, lr: Schedule | None = None
    ) -> Fitted:
        """A trained copy of ``model``; raises InvalidInput for a model that cannot be nudged."""
        live = model.load(ctx)
        if not isinstance(live, Nudgeable):
            raise InvalidInput(f"{model.component} cannot be trained by toy.trainer")
        return train(live.copy(), data, lr, self.config.steps, ctx)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of([random_image(f"mean {i}", 4) for i in range(3)])
        handle = ModelHandle("toy.mean", {"lr": None, "steps": 8}, None, "an untrained mean")
        return {
            "configs": [TrainerConfig(steps=4)],
            "calls": {"fit": [{"model": handle, "data": data}]},
        }


def train(model: Any, data: Dataset, lr: Schedule | None, steps: int, ctx: Context) -> Fitted:
    """Nudge ``model`` in place ``steps`` times through ``data``; the log has rate and loss."""
    rows = []
    for step, image in enumerate(islice(cycle(data), steps)):
        rate = _rate(lr, step)
        rows.append({"step": step, "rate": rate, "loss": model.nudge(image, rate)})
        ctx.monitor.progress(step + 1, steps)
    return Fitted(model=model, log=Table.from_rows(rows, "training"))


def _rate(lr: Schedule | None, step: int) -> float:
    if lr is None:
        return 1 / (step + 1)
    stop = lr.domain.stop
    return next(iter(lr.at(step if stop is None else min(step, stop)).values()))
