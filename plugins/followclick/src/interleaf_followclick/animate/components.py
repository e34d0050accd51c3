"""The paper's model as a Model that can be trained and animates photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.interfaces import Context, Dataset, Fitted, Schedule
from interleaf.values import Frames, Image, Item
from interleaf_followclick.animate.building import built, learning
from interleaf_followclick.animate.codec import PatchPca
from interleaf_followclick.animate.model import FollowClick, cells, to_bytes, to_unit
from interleaf_followclick.animate.placing import fitted, grown, laid_over
from interleaf_followclick.canonical import Mask
from interleaf_followclick.config import AnimateModelConfig
from interleaf_followclick.reading import each, mask_image, mask_of, photo_of
from interleaf_followclick.rendering import Pixels
from interleaf_followclick.samples import Sample
from interleaf_training.config import Recipe
from interleaf_training.loop import train
from interleaf_training.model import WEIGHTS, TorchModel, load_weights, seeded
from interleaf_training.sources import ArraySource


class Loss(nn.Module):
    """The model's loss on batches that name their texts by number."""

    def __init__(self, model: FollowClick, texts: Sequence[str]) -> None:
        super().__init__()
        self.model, self.texts = model, list(texts)

    def forward(
        self, frames: Tensor, masks: Tensor, swept: Tensor, captions: Tensor, prompts: Tensor,
        strength: Tensor, fps: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Loss sum and count; ``frames`` uint8 [B, L, H, W, 3], ``masks`` and ``swept`` uint8 [B, H, W]."""
        where, ever = (cells(m, self.model.codec.factor) for m in (masks, swept))
        said = [self.texts[i] for i in captions.tolist()]
        short = [self.texts[i] for i in prompts.tolist()]
        lost = self.model.loss(
            to_unit(frames), where, (ever > 0).float(), said, short, strength, fps
        )
        return lost.sum(), torch.tensor(len(lost))


class Animate(TorchModel):
    """Follow-Your-Click's own network."""

    Config = AnimateModelConfig

    def build(self) -> FollowClick:
        """The model of the configuration."""
        return built(self.config)

    @property
    def module(self) -> nn.Module:
        """The live model: what was fitted or loaded, else ``weights``; a tiny one without is untrained."""
        if self._module is None:
            if not self.config.weights:
                raise WeightsMissing(
                    "followclick.animate has no weights: the paper released none",
                    hint="train it (followclick/train-animate) and give weights; or use followclick.flowwarp",
                )
            with seeded(0):
                module = self.build()
            load_weights(module, Path(self.config.weights) / WEIGHTS)
            self._module = module
        return self._module

    @property
    def model(self) -> FollowClick:
        """The live model."""
        found = self.module
        assert isinstance(found, FollowClick)
        return found

    def fit(
        self, data: Dataset, lr: Schedule | None = None, recipe: Recipe | None = None,
        ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """A model trained on samples; the tiny one's codec is fitted to their frames first."""
        ctx, recipe = ctx or Context(), recipe or Recipe()
        samples = [s for s in data if isinstance(s, Sample)]
        if not samples:
            raise InvalidInput("there is nothing to train on", hint="data: followclick.samples")
        made = Animate(self.config)
        made.initialise(ctx.seed)
        model = made.model
        if isinstance(model.codec, PatchPca):
            some = samples[:: max(1, len(samples) // 200)]
            model.codec.fit(np.concatenate([s.frames for s in some]))
            z, _ = model.latents(to_unit(torch.from_numpy(np.stack([s.frames for s in some]))))
            model.deviation.copy_(z.square().mean().sqrt())
        speeds = [s.magnitude for s in samples]
        model.speeds.copy_(torch.tensor([min(speeds), max(speeds)]))
        learning(model, self.config.train)
        texts = sorted({t for s in samples for t in (s.caption, s.prompt)})
        values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
        source = ArraySource(*arrays(samples, texts), seed=ctx.seed % 2**63)
        done = train(Loss(model, texts), source, recipe, values=values, ctx=ctx)
        model.requires_grad_(False)
        return Fitted(made, done.log)

    def generate(
        self, image: Image, masks: Sequence[Item], say: Sequence[str] = ("right",),
        strength: Sequence[float] = (4.0,), frames: int = 16, fps: float = 8.0, steps: int = 25,
        guidance: float = 7.5, lock: bool = True, ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """The clip at the photo's size. With several masks each is drawn alone and laid over the last."""
        ctx, photo = ctx or Context(), photo_of(image)
        size = photo.shape[0], photo.shape[1]
        found = [mask_of(m.value, size, m.label or f"mask {i}") for i, m in enumerate(masks)]
        words = each(say, len(found), "say")
        speeds = each(strength, len(found), "strength")
        out = np.repeat(photo[None], frames, 0)
        for i, (mask, word, speed) in enumerate(zip(found, words, speeds, strict=True)):
            if speed == 0 or mask.all():
                ctx.monitor.notice(
                    "strength 0" if speed == 0 else "the mask covers the whole picture"
                )
            if speed == 0:
                continue
            generator = torch.Generator().manual_seed((ctx.seed + i) % 2**63)
            speed = self._within(speed, max(size), ctx)
            drawn = self.drawn(
                photo, mask, word, speed, fps, frames, steps, guidance, lock, generator,
                ctx.monitor.progress,
            )  # fmt: skip
            out = laid_over(out, drawn, mask) if lock or len(found) > 1 else drawn
        return Frames(out, Fraction(str(fps)))

    def _within(self, strength: float, long: int, ctx: Context) -> float:
        """A strength in pixels of a photo with that long side, or the nearest that training saw."""
        least, most = (self.model.speeds * long / self.config.pixels).tolist()
        kept = min(max(strength, least), most)
        if kept != strength:
            ctx.monitor.notice(
                f"strength {strength:g} is beyond training, which saw {least:.2g} to {most:.2g} pixels "
                f"a frame in a photo of this size: {kept:.2g} is drawn"
            )
        return kept

    def drawn(
        self, photo: Pixels, mask: Mask, say: str, strength: float, fps: float, frames: int, steps: int,
        guidance: float, lock: bool, generator: torch.Generator, progress: Any,
    ) -> Pixels:  # fmt: skip
        """Frames [L, H, W, 3] for one thing, at the photo's size."""
        model = self.model.eval()
        small, marked, scale = fitted(photo, mask, self.config.pixels)
        frame = to_unit(torch.from_numpy(small)[None, None])
        _, first = model.latents(frame)
        where = cells(torch.from_numpy(marked)[None], model.codec.factor)
        free = cells(torch.from_numpy(grown(marked))[None], model.codec.factor) if lock else None
        z = model.sample(
            first, where, [say], torch.tensor([strength * scale]), torch.tensor([fps]), frames=frames,
            steps=steps, guidance=guidance, generator=generator, lock=free, progress=progress,
        )  # fmt: skip
        made = to_bytes(model.pixels(z, first))[0].numpy()
        height, width = photo.shape[:2]
        cut = made[:, : max(1, round(height * scale)), : max(1, round(width * scale))]
        return np.stack(
            [cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in cut]
        )

    def load(self, folder: Path) -> None:
        """What ``save`` wrote; CorruptData for anything else."""
        names = {f.name for f in folder.iterdir()}
        if names != {WEIGHTS}:
            raise CorruptData(f"{folder} holds {sorted(names)}", hint=f"expected {WEIGHTS} alone")
        with seeded(0):
            module = self.build()
        load_weights(module, folder / WEIGHTS)
        self._module = module.requires_grad_(False)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_followclick.components import example_picture

        mask = np.zeros((40, 60), bool)
        mask[12:28, 20:40] = True
        rng = np.random.default_rng(0)
        whole = np.ones((32, 32), bool)
        samples = [
            Sample(rng.integers(0, 256, (3, 32, 32, 3)).astype(np.uint8), whole, whole, "left", "a cup",
                   1.0, 3.1, np.zeros((2, 32, 32, 2), np.float32), "made up", i)
            for i in range(3)
        ]  # fmt: skip
        once = {"image": example_picture(), "masks": [Item(mask_image(mask), "mask")]}
        short = {"frames": 3, "steps": 2, "guidance": 2.0}
        recipe = Recipe(steps=2, batch=2, log_every=1, checkpoint_every=1)
        return {
            "configs": [AnimateModelConfig(pixels=32, widths=(8, 16), masking=(0.7,))],
            "calls": {
                "fit": [{"data": Collection.of(samples), "recipe": recipe}],
                "generate": [{**once, **short}, {**once, **short, "lock": False}],
            },
        }


def arrays(samples: Sequence[Sample], texts: Sequence[str]) -> list[NDArray[Any]]:
    """What :class:`Loss` takes, a row for each sample, texts by their place in ``texts``."""
    place = {t: i for i, t in enumerate(texts)}
    return [
        np.stack([s.frames for s in samples]),
        np.stack([s.mask for s in samples]).astype(np.uint8),
        np.stack([s.swept for s in samples]).astype(np.uint8),
        np.array([place[s.caption] for s in samples]),
        np.array([place[s.prompt] for s in samples]),
        np.array([s.magnitude for s in samples], np.float32),
        np.full(len(samples), 8.0, np.float32),
    ]
