"""Hugging Face folders: ``config.json`` and safetensors, in one file or in shards with an index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma.architecture import GemmaConfig
from interleaf_gemma.checkpoints import Found, replacing
from interleaf_gemma.quantised_files import joined, separated, settings

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5_000_000_000


def read(folder: Path) -> Found:
    """The sizes and mapped tensors of a folder."""
    config = read_config(folder)
    said = _json(folder / CONFIG).get("quantization_config")
    if (folder / INDEX).is_file() or (folder / WHOLE).is_file():
        sharded = (folder / INDEX).is_file()
        tensors = _shards(folder) if sharded else _tensors(folder / WHOLE)
        return Found(config, joined(tensors, said, folder) if said else tensors, folder)
    parts = sorted(p.name for p in folder.glob("model-*-of-*.safetensors"))
    if parts:
        raise InvalidInput(f"{folder} holds {', '.join(parts[:3])} … without {INDEX}")
    if list(folder.glob("pytorch_model*.bin*")):
        raise InvalidInput(
            f"{folder} holds pickled weights", hint="convert them to safetensors first"
        )
    raise InvalidInput(
        f"{folder} holds no weights", hint=f"expected {WHOLE}, or {INDEX} and its shards"
    )


def read_config(folder: Path) -> GemmaConfig:
    """The sizes in ``config.json``."""
    file = folder / CONFIG
    try:
        return GemmaConfig.from_hf(_json(file))
    except ValueError as error:
        raise InvalidInput(f"{file}: {error}") from error


def write(
    config: GemmaConfig, tensors: dict[str, Tensor], folder: Path, shard: int = SHARD_BYTES
) -> None:
    """Write a folder that transformers reads; shards of at most ``shard`` bytes."""
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    quantised, tensors = settings(tensors), separated(tensors)
    try:
        data = config.to_hf(dtype)
    except ValueError as error:
        raise InvalidInput(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    shards = _divided(tensors, shard)
    names = [f"model-{n + 1:05d}-of-{len(shards):05d}.safetensors" for n in range(len(shards))]
    if len(shards) == 1:
        names = [WHOLE]
    for name, part in zip(names, shards, strict=True):
        with replacing(folder / name) as file:
            save_file({n: t.contiguous() for n, t in part.items()}, file, metadata={"format": "pt"})
    if len(shards) > 1:
        where = {n: name for name, part in zip(names, shards, strict=True) for n in part}
        total = sum(t.nbytes for t in tensors.values())
        _write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": where})
    _write_json(
        folder / CONFIG, {**data, **({"quantization_config": quantised} if quantised else {})}
    )


def _divided(tensors: dict[str, Tensor], most: int) -> list[dict[str, Tensor]]:
    """In order, each part of at most ``most`` bytes or one tensor."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if parts[-1] and size + tensor.nbytes > most:
            parts.append({})
            size = 0
        parts[-1][name] = tensor
        size += tensor.nbytes
    return parts


def _shards(folder: Path) -> dict[str, Tensor]:
    index = _json(folder / INDEX)
    where = index.get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(v, str) for v in where.values()):
        raise CorruptData(f"{folder / INDEX} has no weight_map from tensors to files")
    found: dict[str, Tensor] = {}
    for name in dict.fromkeys(where.values()):
        if Path(name).name != name:
            raise InvalidInput(f"{folder / INDEX} names '{name}', which is outside the folder")
        if not (folder / name).is_file():
            raise InvalidInput(f"{folder}: the shard {name} is missing", hint=f"{INDEX} names it")
        part = _tensors(folder / name)
        _agree(folder, name, set(part), {t for t, file in where.items() if file == name})
        found |= part
    return found


def _agree(folder: Path, name: str, there: set[str], listed: set[str]) -> None:
    for tensor in sorted(listed - there):
        raise InvalidInput(f"{folder / name} does not hold {tensor}, which {INDEX} places there")
    for tensor in sorted(there - listed):
        raise InvalidInput(f"{folder / INDEX} does not list {tensor}, which {name} holds")


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise CorruptData(
            f"{file} is no whole safetensors file ({file.stat().st_size:,} bytes): {error}",
            hint="copy it again",
        ) from error


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptData(f"{file} is no JSON file: {error}") from error
    if not isinstance(data, dict):
        raise CorruptData(f"{file} holds a {type(data).__name__}, expected an object")
    return data


def _write_json(file: Path, data: object) -> None:
    with replacing(file) as new:
        new.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
