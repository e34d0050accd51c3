"""The paper's temporal diffusion network (arXiv 2403.08764, section 3.2), on diffusers' UNet.

* a UNet that denoises frames, frozen where it was trained before;
* beside it a trainable copy of its encoder that takes the control maps, whose outputs are added through
  convolutions that start at zero (ControlNet): untrained it changes nothing;
* in every down block, after the first layer and before the second normalisation, a convolution over time
  that starts as the identity: untrained each frame is what it would be alone;
* any length by temporal outpainting: N frames, then again and again the rest given the last of them.

Suffixes: B clips, T frames, C channels of a frame or latent, K controls, h w cells, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

CONTROLS = 14  # dense 3, regions 7, warp 3, valid 1
NONE = 8  # width of the one empty word that a network without text is given


class OverTime(nn.Module):
    """A convolution over the frames of each place, added to what comes in; the identity at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """[B·T, C, h, w]."""
        bt, c, h, w = x.shape
        rows = x.view(-1, frames, c, h, w).permute(0, 3, 4, 2, 1).reshape(-1, c, frames)
        moved = self.conv(rows).view(bt // frames, h, w, c, frames).permute(0, 4, 3, 1, 2)
        return x + moved.reshape(bt, c, h, w)


class VideoNetwork(nn.Module):
    """A UNet, its control branch, its layers over time. ``text`` [1, L, D]: what a UNet with text hears."""

    text: Tensor

    def __init__(
        self, unet: UNet2DConditionModel, embedding: tuple[int, ...], text: Tensor | None = None
    ) -> None:
        super().__init__()
        self.unet = unet
        self.control = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=embedding, conditioning_channels=CONTROLS
        )
        width = unet.config.cross_attention_dim
        width = width if isinstance(width, int) else NONE
        self.register_buffer("text", torch.zeros(1, 1, width) if text is None else text)
        self.over_time = nn.ModuleList()
        self._frames = 1
        for block in unet.down_blocks:
            first = block.resnets[0].conv1
            layer = OverTime(first.out_channels)
            self.over_time.append(layer)
            first.register_forward_hook(self._hook(layer))

    def _hook(self, layer: OverTime) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def over(module: nn.Module, given: Any, out: Tensor) -> Tensor:
            moved: Tensor = layer(out, self._frames) if self._frames > 1 else out
            return moved

        return over

    def forward(
        self, noisy: Tensor, time: Tensor, controls: Tensor, strength: float = 1.0
    ) -> Tensor:
        """The noise [B, T, C, h, w] in ``noisy`` at steps ``time`` [B]; ``controls`` [B, T, K, H, W]."""
        b, t = noisy.shape[:2]
        x, told = noisy.flatten(0, 1), controls.flatten(0, 1)
        when, heard = time.repeat_interleave(t), self.text.expand(b * t, -1, -1)
        down, middle = self.control(
            x, when, encoder_hidden_states=heard, controlnet_cond=told, conditioning_scale=strength,
            return_dict=False,
        )  # fmt: skip
        self._frames = t
        try:
            found: Tensor = self.unet(
                x, when, encoder_hidden_states=heard, down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
            ).sample  # fmt: skip
        finally:
            self._frames = 1
        return found.view_as(noisy)


def learning(network: VideoNetwork, stage: str) -> None:
    """What learns: ``all`` of an untrained UNet, the ``control`` branch, or layers over ``time``."""
    for name, parameter in network.named_parameters():
        part = (
            "time"
            if name.startswith("over_time")
            else "control"
            if name.startswith("control")
            else "unet"
        )
        parameter.requires_grad_(part == stage or (stage == "all" and part != "time"))


def loss(network: VideoNetwork, alphas: Tensor, clean: Tensor, controls: Tensor) -> Tensor:
    """Squared error of the noise for each clip [B], at random steps (Ho et al. 2020, equation 14)."""
    b = len(clean)
    time = torch.randint(len(alphas), (b,), device=clean.device)
    noise = torch.randn_like(clean)
    a = alphas[time].view(-1, 1, 1, 1, 1)
    found = network(a.sqrt() * clean + (1 - a).sqrt() * noise, time, controls)
    return ((found - noise) ** 2).mean((1, 2, 3, 4))


@torch.no_grad()
def outpainted(
    network: VideoNetwork, scheduler: Any, controls: Tensor, shape: tuple[int, int, int], *,
    frames: int, overlap: int, steps: int, generator: torch.Generator,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:  # fmt: skip
    """Frames [T, C, h, w] for controls [T, K, H, W], ``frames`` at once, each block given ``overlap`` before.

    Frames that a block shares with the one before are replaced at every step by those, noised alike.
    """
    if not 0 <= overlap < frames:
        raise ValueError(f"an overlap of {overlap} of {frames} frames")
    total = len(controls)
    done = controls.new_zeros((0, *shape))
    while len(done) < total:
        first = max(0, len(done) - overlap) if len(done) else 0
        last = min(first + frames, total)
        known = done[first:]
        block = _block(network, scheduler, controls[first:last], known, shape, steps, generator)
        done = torch.cat([done, block[len(known) :]])
        told(len(done), total)
    return done


def _block(
    network: VideoNetwork, scheduler: Any, controls: Tensor, known: Tensor,
    shape: tuple[int, int, int], steps: int, generator: torch.Generator,
) -> Tensor:  # fmt: skip
    scheduler.set_timesteps(steps)
    drawn = torch.randn((len(controls), *shape), generator=generator).to(controls)
    x, k = drawn, len(known)
    for time in scheduler.timesteps:
        a = scheduler.alphas_cumprod[time]
        x = torch.cat([a.sqrt() * known + (1 - a).sqrt() * drawn[:k], x[k:]])
        noise = network(x[None], time[None], controls[None])[0]
        x = scheduler.step(noise, time, x).prev_sample
    return torch.cat([known, x[k:]])
