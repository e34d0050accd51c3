"""The official PyTorch checkpoints: ``{"model_state_dict": …}`` in a file, or in shards with an index.

Read with ``weights_only``: nothing in them is run. The int8 variant is turned to floats.
"""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma.architecture import SIZES, GemmaConfig
from interleaf_gemma.checkpoints import EMBEDDING, Found, replacing

INDEX, TABLE, ROTATIONS = "pytorch_model.bin.index.json", "embedder.weight", "freqs_cis"
_LAYER = re.compile(r"model\.layers\.(\d+)\.")


def read(path: Path) -> Found:
    """The tensors of a ``.ckpt`` file or of a folder with an index; sizes follow from their shapes."""
    raw = _sharded(path) if path.is_dir() else _file(path)
    scales = {n.removesuffix("_scaler"): t for n, t in raw.items() if n.endswith(".weight_scaler")}
    tensors = {n: t for n, t in raw.items() if isinstance(t, Tensor) and not n.endswith("_scaler")}
    rotations = tensors.pop(ROTATIONS, None)
    if TABLE not in tensors:
        raise InvalidInput(
            f"{path} holds no '{TABLE}'", hint="expected an official Gemma checkpoint"
        )
    tensors = {n: _float(t, scales.get(n)) for n, t in tensors.items()}
    config = _config(tensors, rotations, path)
    return Found(config, _renamed(tensors, config), path)


def write(config: GemmaConfig, tensors: dict[str, Tensor], path: Path) -> None:
    """Write a file that the official code reads."""
    config_is_gemma(config)
    named: dict[str, Tensor] = {TABLE: tensors[EMBEDDING]}
    for name, tensor in tensors.items():
        if name == EMBEDDING or ".k_proj" in name or ".v_proj" in name:
            continue
        if ".q_proj" in name:
            parts = [tensors[name.replace("q_proj", f"{x}_proj")] for x in "qkv"]
            named[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        else:
            named[name] = tensor
    named[ROTATIONS] = _rotations(config)
    with replacing(path) as file:
        torch.save({"model_state_dict": named}, file)


def config_is_gemma(config: GemmaConfig) -> None:
    """Raises InvalidInput for a model that the official code cannot compute."""
    try:
        config.to_hf()
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _file(path: Path) -> dict[str, Any]:
    try:
        data = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise CorruptData(
            f"{path} is no whole PyTorch checkpoint: {first}", hint="copy it again"
        ) from error
    data = data.get("model_state_dict", data) if isinstance(data, dict) else None
    if not isinstance(data, dict) or not all(isinstance(n, str) for n in data):
        raise InvalidInput(f"{path} holds no 'model_state_dict'")
    return data


def _sharded(folder: Path) -> dict[str, Any]:
    file = folder / INDEX
    if not file.is_file():
        raise InvalidInput(f"{folder} holds no checkpoint", hint=f"expected config.json or {INDEX}")
    try:
        where = json.loads(file.read_text("utf-8"))["weight_map"]
        names = dict.fromkeys(Path(str(v)).name for v in where.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptData(f"{file} has no weight_map from tensors to files") from error
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InvalidInput(f"{folder}: the shard {missing[0]} is missing", hint=f"{INDEX} names it")
    found = {n: t for name in names for n, t in _file(folder / name).items()}
    absent = sorted(set(where) - set(found))
    if absent:
        raise InvalidInput(f"{folder}: no shard holds {absent[0]}, which {INDEX} lists")
    return found


def _float(tensor: Tensor, scale: Tensor | None) -> Tensor:
    """int8 rows times their scales; anything else as it is."""
    return tensor if scale is None else tensor.to(scale.dtype) * scale[:, None]


def _config(tensors: dict[str, Tensor], rotations: Tensor | None, path: Path) -> GemmaConfig:
    """Sizes from shapes: q, k and v lie in one matrix of (heads + 2 · kv_heads) · head_dim rows."""
    layers = 1 + max((int(m[1]) for n in tensors if (m := _LAYER.match(n))), default=-1)
    try:
        first = "model.layers.0."
        rows = tensors[f"{first}self_attn.qkv_proj.weight"].shape[0]
        wide = tensors[f"{first}self_attn.o_proj.weight"].shape[1]
        d_ff = tensors[f"{first}mlp.gate_proj.weight"].shape[0]
        vocabulary, d_model = tensors[TABLE].shape
        head_dim = 2 * rotations.shape[1] if rotations is not None else SIZES["2b"]["head_dim"]
        context = rotations.shape[0] // 2 if rotations is not None else 8192
        return GemmaConfig(
            vocab_size=vocabulary, d_model=d_model, layers=layers, heads=wide // head_dim,
            kv_heads=(rows - wide) // 2 // head_dim, head_dim=head_dim, d_ff=d_ff, context=context,
        )  # fmt: skip
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise InvalidInput(f"{path}: no Gemma has these tensors: {error}") from error


def _renamed(tensors: dict[str, Tensor], config: GemmaConfig) -> dict[str, Tensor]:
    own, shared = config.heads * config.head_dim, config.kv_heads * config.head_dim
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name == TABLE:
            found[EMBEDDING] = tensor
        elif ".qkv_proj" in name and len(tensor) == own + 2 * shared:
            for x, part in zip("qkv", tensor.split([own, shared, shared]), strict=True):
                found[name.replace("qkv_proj", f"{x}_proj")] = part
        else:
            found[name] = tensor
    return found


def _rotations(config: GemmaConfig) -> Tensor:
    """The buffer of the official code: e^(i · position · base^(−2j/K)) for twice the context."""
    from interleaf_gemma.model import angles

    turn = angles(torch.arange(2 * config.context), config.head_dim, config.rope_base)
    return torch.polar(torch.ones_like(turn), turn)
