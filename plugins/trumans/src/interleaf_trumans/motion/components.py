"""`trumans.motion`: the learned walkers as a Model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property, partial
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context, Dataset, Fitted, Model, Schedule
from interleaf.values import Motion as Moved
from interleaf_trumans.config import MotionConfig
from interleaf_trumans.motion.frames import CONTACT, HEIGHT
from interleaf_trumans.motion.plain import Net, shapes
from interleaf_trumans.motion.walker import Learned
from interleaf_trumans.refusing import refused
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.walking.clips import Clip

WEIGHTS = "weights.safetensors"
SHIPPED = Path(__file__).parents[1] / "weights"


class Motion(Model):
    """Walks as a network does: the package's own small one, or the paper's with a user's weights."""

    Config = MotionConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._weights: dict[str, Any] | None = None

    @property
    def weights(self) -> dict[str, Any]:
        """Of the small network: fitted or loaded ones, else those of the configuration."""
        if self._weights is None:
            file = Path(self.config.weights) if self.config.weights else SHIPPED
            self._weights = self._read(file / WEIGHTS if file.is_dir() else file)
        if not self._weights:
            raise CorruptData(f"{self.config.weights} holds no weights", hint="train some first")
        return self._weights

    def _read(self, file: Path) -> dict[str, Any]:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        c: MotionConfig = self.config
        try:
            found: dict[str, Any] = load_file(file)
        except (SafetensorError, OSError, ValueError) as error:
            raise CorruptData(f"{file} cannot be read: {error}", hint="copy it again") from None
        if not found:
            return found  # nothing was learnt yet
        expected = shapes(c.width, c.depth)
        wrong = sorted(n for n in expected.keys() | found.keys()
                       if n not in found or n not in expected or found[n].shape != expected[n])  # fmt: skip
        if wrong:
            raise CorruptData(
                f"{file} is of another network: {', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}",
                hint="use the configuration it was trained with (width, depth)",
            )
        return found

    @cached_property
    def walker(self) -> Any:
        """What walks."""
        c: MotionConfig = self.config
        if c.preset == "small":
            return Learned(Net(self.weights), steps=c.ddim or 10, seeing=lambda frame: c.seeing)
        if not c.weights:
            raise InvalidInput(
                "the paper's network has no weights here",
                hint="weights: a file that `interleaf trumans convert` made of the release's checkpoint",
            )
        try:
            from interleaf_trumans.paper.walker import paper_walker
        except ImportError as error:
            raise InvalidInput(
                f"the paper's network needs {error.name}",
                hint="pip install 'interleaf-trumans[torch]'",
            ) from None
        return paper_walker(c.weights, steps=c.ddim or 100)

    def generate(
        self, scene: Scene, timeline: Schedule, seeing: Schedule | None = None, radius: float = 0.32,
        nearest: bool = False, ctx: Context | None = None,
    ) -> Moved:  # fmt: skip
        """The motion of a timeline in a scene, 30 frames a second; ``seeing``: over frames, in place of the
        configuration's."""
        from interleaf_trumans.components import generated

        if seeing is not None and self.config.preset != "small":
            raise InvalidInput("the paper's network takes no 'seeing'", hint="preset: small")
        walker = self.walker
        if seeing is not None:
            walker = Learned(walker.net, steps=walker.steps, seeing=partial(_value, seeing))
        return generated(scene, walker, timeline, radius, nearest, ctx or Context())

    def fit(
        self, data: Dataset, held: Dataset | None = None, lr: Schedule | None = None, steps: int = 10_000,
        batch: int = 256, rate: float = 1.2e-3, ema: float = 0.998, precision: Any = "float32",
        copies: int = 12, around: float = 0.45, seed: int | None = None, ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """A small network trained from the beginning on walks; what is a take of ``held`` is left out."""
        c, ctx = self.config, ctx or Context()
        ctx = ctx if seed is None else replace(ctx, seed=seed)
        if c.preset != "small":
            raise InvalidInput("the preset 'paper' is not trained here", hint="preset: small")
        try:
            from interleaf_training.config import Recipe
            from interleaf_trumans.motion.learning import fitted
        except ImportError as error:
            raise InvalidInput(
                f"training needs {error.name}", hint="pip install 'interleaf-trumans[train]'"
            ) from None
        recipe = Recipe(
            steps=steps, batch=batch, lr=rate, ema=ema, precision=precision, weight_decay=0.01, log_every=50
        )  # fmt: skip
        with refused():
            state, log = fitted(
                clips_of(data), held=clips_of(held) if held is not None else (), width=c.width, depth=c.depth,
                count=copies, around=around, recipe=recipe, lr=lr, ctx=ctx,
            )  # fmt: skip
        made = Motion(c)
        made._weights = state
        return Fitted(made, log)

    def save(self, folder: Path) -> None:
        """The weights; a file without any where none were learnt."""
        from safetensors.numpy import save_file

        save_file(self._weights or {}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """What `save` wrote."""
        names = sorted(f.name for f in folder.iterdir())
        if names != [WEIGHTS]:
            raise CorruptData(f"{folder} holds {names}", hint=f"expected {WEIGHTS} alone")
        self._weights = self._read(folder / WEIGHTS) or None

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.components import ActionTimeline
        from interleaf_trumans.config import TimelineConfig
        from interleaf_trumans.examples import example_clips, example_scene

        file = Path(str(package_files("interleaf_trumans"))) / "samples" / "walk.yaml"
        call = {
            "scene": example_scene(),
            "timeline": ActionTimeline(TimelineConfig(file=str(file))),
        }
        calls: dict[str, Any] = {"generate": [call]}
        weights = str(example_weights())
        if find_spec("interleaf_training"):
            calls["fit"] = [{"data": example_clips(), "steps": 2, "batch": 4, "copies": 1}]
        return {
            "configs": [MotionConfig(weights=weights), MotionConfig(weights=weights, ddim=3)],
            "calls": calls,
        }


@cache
def example_weights() -> Path:
    """A file of untrained weights, always the same: a body that glides."""
    from safetensors.numpy import save_file

    c, rng = MotionConfig(), np.random.default_rng(0)
    made = {k: np.zeros(s, np.float32) for k, s in shapes(c.width, c.depth).items()}
    for name, values in made.items():
        if name.startswith("net.") and values.ndim == 2:
            values[:] = rng.normal(0, values.shape[1] ** -0.5, values.shape)
        elif name.endswith("norm.weight") or name == "scale":
            values[:] = 1.0
    made["mean"][:, 0] = 1.0
    for name in ("stand", "launch"):
        made[name][:, HEIGHT] = 0.9
        made[name][:, CONTACT] = 1.0
    file = Path(mkdtemp(prefix="interleaf-trumans-")) / WEIGHTS
    save_file(made, file)
    return file


def _value(schedule: Schedule, frame: int) -> float:
    return next(iter(schedule.at(frame).values()))


def clips_of(data: Dataset) -> list[Clip]:
    """Motions of `trumans.clips` as clips."""
    from interleaf_trumans.walking.clips import canonical

    ids = getattr(data, "ids", None)
    names = list(ids()) if ids is not None else [f"motion {i}" for i in range(len(list(data)))]
    return [canonical(m, str(n)) for n, m in zip(names, data, strict=True)]
