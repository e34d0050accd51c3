"""Texts and token files as they stand on a disk."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InvalidInput, PluginMissing
from interleaf.interfaces import Model, ModelHandle
from interleaf.values import Tokens
from interleaf.weights import sha256_of

Array = np.ndarray[Any, Any]
BYTES = "bytes"  # the identity of the tokenizer that there is none
OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
TEXTS = (".txt", ".md", ".rst", ".text", *OPENERS)
HEADER, DATA = "header.json", "tokens.bin"
DTYPES = ("uint8", "uint16", "uint32")


def read_works(path: Path) -> dict[str, bytes]:
    """The UTF-8 texts of a file or of a folder's files, by name; InvalidInput says which is none."""
    if not path.exists():
        raise InvalidInput(f"no such file or folder: {path}")
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix in TEXTS and f.is_file())
        if not files:
            raise InvalidInput(f"{path} holds no texts", hint=f"files ending in {', '.join(TEXTS)}")
    names = [f.relative_to(path).as_posix() if path.is_dir() else f.name for f in files]
    return {name: read_text(file) for name, file in zip(names, files, strict=True)}


def read_text(file: Path) -> bytes:
    """The text of one file, decompressed by its ending."""
    try:
        with OPENERS.get(file.suffix, open)(file, "rb") as stream:  # type: ignore[operator]
            data: bytes = stream.read()
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise CorruptData(f"{file} cannot be read: {error}", hint="copy it again") from None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"{file}, line {line}: byte {data[error.start]:#04x} is not UTF-8",
            hint="convert it: iconv -f latin1 -t utf8 (or the encoding it has)",
        ) from None
    return data


def tokenize(texts: Iterable[bytes], file: str | None) -> tuple[list[Array], str]:
    """Token ids of each text, and the tokenizer's identity: bytes, or the digest of its file."""
    if file is None:
        return [np.frombuffer(t, dtype=np.uint8) for t in texts], BYTES
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise PluginMissing(
            "a tokenizer.json needs the package tokenizers", hint="pip install tokenizers"
        ) from None
    try:
        tool = Tokenizer.from_file(file)
    except Exception as error:  # the library raises bare Exception
        raise InvalidInput(f"{file} is no tokenizer: {error}", hint="a tokenizer.json") from None
    dtype = np.uint16 if tool.get_vocab_size() <= 1 << 16 else np.uint32
    ids = [
        np.array(tool.encode(t.decode(), add_special_tokens=False).ids, dtype=dtype) for t in texts
    ]
    return ids, "sha256:" + sha256_of(Path(file))[:16]


def read_by(model: ModelHandle | Model, texts: Iterable[bytes]) -> tuple[list[Array], str]:
    """As :func:`tokenize`, by the ``apply`` of a model that makes Tokens of a text."""
    live = model.load() if isinstance(model, ModelHandle) else model
    reads = getattr(live, "apply", None)
    if reads is None:
        raise InvalidInput(f"{type(live).__name__} reads no text", hint="such as gemma.decoder")
    found = [reads(text=t.decode()) for t in texts]
    wrong = next((f for f in found if not isinstance(f, Tokens)), None)
    if wrong is not None:
        raise InvalidInput(
            f"{type(live).__name__} makes {type(wrong).__name__} of a text, not tokens",
            hint="a model such as gemma.decoder, or without one: bytes",
        )
    narrow = max((int(f.ids.max(initial=0)) for f in found), default=0) < 1 << 16
    dtype = np.uint16 if narrow else np.uint32
    return [f.ids.astype(dtype) for f in found], next((f.tokenizer for f in found), "")


@dataclass(frozen=True, slots=True)
class Stored:
    """A token file: ``ids`` mapped from the disk, where documents begin, and what it says of itself."""

    ids: Array
    starts: Array
    tokenizer: str
    digest: str


def write_tokens(folder: Path, documents: Iterable[Array], tokenizer: str) -> Mapping[str, Any]:
    """``tokens.bin`` and ``header.json``: dtype, count, sha256, tokenizer, starts of documents.

    The header is renamed into place last, so that a folder with one is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HEADER).unlink(missing_ok=True)
    total, count, starts, dtype = sha256(), 0, [], None
    with open(folder / DATA, "wb") as out:
        for ids in documents:
            dtype = dtype or str(ids.dtype)
            if str(ids.dtype) != dtype or dtype not in DTYPES:
                raise InvalidInput(f"tokens are one of {DTYPES} throughout, got {ids.dtype}")
            data = ids.astype(ids.dtype.newbyteorder("<"), copy=False).tobytes()
            out.write(data)
            total.update(data)
            starts.append(count)
            count += len(ids)
        out.flush()
        os.fsync(out.fileno())
    header = {
        "format": 1, "dtype": dtype or "uint8", "count": count, "sha256": total.hexdigest(),
        "tokenizer": tokenizer, "starts": starts,
    }  # fmt: skip
    part = folder / (HEADER + ".part")
    part.write_text(json.dumps(header), encoding="utf-8")
    os.replace(part, folder / HEADER)
    return header


def map_tokens(folder: Path, verify: bool = True) -> Stored:
    """What :func:`write_tokens` wrote, mapped; CorruptData where file and header disagree."""
    try:
        header = json.loads((folder / HEADER).read_bytes())
        dtype, count, digest = str(header["dtype"]), int(header["count"]), str(header["sha256"])
        starts = np.array(header.get("starts", [0]), dtype=np.int64)
        tokenizer = str(header["tokenizer"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptData(
            f"{folder / HEADER} is no header of tokens: {error!r}",
            hint="dtype, count, sha256, tokenizer; interleaf continual pack writes one",
        ) from None
    file = folder / DATA
    if dtype not in DTYPES:
        raise CorruptData(f"{folder / HEADER}: dtype {dtype}", hint=f"one of {', '.join(DTYPES)}")
    size = np.dtype(dtype).itemsize * count
    if not file.is_file() or file.stat().st_size != size:
        there = file.stat().st_size if file.is_file() else "no"
        raise CorruptData(f"{file} has {there} bytes, its header says {size}", hint="copy it again")
    ordered = len(starts) and starts[0] == 0 and (np.diff(starts) >= 0).all()
    if count and not (ordered and starts[-1] <= count):
        raise CorruptData(f"{folder / HEADER}: documents do not begin one after the other from 0")
    if verify and sha256_of(file) != digest:
        raise CorruptData(f"{file} has other bytes than its header says", hint="copy it again")
    little = np.dtype(dtype).newbyteorder("<")
    ids: Array = np.memmap(file, little, "r") if count else np.empty(0, dtype)
    return Stored(ids, starts, tokenizer, digest)
