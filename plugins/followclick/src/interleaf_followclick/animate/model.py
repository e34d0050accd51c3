"""Training and sampling of the paper's model.

A latent clip is z = (E(x_l) − E(x_0)) / spread for small models (``residual``), or z = E(x_l) as in the
paper. v-prediction, a schedule rescaled to zero terminal SNR (Lin et al., arXiv 2305.08891), DDIM.

What a small model learns is how v differs from what z of standard deviation s and no structure would
give, in its own units (the preconditioning of Karras et al., arXiv 2206.00364, for v): with
x = α z + σ ε and m = α² s² + σ²,

    v = (α σ (1 − s²) / m) x + (s / √m) F(x / √m).

A clip that stands still is then free from the first step on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn
from torch.nn import functional as F

from interleaf_followclick.animate.codec import Codec
from interleaf_followclick.animate.text import TextEncoder
from interleaf_followclick.animate.unet import FollowClickUNet, masked_first_frame

TIMES = 1000
INSIDE = 10.0  # weight of the region that moves, in training small models
SPREAD = 0.5  # standard deviation of residual latents, roughly


def scheduler() -> DDIMScheduler:
    """The released schedule: linear β from 0.00085 to 0.012, zero terminal SNR, v, trailing steps."""
    return DDIMScheduler(
        num_train_timesteps=TIMES, beta_start=0.00085, beta_end=0.012, beta_schedule="linear",
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
        clip_sample=False, set_alpha_to_one=True,
    )  # fmt: skip


class FollowClick(nn.Module):
    """UNet, codec and text encoder."""

    ratios: Tensor
    speeds: Tensor
    deviation: Tensor

    def __init__(
        self, unet: FollowClickUNet, codec: Codec, text: TextEncoder, *, residual: bool,
        ratios: Sequence[float] = (0.7,), forget: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.unet, self.codec, self.text = unet, codec, text
        self.residual, self.forget = residual, forget
        # least and greatest strength of training, pixels of its frames a frame
        self.register_buffer("speeds", torch.tensor([0.0, torch.inf]))
        self.register_buffer("deviation", torch.tensor(1.0))  # s
        self.register_buffer("ratios", torch.tensor(list(ratios)), persistent=False)
        self.register_buffer("alphas", scheduler().alphas_cumprod.clone(), persistent=False)

    def latents(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames [B, L, 3, H, W] in −1..1 → clip z [B, C, L, h, w] and first-frame latent [B, C, h, w]."""
        codec = self.codec
        b = len(frames)
        z = codec.encode(frames.flatten(0, 1)).unflatten(0, (b, -1)).transpose(1, 2)
        first = z[:, :, 0]
        return ((z - first[:, :, None]) / SPREAD if self.residual else z), first

    def pixels(self, z: Tensor, first: Tensor) -> Tensor:
        """The way back: [B, L, 3, H, W] in −1..1."""
        z = z * SPREAD + first[:, :, None] if self.residual else z
        flat = self.codec.decode(z.transpose(1, 2).flatten(0, 1))
        return flat.unflatten(0, (len(z), -1))

    def loss(
        self, frames: Tensor, masks: Tensor, swept: Tensor, captions: Sequence[str],
        phrases: Sequence[str], strength: Tensor, fps: Tensor,
    ) -> Tensor:  # fmt: skip
        """Squared error of the network's answer for each clip [B]; ``masks`` and ``swept`` [B, 1, h, w]: what
        moves, and where it is in any frame."""
        z, first = self.latents(frames)
        b = len(z)
        pick = torch.randint(len(self.ratios), (b,), device=z.device)
        image = masked_first_frame(first, self.ratios[pick])
        keep = torch.rand(b, device=z.device) >= self.forget
        texts = [c if k else "" for c, k in zip(captions, keep.tolist(), strict=True)]
        shorts = [p if k else "" for p, k in zip(phrases, keep.tolist(), strict=True)]
        time = torch.randint(TIMES, (b,), device=z.device)
        noise = torch.randn_like(z)
        a = cast(Tensor, self.alphas)[time].view(-1, 1, 1, 1, 1)
        noisy, v = a.sqrt() * z + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * z
        skip, scale, out = self.conditioned(a)
        found = self.unet(
            scale * noisy, time, image, masks, self.text(texts), self.text(shorts), strength, fps
        )
        weight = (
            1 + (INSIDE - 1) * swept[:, :, None] if self.residual else torch.ones_like(z[:, :1])
        )
        error = (found - (v - skip * noisy) / out) ** 2
        lost: Tensor = (weight * error).mean((1, 2, 3, 4)) / weight.mean((1, 2, 3, 4))
        return lost

    def conditioned(self, a: Tensor) -> tuple[Tensor | float, Tensor | float, Tensor | float]:
        """Factors at α² = ``a``: of x in v, of x for the network, of the network's answer in v."""
        if not self.residual:
            return 0.0, 1.0, 1.0
        s2 = self.deviation**2
        m = a * s2 + 1 - a
        return (a * (1 - a)).sqrt() * (1 - s2) / m, m.rsqrt(), (s2 / m).sqrt()

    @torch.no_grad()
    def sample(
        self, first: Tensor, mask: Tensor | None, phrases: Sequence[str], strength: Tensor, fps: Tensor,
        *, frames: int, steps: int, guidance: float, generator: torch.Generator,
        lock: Tensor | None = None, progress: Any = lambda done, total: None,
    ) -> Tensor:  # fmt: skip
        """A clip z [B, C, L, h, w] from first-frame latents; the short phrase serves as the caption too.

        ``guidance`` 1 costs half. ``lock`` [B, 1, h, w]: cells outside are replaced, at every step, by
        the first frame noised to that level.
        """
        ddim = scheduler()
        ddim.set_timesteps(steps)
        shape = (len(first), first.shape[1], frames, *first.shape[2:])
        draw = torch.randn(shape, generator=generator).to(first)
        z, start = draw, draw
        held = torch.zeros_like(z) if self.residual else first[:, :, None].expand(shape)
        text, none = self.text(phrases), self.text([""] * len(phrases))
        for i, t in enumerate(ddim.timesteps):
            time = t.expand(len(z)).to(z.device)
            skip, scale, out = self.conditioned(cast(Tensor, self.alphas)[t])
            found = self.unet(scale * z, time, first, mask, text, text, strength, fps)
            if guidance != 1:
                free = self.unet(scale * z, time, first, mask, none, none, strength, fps)
                found = free + guidance * (found - free)
            z = ddim.step(skip * z + out * found, t, z).prev_sample
            if lock is not None:
                after = ddim.timesteps[i + 1] if i + 1 < steps else None
                a = torch.tensor(1.0) if after is None else ddim.alphas_cumprod[after]
                z = torch.where(lock[:, :, None] > 0, z, a.sqrt() * held + (1 - a).sqrt() * start)
            progress(i + 1, steps)
        return z


def to_unit(frames: Tensor) -> Tensor:
    """uint8 [..., H, W, 3] → [..., 3, H, W] in −1..1."""
    return frames.movedim(-1, -3).float() / 127.5 - 1


def to_bytes(pixels: Tensor) -> Tensor:
    """The way back, clipped and rounded."""
    return ((pixels.movedim(-3, -1) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def cells(mask: Tensor, factor: int) -> Tensor:
    """Masks [B, H, W] as shares of latent cells [B, 1, h, w]."""
    return F.avg_pool2d(mask[:, None].float(), factor)
