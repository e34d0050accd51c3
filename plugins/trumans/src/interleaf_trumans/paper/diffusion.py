"""Training and sampling: a hundred steps of noise, with what is known kept clean (TRUMANS, arXiv 2403.08629).

Known entries (the frames that a window shares with the one before, the goal of the pelvis) get no noise
and are written anew after every step (inpainting). The goal is where the box is asked, so that what is
around does not depend on the noise either, and is encoded once for all steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

from interleaf_trumans.paper.network import Paper

STEPS = 100
BETAS = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
Look = Callable[[Tensor], Tensor]  # windows [B, W, 3J] → what is around their goals [B, V, V, V]


def scheduler(steps: int = STEPS) -> DDPMScheduler | DDIMScheduler:
    """The release's noise (DDPM); fewer steps are DDIM's on the same noise."""
    common = {"num_train_timesteps": STEPS, "clip_sample": False, **BETAS}
    made = (
        DDPMScheduler(variance_type="fixed_small", **common)
        if steps == STEPS
        else DDIMScheduler(set_alpha_to_one=True, **common)
    )
    made.set_timesteps(steps)
    return made


def loss(
    model: Paper, clean: Tensor, known: Tensor, actions: Tensor | None, look: Look, t: Tensor,
    noise: Tensor,
) -> tuple[Tensor, int]:  # fmt: skip
    """Smooth L1 between noise and what the network finds of it, summed over what is not ``known``
    [B, W, 3J], and how many entries these are.

    As in the release, known entries get no noise but are shrunk with the others (by √ᾱ), and the box is
    asked at the shrunk goal; in sampling neither is.
    """
    noise = noise.masked_fill(known, 0.0)
    table = scheduler().alphas_cumprod.to(clean)
    level = table[t][:, None, None]
    noisy = level.sqrt() * clean + (1 - level).sqrt() * noise
    found = model(noisy, t, model.conditions(look(noisy), actions))
    free = ~known
    return F.smooth_l1_loss(found[free], noise[free], reduction="sum"), int(free.sum())


@torch.no_grad()
def sample(
    model: Paper, values: Tensor, known: Tensor, actions: Tensor | None, look: Look,
    generator: torch.Generator, *, steps: int = STEPS, cached: bool = True,
) -> Tensor:  # fmt: skip
    """Windows [B, W, 3J] whose ``known`` entries are ``values``. ``cached`` False looks and encodes in every
    step, as the release does; the result is the same."""
    made = scheduler(steps)
    x = torch.randn(values.shape, generator=generator, dtype=values.dtype, device=generator.device)
    x = torch.where(known, values, x.to(values.device))
    conditions = model.conditions(look(x), actions)
    for t in made.timesteps:
        if not cached:
            conditions = model.conditions(look(x), actions)
        level = t.expand(len(x)).to(x.device)
        noise = model(x, level, conditions)
        x = made.step(noise, t, x, generator=generator).prev_sample
        x = torch.where(known, values, x)
    return x
