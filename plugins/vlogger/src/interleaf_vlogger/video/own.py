"""`vlogger.personal`: a renderer of video made one person's own, by adapters alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.interfaces import Context, Dataset, Fitted, Schedule
from interleaf_training import Recipe, train
from interleaf_training.model import load_weights, seeded
from interleaf_training.sources import ArraySource
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.video import personal
from interleaf_vlogger.video.building import Renderer, built
from interleaf_vlogger.video.components import Denoising, Video, clips
from interleaf_vlogger.video_config import PersonalConfig, PersonalFitConfig

ADAPTERS = "adapters.safetensors"


class Personal(Video):
    """A ``vlogger.video`` and adapters on it; saved are the adapters alone."""

    Config = PersonalConfig

    def build(self) -> Renderer:
        """The network that everyone has, without adapters."""
        made = built(self.config)
        if self.config.weights:
            load_weights(made, Path(self.config.weights))
        return made.eval()

    def initialise(self, seed: int) -> None:
        """The network, the same for every ``seed``, with adapters that change nothing yet."""
        with seeded(0):
            made = self.build()
        personal.attach(made.network, self.config.rank, seed)
        self._module = made

    @property
    def module(self) -> nn.Module:
        """The live network: what was fitted or loaded, else ``adapters``."""
        if self._module is None:
            if not self.config.adapters:
                raise WeightsMissing(
                    "vlogger.personal has no adapters", hint="fit it, or give adapters"
                )
            with seeded(0):
                made = self.build()
            personal.load(made.network, Path(self.config.adapters))
            self._module = made
        return self._module

    def fit(  # type: ignore[override]
        self, data: Dataset, lr: Schedule | None = None, recipe: Recipe | None = None,
        ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """Adapters trained on single frames of one person."""
        ctx = ctx or Context()
        people = [p for p in data if isinstance(p, Portrayed)]
        if not people:
            raise InvalidInput("there is nothing to train on", hint="shots of one person")
        made = Personal(self.config)
        made.initialise(ctx.seed)
        source = ArraySource(*clips(people, 1), seed=ctx.seed % 2**63)
        values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
        how = recipe or PersonalFitConfig().recipe
        done = train(Denoising(made.renderer), source, how, values=values, ctx=ctx)
        made.renderer.requires_grad_(False)
        return Fitted(made, done.log)

    def save(self, folder: Path) -> None:
        """The adapters."""
        personal.save(self.renderer.network, folder / ADAPTERS)

    def load(self, folder: Path) -> None:
        """What ``save`` wrote; CorruptData when anything is missing, extra or of another network."""
        names = {f.name for f in folder.iterdir()}
        if names != {ADAPTERS}:
            raise CorruptData(f"{folder} holds {sorted(names)}", hint=f"expected {ADAPTERS} alone")
        with seeded(0):
            made = self.build()
        personal.load(made.network, folder / ADAPTERS)
        self._module = made

    def plain(self) -> Video:
        """Everyone's network again, bit for bit; this model has no adapters any more."""
        found = Video(self.config)
        personal.detach(self.renderer.network)
        found._module, self._module = self.renderer, None
        return found

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        told = super().examples()
        fit = {k: v for k, v in told["calls"]["fit"][0].items() if k != "time_recipe"}
        return {
            "configs": [PersonalConfig(widths=(8, 16), side=16, frames=2, rank=2)],
            "calls": {"fit": [fit], "generate": told["calls"]["generate"]},
        }
