"""`vlogger.refiner`: the network over the compositor as a model that is trained and draws."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Context, Dataset, Fitted, Schedule
from interleaf.values import Frames, Image, Motion
from interleaf_body.values import Face, Person
from interleaf_training import Recipe, TorchModel, train
from interleaf_training.model import load_weights
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.refining.learning import Correcting, Pictures
from interleaf_vlogger.refining.network import UNet
from interleaf_vlogger.refining.refined import Refined, Where
from interleaf_vlogger.speaking import Manner, animated, matching
from interleaf_vlogger.video_config import RefinerConfig, RefinerFitConfig

Floats = np.ndarray[Any, Any]


class Refiner(TorchModel):
    """A one-step correction of the compositor's frames."""

    Config = RefinerConfig

    def build(self) -> UNet:
        """Untrained: it changes nothing."""
        network = UNet(self.config.widths, self.config.cell)
        if self.config.side % network.step:
            raise InvalidInput(
                f"a side of {self.config.side} pixels cannot be halved at every level",
                hint=f"a multiple of {network.step}",
            )
        return network

    @property
    def module(self) -> nn.Module:
        """The live network: what was fitted or loaded, else ``weights``."""
        if self._module is None:
            if not self.config.weights:
                raise WeightsMissing(
                    "vlogger.refiner has no weights: ours gain on drawn people and nothing on photos",
                    hint="train it (vlogger/refine-small) and give weights; or use vlogger.compositor",
                )
            module = self.build()
            load_weights(module, Path(self.config.weights))
            self._module = module.eval()
        return self._module

    @property
    def network(self) -> UNet:
        """The live network."""
        found = self.module
        assert isinstance(found, UNet)
        return found

    def fit(
        self, data: Dataset, lr: Schedule | None = None, recipe: Recipe | None = None,
        ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """Trained from the beginning on drawn or filmed people."""
        ctx = ctx or Context()
        made = Refiner(self.config)
        made.initialise(ctx.seed)
        people = (p for p in data if isinstance(p, Portrayed))
        source = Pictures(people, self.config.side, ctx.seed % 2**63)
        values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
        objective = Correcting(made.network)
        done = train(objective, source, recipe or RefinerFitConfig().recipe, values=values, ctx=ctx)
        made.module.eval()
        return Fitted(made, done.log)

    def over(self, photo: Floats, person: Person, where: Where = "holes") -> Refined:
        """The compositor of a photo [H, W, 3] uint8, corrected."""
        return Refined(photo, person, self.network, self.config.side, where)

    def apply(
        self, image: Image, person: Person, motion: Motion, face: Face | None = None,
        ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """Frames of the photo's size, as ``vlogger.compositor`` gives them, with their holes corrected."""
        c = self.config
        known = self.over(matching(image, person), person, c.where)
        return animated(known, motion, face, Manner(c.liveliness, c.arms), ctx or Context())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.example import example_person, example_photo, example_turns
        from interleaf_vlogger.portrayed import Portraits
        from interleaf_vlogger.video_config import PortraitsConfig

        data = Portraits(PortraitsConfig(people=2, frames=2, side=32, body="capsule"))
        recipe = Recipe(steps=2, batch=2, log_every=1, checkpoint_every=1)
        call = {"image": example_photo(), "person": example_person(), "motion": example_turns()}
        return {
            "configs": [RefinerConfig(widths=(8, 16), side=32)],
            "calls": {
                "fit": [{"data": Collection.of(list(data)), "recipe": recipe}],
                "apply": [call],
            },
        }
