"""`vlogger.video`: the paper's second network as a model that is trained and draws videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Context, Dataset, Fitted, Schedule
from interleaf.values import Frames, Image, Motion, Table
from interleaf_body.values import Face, Person
from interleaf_training import Recipe, TorchModel, train
from interleaf_training.model import load_weights, seeded
from interleaf_training.sources import ArraySource
from interleaf_vlogger.controlling import Controller, of_head
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.speaking import Manner, laid, matching, moved
from interleaf_vlogger.video.building import Renderer, built, scheduler
from interleaf_vlogger.video.network import learning, loss, outpainted
from interleaf_vlogger.video_config import VideoConfig, VideoFitConfig

Floats = np.ndarray[Any, Any]


class Denoising(nn.Module):
    """What is minimised, on frames uint8 [B, T, H, W, 3] and controls float16 [B, T, H, W, 14]."""

    def __init__(self, renderer: Renderer) -> None:
        super().__init__()
        self.renderer = renderer

    def forward(self, frames: Tensor, controls: Tensor) -> tuple[Tensor, Tensor]:
        """Loss sum and count."""
        pixels = frames.movedim(-1, 2).float() / 127.5 - 1
        with torch.no_grad():
            clean = self.renderer.encode(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2])
        told = controls.movedim(-1, 2).float()
        lost = loss(self.renderer.network, self.renderer.alphas, clean, told)
        return lost.sum(), torch.tensor(len(lost))


class Video(TorchModel):
    """Movement and a photo to video by diffusion (section 3.2)."""

    Config = VideoConfig

    def build(self) -> Renderer:
        """Untrained but for what a base holds."""
        return built(self.config)

    @property
    def module(self) -> nn.Module:
        """The live network: what was fitted or loaded, else ``weights``."""
        if self._module is None:
            if not self.config.weights:
                raise WeightsMissing(
                    "vlogger.video has no weights: the paper released none, and ours lose to the compositor",
                    hint="train it (vlogger/video-small) and give weights; or use vlogger.compositor",
                )
            with seeded(0):
                module = self.build()
            load_weights(module, Path(self.config.weights))
            self._module = module.eval()
        return self._module

    @property
    def renderer(self) -> Renderer:
        """The live network."""
        found = self.module
        assert isinstance(found, Renderer)
        return found

    def fit(
        self, data: Dataset, lr: Schedule | None = None, recipe: Recipe | None = None,
        time_recipe: Recipe | None = None, ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """Trained from the beginning on drawn or filmed people: single frames, then clips."""
        ctx, given = ctx or Context(), VideoFitConfig()
        people = [p for p in data if isinstance(p, Portrayed)]
        if not people:
            raise InvalidInput("there is nothing to train on", hint="data: vlogger.portraits")
        made = Video(self.config)
        made.initialise(ctx.seed)
        objective, rows = Denoising(made.renderer), []
        first = "control" if self.config.base else "all"
        for number, (stage, length, how) in enumerate((
            (first, 1, recipe or given.recipe),
            ("time", self.config.frames, time_recipe or given.time_recipe),
        )):  # fmt: skip
            learning(made.renderer.network, stage)
            seed = (ctx.seed + number) % 2**63
            frames, controls = clips(people, length)
            source = ArraySource(frames, self.told(controls), seed=seed)
            values: dict[str, Schedule | float] = {"lr": lr} if lr else {}
            part = replace(ctx, seed=seed, resume=ctx.resume / stage if ctx.resume else None)
            columns = train(objective, source, how, values=values, ctx=part).log.columns
            count = len(next(iter(columns.values()), ()))
            rows += [{"stage": stage, **{k: columns[k][i] for k in columns}} for i in range(count)]
        made.renderer.requires_grad_(False)
        return Fitted(made, Table.from_rows(rows))

    def generate(
        self, image: Image, person: Person, motion: Motion, face: Face | None = None,
        steps: int = 25, liveliness: float = 0.5, arms: bool = False, ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """Frames of the photo's size, drawn ``side`` pixels wide and scaled up."""
        ctx, photo = ctx or Context(), matching(image, person)
        size = self.drawn_size(person.size)
        controller = Controller(photo, person, size)
        posed = moved(controller, *laid(person, motion, face), Manner(liveliness, arms))
        controls = controller(posed).stacked
        frames = self.draw(controls, steps, ctx)
        large = [cv2.resize(f, tuple(person.size), interpolation=cv2.INTER_CUBIC) for f in frames]
        rate = Fraction(str(float(motion.fps))).limit_denominator(1001)
        return Frames(np.stack(large), rate)

    def told(self, controls: Floats) -> Floats:
        """Of controls [..., 14] what the network is told."""
        return of_head(controls) if self.config.controls == "head" else controls

    def draw(
        self, controls: Floats, steps: int, ctx: Context, overlap: float | None = None
    ) -> Floats:
        """Frames [T, H, W, 3] uint8 of controls [T, H, W, 14] in 0..1, by outpainting over time."""
        net, c = self.renderer, self.config
        share, controls = c.overlap if overlap is None else overlap, self.told(controls)
        t, height, width = controls.shape[:3]
        cells = (height // net.factor, width // net.factor)
        channels = net.network.unet.config.in_channels
        told = torch.from_numpy(controls).movedim(-1, 1).float()
        found = outpainted(
            net.network, scheduler(net.codec is None), told, (channels, *cells), frames=c.frames,
            overlap=min(round(share * c.frames), c.frames - 1), steps=steps,
            generator=torch.Generator().manual_seed(ctx.seed % 2**63), told=ctx.monitor.progress,
        )  # fmt: skip
        with torch.no_grad():
            pixels = torch.cat([net.decode(f[None]) for f in found]) if t else found
        out: Floats = ((pixels.movedim(1, -1) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
        return out

    def drawn_size(self, size: Sequence[int]) -> tuple[int, int]:
        """Width and height at which a photo is drawn: whole cells at every depth of the network."""
        network = self.renderer.network
        step = self.renderer.factor * 2 ** (len(network.unet.config.block_out_channels) - 1)
        scale = self.config.side / max(size)
        width, height = (max(step, step * round(s * scale / step)) for s in size)
        return width, height

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.example import example_person, example_photo, example_turns
        from interleaf_vlogger.portrayed import Portraits
        from interleaf_vlogger.video_config import PortraitsConfig

        data = Portraits(PortraitsConfig(people=2, frames=2, side=16, body="capsule"))
        recipe = Recipe(steps=2, batch=2, log_every=1, checkpoint_every=1)
        call = {"image": example_photo(), "person": example_person(), "motion": example_turns()}
        return {
            "configs": [VideoConfig(widths=(8, 16), side=16, frames=2)],
            "calls": {
                "fit": [
                    {"data": Collection.of(list(data)), "recipe": recipe, "time_recipe": recipe}
                ],
                "generate": [{**call, "steps": 2}],
            },
        }


def clips(people: Sequence[Portrayed], length: int) -> tuple[Floats, Floats]:
    """Frames [M, T, H, W, 3] and controls [M, T, H, W, 14] of clips ``length`` long that do not overlap."""
    shapes = {p.frames.shape[1:] for p in people}
    if len(shapes) > 1:
        raise InvalidInput(f"people are drawn at different sizes: {sorted(shapes)}")
    frames, controls = [], []
    for p in people:
        for start in range(0, len(p.frames) - length + 1, length):
            frames.append(p.frames[start : start + length])
            controls.append(p.controls[start : start + length])
    if not frames:
        raise InvalidInput(f"no clip is {length} frames long", hint="longer clips, or fewer frames")
    return np.stack(frames), np.stack(controls)
