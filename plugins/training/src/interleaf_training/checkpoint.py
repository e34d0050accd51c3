"""Checkpoints: whole or not there, checked when read, never pickle.

``step-00000120/`` holds ``weights``, ``optimiser`` and, where asked for, ``average``, each a
``.safetensors`` file or, from a spread training, a folder of them (see :mod:`.spread`), and
``state.json`` with the rest and the digest of each file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from interleaf.errors import CorruptData, InvalidInput
from interleaf.pipeline.files import folder_atomic, remove
from interleaf_training.spread import read_whole

FORMAT = 1
Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after ``step`` steps.

    ``identity`` says which training it is of; ``rows`` is the log; ``window`` sums since its last
    row; ``note`` is the caller's own. Its tensors are in ``files`` of ``folder``, or ``held``.
    """

    step: int
    identity: Mapping[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    window: list[float] = field(default_factory=list)
    note: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    held: Mapping[str, Tensors] = field(default_factory=dict)

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """``weights``, ``optimiser`` or ``average``, on the CPU; empty where there are none."""
        if self.held:
            return dict(self.held.get(name, {}))
        if self.is_spread(name):
            return read_whole(self.folder / name)
        file = self.folder / f"{name}.safetensors"
        return load_file(file) if file.name in self.files else {}

    def is_spread(self, name: str) -> bool:
        """Whether several processes wrote these tensors, each its parts."""
        return any(file.startswith(f"{name}/") for file in self.files)

    @property
    def mark(self) -> str:
        """A digest of its tensors."""
        total = blake2b(json.dumps(dict(self.files), sort_keys=True).encode(), digest_size=16)
        for name, part in sorted(self.held.items()):
            for key, tensor in sorted(part.items()):
                total.update(f"{name}/{key}{tuple(tensor.shape)}".encode())
                total.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
        return total.hexdigest()


def place(root: Path, step: int) -> Path:
    """Where the checkpoint of a step lies; names sort by step."""
    return root / f"step-{step:010d}"


def write_checkpoint(
    root: Path, state: Checkpoint, tensors: Mapping[str, Tensors] | None, spread: Path | None = None
) -> Path:
    """Write a checkpoint under ``root``: temporary folder, fsync, rename.

    ``spread``: a folder on the same disk whose files become part of it instead of ``tensors``.
    """
    target = place(root, state.step)
    with folder_atomic(target) as folder:
        for part in spread.iterdir() if spread else ():
            part.rename(folder / part.name)
        for name, parts in (tensors or {}).items():
            if parts:
                whole = {k: v.contiguous() for k, v in parts.items()}
                save_file(whole, folder / f"{name}.safetensors")
        found = sorted(f for f in folder.rglob("*") if f.is_file())
        files = {f.relative_to(folder).as_posix(): digest(f) for f in found}
        text = {
            "format": FORMAT, "step": state.step, "identity": state.identity, "rows": state.rows,
            "window": state.window, "note": state.note, "files": files,
        }  # fmt: skip
        (folder / "state.json").write_text(json.dumps(text, allow_nan=False), encoding="utf-8")
    return target


def read_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint whose every byte is as written; CorruptData otherwise."""
    try:
        told = json.loads((folder / "state.json").read_bytes())
        known = told.pop("format")
        found = Checkpoint(**told, folder=folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptData(
            f"{folder} is no whole checkpoint: {type(error).__name__}: {error}",
            hint="use an earlier one beside it",
        ) from None
    if known != FORMAT:
        raise CorruptData(f"{folder} has format {known}, expected {FORMAT}", hint="train again")
    for name, mark in found.files.items():
        if not (folder / name).is_file() or digest(folder / name) != mark:
            raise CorruptData(
                f"{folder / name} is missing or altered", hint="use an earlier one beside it"
            )
    return found


def digest(file: Path) -> str:
    """BLAKE2b-128 of a file's bytes."""
    total = blake2b(digest_size=16)
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            total.update(block)
    return total.hexdigest()


def folders(root: Path) -> Iterator[Path]:
    """Checkpoints under ``root``, the latest first."""
    return iter(sorted(root.glob("step-*"), reverse=True)) if root.is_dir() else iter(())


def find_checkpoint(
    root: Path, heard: Callable[[str], None] = lambda message: None
) -> Checkpoint | None:
    """The latest whole checkpoint under ``root``; ``heard`` is told of every broken one before it."""
    for folder in folders(root):
        try:
            return read_checkpoint(folder)
        except CorruptData as error:
            heard(f"{error.message}; an earlier checkpoint is used")
    return None


def same_training(found: Checkpoint, identity: Mapping[str, Any]) -> None:
    """InvalidInput naming what differs unless a checkpoint is of this very training."""
    mine = json.loads(json.dumps(identity))
    names = sorted(n for n in {*mine, *found.identity} if mine.get(n) != found.identity.get(n))
    if names:
        told = "; ".join(
            f"{n}: {_short(found.identity.get(n))}, now {_short(mine.get(n))}" for n in names
        )
        raise InvalidInput(
            f"the checkpoint {found.folder} is of another training: {told}",
            hint="use another folder, or the parameters and data that it was started with",
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 90 else text[:87] + "…"


def prune(root: Path, keep: int, always: tuple[int, ...]) -> None:
    """Delete all but the last ``keep`` checkpoints and those at the steps in ``always``."""
    kept = {place(root, step) for step in always}
    for folder in list(folders(root))[keep:]:
        if folder not in kept:
            remove(folder)
