"""The network of the release: what is around the body, what is done and the noise level make one token, a
transformer takes noise off sixteen frames (TRUMANS, arXiv 2403.08629).

Shapes:  B windows, W frames of a window (16, ten a second), J joints (24), A actions (10), D width (512),
V points a side of the box (32).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Size:
    """The release's sizes; ``actions`` 0 is its hand model, which knows none. 78.4 M parameters."""

    joints: int = 24
    window: int = 16
    actions: int = 10
    voxels: int = 32
    width: int = 512
    layers: int = 8
    heads: int = 16
    eye_width: int = 1024
    eye_layers: int = 6
    eye_heads: int = 16
    eye_inner: int = 2048
    dropout: float = 0.1


class Paper(nn.Module):
    """Noise [B, W, 3J] in noisy windows, given what is around and what is done."""

    def __init__(self, size: Size = Size()) -> None:
        super().__init__()
        self.size = size
        wide = size.width
        self.eye = eye(size)
        self.act = Actions(size) if size.actions else None
        self.time = nn.Sequential(nn.Linear(wide, wide), nn.SiLU(), nn.Linear(wide, wide))
        self.frame = nn.Linear(3 * size.joints, wide)
        self.denoiser = encoder(size, size.heads)
        self.out = nn.Linear(wide, 3 * size.joints)
        self.drop = nn.Dropout(size.dropout)
        self.register_buffer("waves", waves(512, wide), persistent=False)

    def conditions(self, around: Tensor, actions: Tensor | None) -> Tensor:
        """What does not depend on the noise [B, D]: ``around`` [B, V (x), V (z), V (y)] of 0 and 1, the
        heights are the channels of the picture; ``actions`` [B, W, A]. Made once for all steps of a
        window."""
        seen: Tensor = self.eye(around.to(self.frame.weight.dtype).permute(0, 3, 1, 2))
        return seen if self.act is None or actions is None else seen + self.act(actions)

    def forward(self, noisy: Tensor, t: Tensor, conditions: Tensor) -> Tensor:
        """``noisy`` [B, W, 3J], noise levels ``t`` [B], ``conditions`` [B, D]."""
        waves: Any = self.waves
        first = self.time(waves[t]) + conditions
        frames = self.frame(noisy) * math.sqrt(self.size.width)
        tokens = torch.cat([first[:, None], frames], 1)
        tokens = self.drop(tokens + waves[: tokens.shape[1]])
        out: Tensor = self.out(self.denoiser(tokens)[:, 1:])
        return out


class Actions(nn.Module):
    """What is done in each frame [B, W, A] as one vector [B, D]: the mean over frames, so that when in the
    window it is done is lost (in the release too)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.into = nn.Linear(size.actions, size.width)
        self.encoder = encoder(size, size.heads // 2)
        self.drop = nn.Dropout(size.dropout)
        self.register_buffer("waves", waves(size.window, size.width), persistent=False)

    def forward(self, actions: Tensor) -> Tensor:
        """[B, W, A] to [B, D]."""
        waves: Any = self.waves
        out: Tensor = self.encoder(self.drop(self.into(actions) + waves[: actions.shape[1]])).mean(
            1
        )
        return out


def encoder(size: Size, heads: int) -> nn.TransformerEncoder:
    """Post-norm layers with GELU, as wide inside as outside."""
    layer = nn.TransformerEncoderLayer(
        size.width, heads, size.width, size.dropout, activation="gelu", batch_first=True
    )
    return nn.TransformerEncoder(layer, size.layers, enable_nested_tensor=False)


def eye(size: Size) -> VisionTransformer:
    """The scene perceiver: a vision transformer over x and z with patches of a quarter of the box, its
    channels the heights."""
    return VisionTransformer(
        img_size=size.voxels, patch_size=size.voxels // 4, in_chans=size.voxels, num_classes=size.width,
        embed_dim=size.eye_width, depth=size.eye_layers, num_heads=size.eye_heads,
        mlp_ratio=size.eye_inner / size.eye_width, qkv_bias=False, embed_layer=Patches,
        norm_layer=partial(nn.LayerNorm, eps=1e-5), pos_drop_rate=size.dropout,
        proj_drop_rate=size.dropout, attn_drop_rate=size.dropout,
    )  # fmt: skip


class Patches(nn.Module):
    """Patches of a picture [B, C, H, W] as tokens [B, N, E], normed before and after the projection."""

    def __init__(
        self, *, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: Any
    ) -> None:
        super().__init__()
        self.side, self.patch = img_size // patch_size, patch_size
        self.num_patches = self.side**2
        inner = in_chans * patch_size**2
        self.before = nn.LayerNorm(inner)
        self.project = nn.Linear(inner, embed_dim)
        self.after = nn.LayerNorm(embed_dim)

    def forward(self, picture: Tensor) -> Tensor:
        """Row by row; within a patch row, column, channel."""
        b, c = picture.shape[:2]
        cut = picture.reshape(b, c, self.side, self.patch, self.side, self.patch)
        tokens = cut.permute(0, 2, 4, 3, 5, 1).reshape(b, self.num_patches, -1)
        out: Tensor = self.after(self.project(self.before(tokens)))
        return out


def waves(count: int, wide: int) -> Tensor:
    """Sines and cosines [count, wide] of positions, interleaved (Vaswani et al., 2017)."""
    at = torch.arange(count, dtype=torch.float32)[:, None]
    pace = torch.exp(torch.arange(0, wide, 2, dtype=torch.float32) * (-math.log(1e4) / wide))
    out = torch.empty(count, wide)
    out[:, 0::2], out[:, 1::2] = torch.sin(at * pace), torch.cos(at * pace)
    return out
