"""Checkpoints: which format a path holds, and whether its tensors are those of the model.

A format gives a ``Found``: the model's sizes and its tensors under Hugging Face's names. Nothing is read
before it is needed: tensors are views of the mapped files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from interleaf.errors import InvalidInput
from interleaf_gemma.architecture import PAPER_VOCABULARY, GemmaConfig, Precision

if TYPE_CHECKING:
    from interleaf_gemma.model import Gemma
    from interleaf_gemma.quantised import Quant

    G = TypeVar("G", bound=Gemma)

Format = Literal["hf", "official", "gguf"]
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


@dataclass(frozen=True, slots=True)
class Found:
    """What a checkpoint holds; ``place`` names it in errors."""

    config: GemmaConfig
    tensors: dict[str, Tensor]
    place: Path


def format_of(path: Path) -> Format:
    """By what the path is; raises InvalidInput for what is no checkpoint."""
    if path.is_dir():
        return "hf" if (path / "config.json").is_file() else "official"
    if not path.is_file():
        raise InvalidInput(
            f"there is no {path}", hint="give a Hugging Face folder, a .ckpt or a .gguf"
        )
    with path.open("rb") as stream:
        return "gguf" if stream.read(4) == b"GGUF" else "official"


def load(
    cls: type[G],
    path: Path,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
    mmap: bool = True,
    quant: Quant | None = None,
    precision: Precision = "reference",
) -> G:
    """See ``Gemma.load``; no file says the ``precision``."""
    from interleaf_gemma.quantising import quantise_model

    found = read(path, quant)
    with torch.device("meta"):
        model = cls(found.config.with_(precision=precision))
    tensors = fitted(found, model.state_dict())
    wanted = dtype_of(dtype) or tensors[EMBEDDING].dtype
    placed = {name: _placed(t, wanted, device, mmap) for name, t in tensors.items()}
    model.load_state_dict(placed, assign=True)
    if quant:
        for _ in quantise_model(model, quant):
            pass
    return model.eval()


def read(path: Path, quant: Quant | None = None) -> Found:
    """The sizes and tensors of a checkpoint in any of the three formats; ``quant``: see ``Gemma.load``."""
    from interleaf_gemma import gguf_file, hf, official

    if format_of(path) == "gguf":
        return gguf_file.read(path, quant)
    return {"hf": hf, "official": official, "gguf": gguf_file}[format_of(path)].read(path)


def save(model: Gemma, path: Path, format: Format) -> None:
    """See ``Gemma.save``."""
    from interleaf_gemma import gguf_file, hf, official

    formats = {"hf": hf, "official": official, "gguf": gguf_file}
    if format not in formats:
        raise InvalidInput(f"no format '{format}'", hint=", ".join(formats))
    formats[format].write(model.config, dict(model.state_dict()), path)


def fitted(found: Found, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The model's tensors, all and no others; raises InvalidInput naming up to five that differ."""
    tensors = _vocabulary(_tied(found), found)
    problems = [f"{name} is missing" for name in wanted if name not in tensors]
    problems += [f"{name} is none of a Gemma's" for name in tensors if name not in wanted]
    for name in wanted.keys() & tensors.keys():
        shape, expected = tuple(tensors[name].shape), tuple(wanted[name].shape)
        if shape != expected:
            problems.append(f"{name} is {list(shape)}, expected {list(expected)}")
    if problems:
        more = f"\n    and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise InvalidInput(
            f"{found.place} does not fit its config: " + "\n    ".join(problems[:5]) + more
        )
    return {name: tensors[name] for name in wanted}


def _tied(found: Found) -> dict[str, Tensor]:
    """Without an output layer of its own, which must be the embedding."""
    tensors = {n: t for n, t in found.tensors.items() if n != HEAD}
    head, embedding = found.tensors.get(HEAD), tensors.get(EMBEDDING)
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise InvalidInput(
            f"{found.place}: {HEAD} differs from {EMBEDDING}, and a Gemma's output layer is its embedding",
            hint="this is another model, or its head was trained apart",
        )
    return tensors


def _vocabulary(tensors: dict[str, Tensor], found: Found) -> dict[str, Tensor]:
    """The table with as many rows as the config says: 256,000 and 256,128 may stand for each other."""
    table = tensors.get(EMBEDDING)
    wanted = found.config.vocab_size
    if table is None or table.dim() != 2 or len(table) == wanted:
        return tensors
    if {len(table), wanted} != set(PAPER_VOCABULARY):
        raise InvalidInput(
            f"{found.place}: the embedding has {len(table):,} rows, the config's vocabulary {wanted:,}",
            hint="only 256,000 and 256,128 (padded) may stand for each other",
        )
    return {
        **tensors,
        EMBEDDING: table[:wanted] if len(table) > wanted else F.pad(table, (0, 0, 0, 128)),
    }


def _placed(
    tensor: Tensor, dtype: torch.dtype | None, device: torch.device | str, mmap: bool
) -> Tensor:
    moved = tensor.to(device=device, dtype=dtype or tensor.dtype)
    return moved.clone() if not mmap and moved is tensor and type(tensor) is Tensor else moved


def dtype_of(name: torch.dtype | str | None) -> torch.dtype | None:
    """``"bfloat16"`` as torch's; raises InvalidInput for another word."""
    if name is None or isinstance(name, torch.dtype):
        return name
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in known:
        raise InvalidInput(f"no dtype '{name}'", hint=", ".join(known))
    return known[name]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary sibling that takes the place of ``path`` when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield folder / path.name
        (folder / "mode").touch()  # safetensors lets nobody else read what it writes
        (folder / path.name).chmod((folder / "mode").stat().st_mode)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
