"""A user's checkpoint of the release as one safetensors file of ours, and that file as a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from interleaf.errors import CorruptData, InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf_trumans.paper.names import layers, renamed
from interleaf_trumans.paper.network import Paper, Size
from interleaf_trumans.paper.windows import Norm

KIND = "trumans.paper"
MARGIN = "none of the release's names; give them in a file: interleaf trumans convert --names FILE"


def convert(
    checkpoint: Path, out: Path, *, norm: Norm | None = None, names: Mapping[str, str] | None = None
) -> Size:
    """Write ``checkpoint`` (.pth, read without running anything in it) as ``out``. ``norm``: of the
    release's norm.npy, without which nobody can walk with it; ``names``: theirs to ours, where they are
    others than the release's. InvalidInput or CorruptData name what does not fit."""
    found = _translated(_state(checkpoint), names or {}, checkpoint)
    size = size_of(found, checkpoint)
    model = _filled(Paper(size), found, checkpoint)
    told = {"kind": KIND, "size": json.dumps(asdict(size))}
    if norm is not None:
        told["norm"] = json.dumps([norm.low.tolist(), norm.high.tolist()])
    write_atomic(
        out, save({k: v.contiguous() for k, v in model.state_dict().items()}, metadata=told)
    )
    return size


def read_paper(file: Path) -> tuple[Paper, Norm | None]:
    """The network that :func:`convert` wrote, and its norm."""
    try:
        with safe_open(file, "pt") as held:
            told = held.metadata() or {}
            state = {k: held.get_tensor(k) for k in held.keys()}  # noqa: SIM118 it is no mapping
    except (SafetensorError, OSError) as error:
        raise InvalidInput(
            f"{file}: cannot be read ({error})", hint="what `convert` wrote"
        ) from None
    if told.get("kind") != KIND:
        raise InvalidInput(
            f"{file}: holds no network of the release",
            hint=f"interleaf trumans convert CKPT.pth {file.name}",
        )
    size = Size(**{k: v for k, v in json.loads(told["size"]).items() if k in _sizes()})
    model = _filled(Paper(size), state, file).eval()
    low_high = json.loads(told["norm"]) if "norm" in told else None
    return model, Norm(*(np.array(v, float) for v in low_high)) if low_high else None


def _sizes() -> set[str]:
    return {f.name for f in fields(Size)}


def _state(file: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, at its top or one level below."""
    if not file.is_file():
        raise InvalidInput(f"{file}: no such file", hint="a .pth of the release")
    try:
        held: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its readers lead it to
        raise CorruptData(
            f"{file}: cannot be read as weights alone ({type(error).__name__}: {str(error)[:200]})",
            hint="a file of tensors that torch.save wrote; nothing else is unpickled",
        ) from None
    for key in ("state_dict", "model", "model_state_dict"):
        held = held.get(key, held) if isinstance(held, dict) else held
    if (
        not isinstance(held, dict)
        or not held
        or not all(isinstance(v, Tensor) for v in held.values())
    ):
        raise CorruptData(f"{file}: holds no tensors by name", hint="a state_dict")
    return held


def _translated(
    state: Mapping[str, Tensor], told: Mapping[str, str], file: Path
) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    unknown = []
    for name, values in state.items():
        ours = renamed(name, told)
        if ours is None:
            unknown.append(name)
        elif ours in out:
            raise CorruptData(
                f"{file}: two weights are '{ours}', one of them {name}", hint="look at --names"
            )
        elif ours:
            out[ours] = values.float()
    if unknown:
        raise InvalidInput(
            f"{file}: {len(unknown)} unknown weights, {', '.join(unknown[:4])}", hint=MARGIN
        )
    return out


def size_of(state: Mapping[str, Tensor], file: Path) -> Size:
    """The sizes that weights tell; the heads are the release's (no weight tells them)."""
    try:
        wide, places = state["frame.weight"].shape
        eye, patch = state["eye.patch_embed.project.weight"].shape
        inner = state["eye.blocks.0.mlp.fc1.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise CorruptData(
            f"{file}: weights of the network are missing ({error})", hint=MARGIN
        ) from None
    voxels = round((patch * 16) ** (1 / 3))  # a patch is a quarter of the box: V (V/4)²
    acts = state["act.into.weight"].shape[1] if "act.into.weight" in state else 0
    return Size(
        joints=places // 3, actions=acts, voxels=voxels, width=wide, layers=layers(state, "denoiser.layers"),
        eye_width=eye, eye_layers=layers(state, "eye.blocks"), eye_inner=inner,
    )  # fmt: skip


def _filled(model: Paper, state: Mapping[str, Tensor], file: Path) -> Paper:
    """The network with these weights, all of them and no others."""
    ours = model.state_dict()
    missing, extra = sorted(set(ours) - set(state)), sorted(set(state) - set(ours))
    wrong = [k for k in ours if k in state and ours[k].shape != state[k].shape]
    if missing or extra or wrong:
        shapes = [f"{k} {tuple(state[k].shape)}, not {tuple(ours[k].shape)}" for k in wrong[:2]]
        told = "; ".join(
            f"{name}: {len(values)} ({', '.join(values[:3])})"
            for name, values in (
                ("missing", missing),
                ("unknown", extra),
                ("of another shape", shapes),
            )
            if values
        )
        raise CorruptData(
            f"{file}: {told}", hint="a whole checkpoint of the release's default variant"
        )
    model.load_state_dict(dict(state))
    return model
