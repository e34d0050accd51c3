"""Tensors that are spread over processes, as safetensors files: each process writes its own parts.

torch.distributed.checkpoint does the work, in its Hugging Face form, which has no pickle. What was
written by so many processes can be read by any other number.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp

from interleaf.errors import InterleafError


def _storage() -> Any:
    try:
        from torch.distributed.checkpoint import hf_storage

        return hf_storage
    except ImportError:
        raise InterleafError(
            f"torch {torch.__version__} cannot write spread checkpoints", hint="torch>=2.9"
        ) from None


def write_spread(folder: Path, parts: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    """Write each part into a folder of its name; every process must call it."""
    for name, tensors in parts.items():
        if tensors:
            writer = _storage().HuggingFaceStorageWriter(str(folder / name), save_distributed=True)
            dcp.save(dict(tensors), storage_writer=writer)


def read_spread(folder: Path, targets: Mapping[str, torch.Tensor], *, alone: bool) -> None:
    """Fill ``targets``, spread or whole, with tensors of their names; together, or one process
    ``alone``."""
    if targets:
        reader = _storage().HuggingFaceStorageReader(str(folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "assuming a single process": it is one
            dcp.load(dict(targets), storage_reader=reader, no_dist=alone)


def described(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a folder without their content (on the device ``meta``)."""
    found = _storage().HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    return {
        name: torch.empty(m.size, dtype=m.properties.dtype, device="meta")
        for name, m in found.items()
    }


def read_whole(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a folder, whole, on the CPU."""
    found = {n: torch.empty_like(t, device="cpu") for n, t in described(folder).items()}
    read_spread(folder, found, alone=True)
    return found
