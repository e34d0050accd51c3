"""A checkpoint in the release's layout, drawn at random, and what its network gives, written by functions on
its own names: what ours has to agree with."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

WIDE, FRAMES, JOINTS, ACTIONS, V = 64, 16, 24, 10, 32
EYE, EYE_HEADS, EYE_INNER, HEADS = 64, 16, 96, 16
State = dict[str, Tensor]


def release_state(layers: int = 2, style: str = "1.4.4", seed: int = 0) -> State:
    """Weights by the release's names. ``style``: of vit-pytorch, which older and newer versions name in
    other ways."""
    g = torch.Generator().manual_seed(seed)
    state: State = {}

    def linear(name: str, out: int, into: int, bias: bool = True) -> None:
        state[f"{name}.weight"] = torch.randn(out, into, generator=g) / math.sqrt(into)
        if bias:
            state[f"{name}.bias"] = torch.randn(out, generator=g) * 0.1

    def norm(name: str, wide: int) -> None:
        state[f"{name}.weight"] = 1 + torch.randn(wide, generator=g) * 0.1
        state[f"{name}.bias"] = torch.randn(wide, generator=g) * 0.1

    def encoder(name: str) -> None:
        for i in range(layers):
            at = f"{name}.layers.{i}"
            state[f"{at}.self_attn.in_proj_weight"] = torch.randn(3 * WIDE, WIDE, generator=g) / 8
            state[f"{at}.self_attn.in_proj_bias"] = torch.randn(3 * WIDE, generator=g) * 0.1
            linear(f"{at}.self_attn.out_proj", WIDE, WIDE)
            linear(f"{at}.linear1", WIDE, WIDE)
            linear(f"{at}.linear2", WIDE, WIDE)
            norm(f"{at}.norm1", WIDE)
            norm(f"{at}.norm2", WIDE)

    s = "scene_embedding"
    patch = V * (V // 4) ** 2
    state[f"{s}.cls_token"] = torch.randn(1, 1, EYE, generator=g)
    state[f"{s}.pos_embedding"] = torch.randn(1, 17, EYE, generator=g)
    norm(f"{s}.to_patch_embedding.1", patch)
    linear(f"{s}.to_patch_embedding.2", EYE, patch)
    norm(f"{s}.to_patch_embedding.3", EYE)
    inside = {"1.4.4": "", "older": ".fn", "newer": ""}[style]
    for i in range(layers):
        at = f"{s}.transformer.layers.{i}"
        norm(f"{at}.0.norm", EYE)
        linear(f"{at}.0{inside}.to_qkv", 3 * EYE, EYE, bias=False)
        linear(f"{at}.0{inside}.to_out.0", EYE, EYE)
        norm(f"{at}.1.norm" if inside else f"{at}.1.net.0", EYE)
        linear(f"{at}.1{inside}.net.{0 if inside else 1}", EYE_INNER, EYE)
        linear(f"{at}.1{inside}.net.{3 if inside else 4}", EYE, EYE_INNER)
    norm(f"{s}.transformer.norm" if style == "newer" else f"{s}.mlp_head.0", EYE)
    linear(f"{s}.mlp_head" if style == "newer" else f"{s}.mlp_head.1", WIDE, EYE)
    linear("embedding_action.input_embedder", WIDE, ACTIONS)
    encoder("embedding_action.transformer_encoder")
    encoder("transformer")
    linear("embedding_input", WIDE, 3 * JOINTS)
    linear("embedding_output", WIDE, 3 * JOINTS)  # the release has it and never uses it
    linear("out", 3 * JOINTS, WIDE)
    linear("embed_timestep.time_embed.0", WIDE, WIDE)
    linear("embed_timestep.time_embed.2", WIDE, WIDE)
    for name in ("positional_encoder", "embed_timestep.sequence_pos_encoder",
                 "embedding_action.positional_encoder"):  # fmt: skip
        state[f"{name}.pos_encoding"] = sines(5000)[:, None]
    return state


def sines(count: int) -> Tensor:
    """Interleaved sines and cosines."""
    out = torch.zeros(count, WIDE)
    for k in range(0, WIDE, 2):
        angle = torch.arange(count) * math.exp(-math.log(10000.0) * k / WIDE)
        out[:, k], out[:, k + 1] = torch.sin(angle), torch.cos(angle)
    return out


def release_forward(
    state: State, noisy: Tensor, around: Tensor, t: Tensor, actions: Tensor
) -> Tensor:
    """The release's network (``last_add_first_token``, style 1.4.4); ``around`` [B, y, x, z]."""

    def lin(name: str, x: Tensor) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        b, n, d = q.shape
        cut = [x.reshape(b, n, heads, d // heads).transpose(1, 2) for x in (q, k, v)]
        share = torch.softmax(cut[0] @ cut[1].transpose(-1, -2) / math.sqrt(d // heads), -1)
        return (share @ cut[2]).transpose(1, 2).reshape(b, n, d)

    def encoder(name: str, x: Tensor, heads: int) -> Tensor:
        i = 0
        while f"{name}.layers.{i}.linear1.weight" in state:
            at = f"{name}.layers.{i}"
            w, b = state[f"{at}.self_attn.in_proj_weight"], state[f"{at}.self_attn.in_proj_bias"]
            x = norm(f"{at}.norm1", x + lin(f"{at}.self_attn.out_proj",
                                            attend(*F.linear(x, w, b).chunk(3, -1), heads)))  # fmt: skip
            x = norm(f"{at}.norm2", x + lin(f"{at}.linear2", F.gelu(lin(f"{at}.linear1", x))))
            i += 1
        return x

    s, p = "scene_embedding", V // 4
    b = len(noisy)
    tokens = torch.stack([
        around[:, :, i * p : (i + 1) * p, j * p : (j + 1) * p].permute(0, 2, 3, 1).reshape(b, -1)
        for i in range(4) for j in range(4)
    ], 1)  # fmt: skip
    tokens = norm(f"{s}.to_patch_embedding.3",
                  lin(f"{s}.to_patch_embedding.2", norm(f"{s}.to_patch_embedding.1", tokens)))  # fmt: skip
    x = (
        torch.cat([state[f"{s}.cls_token"].expand(b, 1, -1), tokens], 1)
        + state[f"{s}.pos_embedding"]
    )
    i = 0
    while f"{s}.transformer.layers.{i}.0.norm.weight" in state:
        at = f"{s}.transformer.layers.{i}"
        qkv = lin(f"{at}.0.to_qkv", norm(f"{at}.0.norm", x)).chunk(3, -1)
        x = x + lin(f"{at}.0.to_out.0", attend(*qkv, EYE_HEADS))
        x = x + lin(f"{at}.1.net.4", F.gelu(lin(f"{at}.1.net.1", norm(f"{at}.1.net.0", x))))
        i += 1
    scene = lin(f"{s}.mlp_head.1", norm(f"{s}.mlp_head.0", x[:, 0]))
    does = lin("embedding_action.input_embedder", actions) + sines(FRAMES)
    does = encoder("embedding_action.transformer_encoder", does, HEADS // 2).mean(1)
    when = lin(
        "embed_timestep.time_embed.2", F.silu(lin("embed_timestep.time_embed.0", sines(200)[t]))
    )
    frames = lin("embedding_input", noisy) * math.sqrt(WIDE)
    whole = torch.cat([(scene + does + when)[:, None], frames], 1) + sines(FRAMES + 1)
    return lin("out", encoder("transformer", whole, HEADS)[:, 1:])
