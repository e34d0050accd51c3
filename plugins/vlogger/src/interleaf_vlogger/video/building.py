"""The network in its sizes: tiny, over pixels; or around a user's Stable Diffusion, over its latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from interleaf.errors import WeightsMissing
from interleaf_vlogger.video.network import NONE, VideoNetwork

EMBEDDING = (16, 32, 96, 256)  # of controls on their way to cells an eighth of the size
TIMES = 1000


class Renderer(nn.Module):
    """A network and what its frames are: pixels in -1..1, or latents of an autoencoder that never learns."""

    alphas: Tensor

    def __init__(self, network: VideoNetwork, codec: Any = None) -> None:
        super().__init__()
        self.network, self.codec = network, codec
        if codec is not None:
            codec.requires_grad_(False)
        self.register_buffer("alphas", scheduler().alphas_cumprod.clone())

    @property
    def factor(self) -> int:
        """Pixels a cell."""
        return 1 if self.codec is None else 2 ** (len(self.codec.config.block_out_channels) - 1)

    def encode(self, pixels: Tensor) -> Tensor:
        """[N, 3, H, W] in -1..1 as frames [N, C, h, w]."""
        if self.codec is None:
            return pixels
        found: Tensor = (
            self.codec.encode(pixels).latent_dist.mode() * self.codec.config.scaling_factor
        )
        return found

    def decode(self, frames: Tensor) -> Tensor:
        """The way back."""
        if self.codec is None:
            return frames
        found: Tensor = self.codec.decode(frames / self.codec.config.scaling_factor).sample
        return found


def scheduler(pixels: bool = False) -> DDIMScheduler:
    """How much noise each of a thousand steps has: as Stable Diffusion was trained. Of ``pixels`` it is known
    that they end between -1 and 1."""
    return DDIMScheduler(
        num_train_timesteps=TIMES, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=pixels, set_alpha_to_one=True, steps_offset=1, timestep_spacing="trailing",
    )  # fmt: skip


def built(config: Any) -> Renderer:
    """The renderer of a configuration: untrained, but for what a folder holds."""
    if not config.base:
        return Renderer(VideoNetwork(tiny(config.widths), (config.widths[0],)))
    base = Path(config.base)
    for part, what in (("unet", "a UNet"), ("vae", "an autoencoder")):
        if not (base / part / "config.json").is_file():
            raise WeightsMissing(
                f"{base / part / 'config.json'} is not there: expected {what} of Stable Diffusion",
                hint="give a folder as diffusers saves it; nothing is downloaded",
            )
    unet = UNet2DConditionModel.from_pretrained(base / "unet", local_files_only=True)
    vae = AutoencoderKL.from_pretrained(base / "vae", local_files_only=True)
    factor = len(vae.config.block_out_channels)
    return Renderer(VideoNetwork(unet, EMBEDDING[:factor], _nothing_said(base)), vae)


def tiny(widths: tuple[int, ...]) -> UNet2DConditionModel:
    """A UNet over RGB pixels, without text."""
    return UNet2DConditionModel(
        in_channels=3, out_channels=3, block_out_channels=widths, layers_per_block=1,
        down_block_types=("DownBlock2D",) * len(widths), up_block_types=("UpBlock2D",) * len(widths),
        mid_block_type="UNetMidBlock2D", norm_num_groups=8, cross_attention_dim=NONE, attention_head_dim=8,
    )  # fmt: skip


def _nothing_said(base: Path) -> Tensor | None:
    """What the folder's text encoder makes of the empty text; None for one without an encoder."""
    if not (base / "text_encoder" / "config.json").is_file():
        return None
    from transformers import CLIPTextModel, CLIPTokenizer

    words = CLIPTokenizer.from_pretrained(base / "tokenizer", local_files_only=True)
    encoder = CLIPTextModel.from_pretrained(base / "text_encoder", local_files_only=True)
    ids = words(
        "", padding="max_length", max_length=encoder.config.max_position_embeddings,
        return_tensors="pt",
    ).input_ids  # fmt: skip
    with torch.no_grad():
        found: Tensor = encoder(ids)[0]
    return found
