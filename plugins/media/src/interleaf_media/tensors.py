"""Files of weights that a user gives: read without running code, held to the network they are for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import CorruptData, WeightsMissing
from interleaf.weights import sha256_of
from interleaf_media.extras import need

STAMPED = re.compile(
    r"-([0-9a-f]{8})\.\w+$"
)  # torch's custom: a name ends in its sha256's beginning


def given_file(name: str, path: str) -> Path:
    """The file at ``path``; WeightsMissing where there is none, or where its name tells other bytes."""
    file = Path(path).expanduser()
    if not path or not file.is_file():
        raise WeightsMissing(
            f"{name} needs a file of weights" + (f"; {path} is none" if path else ""),
            hint="give the path of a local file; nothing is downloaded",
        )
    stamp = STAMPED.search(file.name)
    if stamp and not sha256_of(file).startswith(stamp[1]):
        raise WeightsMissing(
            f"{file} is another file: its sha256 is {sha256_of(file)}, its name says {stamp[1]}…",
            hint="the file was cut short, altered or renamed; get it anew",
        )
    return file


def label(name: str, file: Path) -> str:
    """``name:sha256:first 12 digits``, what a result says of the weights it was computed with."""
    return f"{name}:sha256:{sha256_of(file)[:12]}"


def read_tensors(file: Path) -> Mapping[str, Any]:
    """The tensors of a .pth or .safetensors by name; raises CorruptData for anything else."""
    torch = need("torch", "torch")
    try:
        if file.suffix == ".safetensors":
            return dict(need("safetensors.torch", "torch").load_file(file))
        stored = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # readers of foreign bytes raise whatever they like
        raise CorruptData(f"{file}: is no file of weights ({type(error).__name__})") from error
    if not isinstance(stored, Mapping):
        raise CorruptData(f"{file}: holds no tensors by name, but a {type(stored).__name__}")
    return stored


def fill(network: Any, stored: Mapping[str, Any], file: Path) -> None:
    """Load tensors that are exactly those of the network; CorruptData names the first that is not."""
    wanted = network.state_dict()
    wrong = [
        k
        for k in {*stored, *wanted}
        if k not in stored or k not in wanted or stored[k].shape != wanted[k].shape
    ]
    if wrong:
        raise CorruptData(
            f"{file}: does not fit this model: {min(wrong)}, {len(wrong)} tensors in all"
        )
    network.load_state_dict(stored)
