"""The release's names of weights, and ours.

Its denoiser and action encoder are torch's own layers, its perceiver is that of vit-pytorch, whose names
changed over time: 1.4.4 (which the release asks for), older and newer ones are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# What is found → what it is called here; the first that fits counts.
NAMES: tuple[tuple[str, str], ...] = (
    (r"scene_embedding\.cls_token", "eye.cls_token"),
    (r"scene_embedding\.pos_embedding", "eye.pos_embed"),
    (r"scene_embedding\.to_patch_embedding\.1\.(weight|bias)", r"eye.patch_embed.before.\1"),
    (r"scene_embedding\.to_patch_embedding\.2\.(weight|bias)", r"eye.patch_embed.project.\1"),
    (r"scene_embedding\.to_patch_embedding\.3\.(weight|bias)", r"eye.patch_embed.after.\1"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.0\.norm\.(weight|bias)", r"eye.blocks.\1.norm1.\2"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.0\.(?:fn\.)?to_qkv\.weight",
     r"eye.blocks.\1.attn.qkv.weight"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.0\.(?:fn\.)?to_out\.0\.(weight|bias)",
     r"eye.blocks.\1.attn.proj.\2"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.1\.(?:norm|net\.0)\.(weight|bias)",
     r"eye.blocks.\1.norm2.\2"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.1\.(?:fn\.net\.0|net\.1)\.(weight|bias)",
     r"eye.blocks.\1.mlp.fc1.\2"),
    (r"scene_embedding\.transformer\.layers\.(\d+)\.1\.(?:fn\.net\.3|net\.4)\.(weight|bias)",
     r"eye.blocks.\1.mlp.fc2.\2"),
    (r"scene_embedding\.(?:transformer\.norm|mlp_head\.0)\.(weight|bias)", r"eye.norm.\1"),
    (r"scene_embedding\.mlp_head\.(?:1\.)?(weight|bias)", r"eye.head.\1"),
    (r"embedding_action\.input_embedder\.(weight|bias)", r"act.into.\1"),
    (r"embedding_action\.transformer_encoder\.(layers\..+)", r"act.encoder.\1"),
    (r"embed_timestep\.time_embed\.(0|2)\.(weight|bias)", r"time.\1.\2"),
    (r"embedding_input\.(weight|bias)", r"frame.\1"),
    (r"transformer\.(layers\..+)", r"denoiser.\1"),
    (r"out\.(weight|bias)", r"out.\1"),
)  # fmt: skip
# Never used by the release's own forward pass, or constants: sines and cosines.
UNUSED = (r"embedding_output\.(weight|bias)", r".*pos_encoding")


def renamed(name: str, told: Mapping[str, str]) -> str | None:
    """Our name of a weight; "" for one that is not needed, None for one that is not known. ``told``: names
    that a user gives, which count first."""
    plain = name.removeprefix("module.")
    if plain in told:
        return told[plain]
    if any(re.fullmatch(p, plain) for p in UNUSED):
        return ""
    for pattern, ours in NAMES:
        found = re.fullmatch(pattern, plain)
        if found:
            return found.expand(ours)
    return None


def layers(names: Iterable[str], prefix: str) -> int:
    """How many layers names of this prefix count."""
    found = {m.group(1) for n in names if (m := re.match(re.escape(prefix) + r"\.(\d+)\.", n))}
    return len(found)
