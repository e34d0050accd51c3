"""The configurations of the paper's model: tiny, or Stable Diffusion 1.5 with a motion module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, UNetMotionModel
from torch import nn

from interleaf.errors import InvalidInput
from interleaf_followclick.animate.checkpoints import expected, read_unet
from interleaf_followclick.animate.codec import LATENTS, PatchPca, Vae
from interleaf_followclick.animate.model import FollowClick
from interleaf_followclick.animate.text import ClipText, HashNGram
from interleaf_followclick.animate.unet import FollowClickUNet

TEXT = 32  # width of the tiny model's phrases


def built(config: Any) -> FollowClick:
    """The model of a configuration, untrained but for what folders hold."""
    options = {"phrase": config.phrase, "strength": config.strength}
    if config.preset == "tiny":
        net = FollowClickUNet(tiny_unet(config.widths), config.conditioning, **options)
        return FollowClick(net, PatchPca(), HashNGram(TEXT), residual=True, ratios=config.masking)
    if not (config.base and config.adapter):
        raise InvalidInput("sd15 needs base and adapter", hint="folders as diffusers saves them")
    base = Path(config.base)
    expected(base / "vae" / "config.json", "Stable Diffusion's autoencoder")
    expected(base / "text_encoder" / "config.json", "CLIP's text encoder")
    unet = read_unet(base, Path(config.adapter))
    vae = Vae(AutoencoderKL.from_pretrained(base / "vae", local_files_only=True))
    net = FollowClickUNet(unet, config.conditioning, **options)
    return FollowClick(net, vae, ClipText(base), residual=False, ratios=config.masking)


def tiny_unet(widths: tuple[int, ...]) -> UNetMotionModel:
    """A UNetMotionModel of nine-channel kind over 16-channel latents, of these widths."""
    deeper = len(widths) - 1
    made = UNetMotionModel(
        in_channels=2 * LATENTS + 1, out_channels=LATENTS, block_out_channels=widths,
        down_block_types=("CrossAttnDownBlockMotion",) * deeper + ("DownBlockMotion",),
        up_block_types=("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * deeper,
        layers_per_block=1, norm_num_groups=8, cross_attention_dim=TEXT, num_attention_heads=2,
        motion_num_attention_heads=2, use_motion_mid_block=False,
    )  # fmt: skip
    nn.init.zeros_(
        made.conv_out.weight
    )  # what it adds to a clip that stands still is nothing at first
    nn.init.zeros_(made.conv_out.bias)
    return made


def learning(model: FollowClick, train: str) -> None:
    """Freeze what does not learn: with ``motion``, all but motion modules, conv_in and what was added."""
    for name, parameter in model.named_parameters():
        frozen = name.startswith(("codec.", "text.model."))
        moves = any(
            p in name for p in ("motion_modules", "conv_in", "phrases", "numbers", "text.p")
        )
        parameter.requires_grad_(not frozen and (train == "all" or moves))


def learnt(model: FollowClick) -> dict[str, nn.Parameter]:
    """The parameters that learn."""
    return {n: p for n, p in model.named_parameters() if p.requires_grad}
