"""Stable Diffusion 1.5 and AnimateDiff motion modules, from folders of the user's.

Folders are those of the Hugging Face layout; a motion module may also be AnimateDiff's own file, whose
names are mapped. Nothing is downloaded, and files that hold code are not read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel
from safetensors.torch import load_file

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf_followclick.animate.unet import widen

RENAMED = (
    (r"\.temporal_transformer\.", "."),
    (r"\.attention_blocks\.(\d+)\.pos_encoder\.pe$", r".POSITION.\1"),
    (r"\.attention_blocks\.0\.", ".attn1."),
    (r"\.attention_blocks\.1\.", ".attn2."),
    (r"\.norms\.(\d+)\.", lambda m: f".norm{int(m[1]) + 1}."),
    (r"\.ff_norm\.", ".norm3."),
)


def read_unet(base: Path, adapter: Path) -> UNetMotionModel:
    """The nine-channel UNet of a Stable Diffusion folder (with ``unet/``) and a motion module."""
    folder = base / "unet" if (base / "unet").is_dir() else base
    expected(folder / "config.json", "the UNet of a Stable Diffusion model")
    flat = UNet2DConditionModel.from_pretrained(folder, local_files_only=True)
    return widen(UNetMotionModel.from_unet2d(flat, read_adapter(adapter)))


def read_adapter(place: Path) -> MotionAdapter:
    """A motion module: a folder as diffusers saves it, or AnimateDiff's own file."""
    if place.is_dir():
        expected(place / "config.json", "a MotionAdapter")
        return MotionAdapter.from_pretrained(place, local_files_only=True)
    expected(place, "a motion module")
    return adapter_of(mapped(tensors_of(place)))


def expected(file: Path, what: str) -> None:
    """WeightsMissing unless ``file`` is there."""
    if not file.is_file():
        raise WeightsMissing(
            f"{file} is not there: expected {what}",
            hint="give a folder as diffusers saves it; nothing is downloaded",
        )


def tensors_of(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, or of a torch file read without running what it holds."""
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # readers of foreign files raise whatever they like
        raise CorruptData(
            f"{file} cannot be read: {error}", hint="convert it to safetensors"
        ) from None
    found = found.get("state_dict", found)
    return {k.removeprefix("module."): v for k, v in found.items() if torch.is_tensor(v)}


def mapped(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """AnimateDiff's names as those of diffusers' MotionAdapter; other tensors are left out."""
    out: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if "motion_modules." not in name:
            continue
        for pattern, put in RENAMED:
            name = re.sub(pattern, put, name)
        if ".POSITION." in name:  # both attentions hold the same positions; diffusers keeps one
            name = name.split(".POSITION.")[0] + ".pos_embed.pe"
        out[name] = tensor
    if not out:
        raise InvalidInput("no motion module is in this file: no name holds 'motion_modules'")
    return out


def adapter_of(tensors: dict[str, torch.Tensor]) -> MotionAdapter:
    """A MotionAdapter of the sizes that its tensors have; CorruptData where they fit none."""
    widths = _numbered(tensors, r"down_blocks\.(\d+)\.motion_modules\.0\.proj_in\.weight", 0)
    layers = _numbered(tensors, r"down_blocks\.0\.motion_modules\.(\d+)\.proj_in\.weight", 0)
    positions = [t.shape[1] for n, t in tensors.items() if n.endswith("pos_embed.pe")]
    made = MotionAdapter(
        block_out_channels=tuple(widths), motion_layers_per_block=len(layers),
        motion_max_seq_length=max(positions, default=32), motion_num_attention_heads=8,
        motion_norm_num_groups=32 if widths and widths[0] % 32 == 0 else 8,
        use_motion_mid_block=any(n.startswith("mid_block") for n in tensors),
    )  # fmt: skip
    missing, extra = made.load_state_dict(tensors, strict=False)
    if missing or extra:
        told = ", ".join([*missing, *extra][:3])
        raise CorruptData(f"the motion module does not fit: {told}", hint="AnimateDiff v1 to v3")
    return made


def _numbered(tensors: dict[str, Any], pattern: str, dimension: int) -> list[int]:
    found = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(pattern, name)
        if match:
            found[int(match[1])] = int(tensor.shape[dimension])
    return [found[i] for i in sorted(found)]
