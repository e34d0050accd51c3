"""Follow-Your-Click's network (arXiv 2403.08268, section 4): AnimateDiff's UNet with

* nine input channels: noisy latent, mask, first-frame latent (in the order of the released code);
* motion cross-attention: in every motion block, after temporal attention, frames attend to the short
  phrase, through an output that starts at zero;
* motion strength: a sinusoidal embedding and two layers, the last of which starts at zero, added to
  the embedding of time; beside it, as in the released code, frames a second.

The paper's text and its released code fill the nine channels differently (``conditioning``):

| | mask of frame 0 | mask of the others | image of frame 0 | image of the others |
|---|---|---|---|---|
| paper | M | 0 | latent | latent |
| released | M | M | latent | 0 |
| released, no mask given | 1 | 0 | latent | 0 |

Names of diffusers' own parameters stay as they are, so that its checkpoints load without a map.

Suffixes: B clips, C latent channels, L frames, h w latent cells, T tokens, D text width.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from diffusers import UNetMotionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

Conditioning = Literal["paper", "released"]


class PhraseAttention(nn.Module):
    """Frames [B·h·w, L, C] attend to a phrase [B, T, D]; adds nothing at first."""

    def __init__(self, width: int, heads: int, text: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(
            query_dim=width, cross_attention_dim=text, heads=heads, dim_head=width // heads
        )
        nn.init.zeros_(self.attention.to_out[0].weight)
        nn.init.zeros_(self.attention.to_out[0].bias)

    def forward(self, x: Tensor, phrase: Tensor) -> Tensor:
        """What is added to ``x``."""
        each = phrase.repeat_interleave(x.shape[0] // phrase.shape[0], 0)
        found: Tensor = self.attention(self.norm(x), encoder_hidden_states=each)
        return found


class NumberEmbedding(nn.Module):
    """A number [B] as a vector added to the embedding of time; zero at first."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.waves = Timesteps(channels, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.mlp = TimestepEmbedding(channels, width)
        nn.init.zeros_(self.mlp.linear_2.weight)
        nn.init.zeros_(self.mlp.linear_2.bias)

    def forward(self, number: Tensor) -> Tensor:
        """[B, width]."""
        found: Tensor = self.mlp(self.waves(number).to(self.mlp.linear_1.weight.dtype))
        return found


class FollowClickUNet(nn.Module):
    """A UNetMotionModel and what the paper adds to it.

    ``unet`` takes 2 C + 1 channels and gives C. ``phrase`` and ``strength`` False leave those parts out
    (ablations).
    """

    def __init__(
        self, unet: UNetMotionModel, conditioning: Conditioning = "released", *, phrase: bool = True,
        strength: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.unet, self.conditioning = unet, conditioning
        self._now: dict[str, Tensor | None] = {}
        width = unet.time_embedding.linear_2.out_features
        channels = unet.config.block_out_channels[0]
        names = ("strength", "fps") if strength else ()
        self.numbers = nn.ModuleDict({n: NumberEmbedding(channels, width) for n in names})
        unet.time_embedding.register_forward_hook(self._add_numbers)
        self.phrases = nn.ModuleList()
        if phrase:
            for module in unet.modules():
                if isinstance(module, AnimateDiffTransformer3D):
                    self._attach(module)

    def _attach(self, block: Any) -> None:
        width = block.proj_in.out_features
        made = PhraseAttention(
            width, block.num_attention_heads, self.unet.config.cross_attention_dim
        )
        self.phrases.append(made)

        def add(module: Any, given: Any, out: Tensor) -> Tensor:
            phrase = self._now.get("phrase")
            return out if phrase is None else out + made(out, phrase)

        block.transformer_blocks[-1].register_forward_hook(add)

    def _add_numbers(self, module: Any, given: Any, out: Tensor) -> Tensor:
        for name, embedding in self.numbers.items():
            value = self._now.get(name)
            if value is not None:
                out = out + embedding(value)
        return out

    def forward(
        self, noisy: Tensor, time: Tensor, image: Tensor, mask: Tensor | None, text: Tensor,
        phrase: Tensor | None = None, strength: Tensor | None = None, fps: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """What the UNet predicts [B, C, L, h, w].

        ``noisy`` [B, C, L, h, w], ``time`` [B], first-frame latent ``image`` [B, C, h, w], ``mask``
        [B, 1, h, w] in 0..1 or None, ``text`` and ``phrase`` [B, T, D], ``strength`` and ``fps`` [B].
        """
        frames = noisy.shape[2]
        x = nine_channels(noisy, mask, image, self.conditioning)
        self._now = {"phrase": phrase, "strength": strength, "fps": fps}
        try:
            found: Tensor = self.unet(x, time, text.repeat_interleave(frames, 0)).sample
        finally:
            self._now = {}
        return found


def nine_channels(
    noisy: Tensor, mask: Tensor | None, image: Tensor, conditioning: Conditioning
) -> Tensor:
    """[B, 2 C + 1, L, h, w]: noisy latent, mask, image, filled as the table above says."""
    b, _, frames, h, w = noisy.shape
    masks = noisy.new_zeros(b, 1, frames, h, w)
    images = torch.zeros_like(noisy)
    images[:, :, 0] = image
    if conditioning == "paper":
        images[:] = image[:, :, None]
    if mask is None:
        masks[:, :, 0] = 1
    elif conditioning == "released":
        masks[:] = mask.clamp(0, 1)[:, :, None]
    else:
        masks[:, :, 0] = mask.clamp(0, 1)
    return torch.cat([noisy, masks, images], 1)


def masked_first_frame(image: Tensor, ratio: Tensor) -> Tensor:
    """``image`` [B, C, h, w] with a share ``ratio`` [B] of its cells zeroed at random, all channels of a
    cell together (training only)."""
    b, _, h, w = image.shape
    keep = torch.rand(b, 1, h, w, device=image.device) >= ratio[:, None, None, None]
    return image * keep


def widened(conv: nn.Conv2d, channels: int) -> nn.Conv2d:
    """A copy of a convolution that takes ``channels`` more; they count for nothing at first."""
    wide = nn.Conv2d(
        conv.in_channels + channels, conv.out_channels, conv.kernel_size, padding=conv.padding
    )
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, : conv.in_channels] = conv.weight
        assert wide.bias is not None and conv.bias is not None
        wide.bias.copy_(conv.bias)
    return wide.to(conv.weight)


def widen(unet: UNetMotionModel) -> UNetMotionModel:
    """A UNet of C input channels made to take 2 C + 1, in place."""
    channels = unet.config.in_channels
    unet.conv_in = widened(unet.conv_in, channels + 1)
    unet.register_to_config(in_channels=2 * channels + 1)
    return unet
