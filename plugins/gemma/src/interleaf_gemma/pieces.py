"""The entries of a vocabulary: in a SentencePiece model, in a GGUF file, in a ``tokenizer.json``.

All become SentencePiece models, so that one tokenizer reads texts. A SentencePiece model is a protocol
buffer, of which a few fields are read and written here: no more of that format is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interleaf.errors import CorruptData, InvalidInput

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)  # SentencePiece's numbers, and GGUF's
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # how a field is kept
SPACE = "\u2581"
BPE = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry: its text, its score (of two merges the better one is made first), its type."""

    text: str
    score: float
    type: int


def entries(model: bytes) -> list[Piece]:
    """The entries of a SentencePiece model."""
    found = []
    for number, value in _fields(model):
        if number == 1:
            part = dict(_fields(value))
            score = struct.unpack("<f", part[2])[0] if 2 in part else 0.0
            found.append(Piece(part[1].decode("utf-8"), score, part.get(3, NORMAL)))
    return found


def model(pieces: Sequence[Piece], ids: Mapping[str, int], space_first: bool = False) -> bytes:
    """A SentencePiece BPE model of these entries.

    ids: where ``bos``, ``eos``, ``pad`` and ``unk`` stand (−1: nowhere). space_first: a space is put in
    front of every text.
    """
    names = {"unk": (40, 45), "bos": (41, 46), "eos": (42, 47), "pad": (43, 48)}
    trained = _field(3, BPE) + _field(4, len(pieces)) + _field(35, 1)
    for name, (number, text) in names.items():
        at = ids.get(name, -1)
        trained += _field(number, at)
        trained += _field(text, pieces[at].text.encode()) if 0 <= at < len(pieces) else b""
    normaliser = _field(1, b"identity") + _field(3, int(space_first)) + _field(4, 0) + _field(5, 1)
    body = b"".join(
        _field(1, _field(1, p.text.encode()) + _field(2, p.score) + _field(3, p.type))
        for p in pieces
    )
    return body + _field(2, trained) + _field(3, normaliser)


def of_gguf(fields: Mapping[str, Any], place: object) -> bytes | None:
    """The vocabulary in a GGUF file's fields as a SentencePiece model; None if it holds none."""

    def get(name: str, other: Any = None) -> Any:
        return fields.get(f"tokenizer.ggml.{name}", other)

    if get("model") in (None, "no_vocab", "none"):
        return None
    if get("model") != "llama":
        raise InvalidInput(
            f"{place} holds a tokenizer of the kind '{get('model')}'; a Gemma's is 'llama' (SentencePiece)",
            hint="name another: --tokenizer",
        )
    texts, scores, types = (get(n, []) for n in ("tokens", "scores", "token_type"))
    if not len(texts) == len(scores) == len(types) > 0:
        raise CorruptData(
            f"{place}: its tokenizer has {len(texts)} tokens, {len(scores)} scores, {len(types)} types"
        )
    found = [Piece(*p) for p in zip(texts, map(float, scores), map(int, types), strict=True)]
    unknown = next((i for i, p in enumerate(found) if p.type == UNKNOWN), 3)
    ids = {"bos": 2, "eos": 1, "unk": unknown, "pad": get("padding_token_id", 0)}
    ids |= {n: get(f"{n}_token_id", ids[n]) for n in ("bos", "eos")}
    return model(found, ids, bool(get("add_space_prefix", False)))


def of_json(data: Any, place: object) -> bytes:
    """A ``tokenizer.json`` of Gemma's kind as a SentencePiece model that gives the same ids.

    Its merges, in order, become scores. Raises InvalidInput for a tokenizer of another kind.
    """
    try:
        said, added = data["model"], {a["id"]: a for a in data.get("added_tokens") or ()}
        _is_gemmas(data, said, place)
        texts = {i: t for t, i in said["vocab"].items()} | {
            i: a["content"] for i, a in added.items()
        }
        merged = [m.split(" ") if isinstance(m, str) else m for m in said["merges"]]
        ranks: dict[str, int] = {}
        for rank, (left, right) in enumerate(merged):
            ranks.setdefault(left + right, rank)
        if sorted(texts) != list(range(len(texts))):
            raise CorruptData(f"{place}: its ids are not 0 to {len(texts) - 1}")
        unknown = said.get("unk_token", "<unk>")
        found = [
            Piece(texts[i], -float(ranks.get(texts[i], len(merged))), _type(texts[i], added.get(i), unknown))
            for i in range(len(texts))
        ]  # fmt: skip
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CorruptData(f"{place} is no whole tokenizer.json: {error!r}") from error
    where = {p.text: i for i, p in enumerate(found)}
    names = {"bos": "<bos>", "eos": "<eos>", "pad": "<pad>", "unk": unknown}
    missing = [name for name in names.values() if name not in where]
    if missing:
        raise InvalidInput(f"{place} has no {', '.join(missing)}, which a Gemma's tokenizer has")
    return model(found, {n: where[text] for n, text in names.items()})


def _is_gemmas(data: Any, said: Any, place: object) -> None:
    kind, normaliser, cut = said.get("type"), data.get("normalizer"), data.get("pre_tokenizer")
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    reason = ""
    if kind != "BPE":
        reason = f"its model is {kind}"
    elif not said.get("byte_fallback"):
        reason = "it has no byte fallback"
    elif normaliser != spaces:
        reason = f"its normalizer is {normaliser}"
    elif cut is not None and (cut.get("type"), cut.get("pattern")) != ("Split", {"String": " "}):
        reason = f"its pre_tokenizer is {cut.get('type')}"  # a Split at spaces finds none any more
    if reason:
        raise InvalidInput(
            f"{place} is not a tokenizer of Gemma's kind: {reason}",
            hint="expected BPE with byte fallback that writes spaces as U+2581, or a tokenizer.model",
        )


def _type(text: str, added: Mapping[str, Any] | None, unknown: str) -> int:
    if text == unknown:
        return UNKNOWN
    if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
        return BYTE
    return NORMAL if added is None else CONTROL if added.get("special") else USER


def _field(number: int, value: int | float | bytes) -> bytes:
    if isinstance(value, float):
        return _varint(number << 3 | FOUR) + struct.pack("<f", value)
    if isinstance(value, bytes):
        return _varint(number << 3 | BYTES) + _varint(len(value)) + value
    return _varint(number << 3 | VARINT) + _varint(value & (1 << 64) - 1)


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of every field: an int, or bytes; IndexError where the data end too early."""
    at = 0

    def varint() -> int:
        nonlocal at
        found = shift = 0
        while True:
            byte = data[at]
            at, found, shift = at + 1, found | (byte & 127) << shift, shift + 7
            if byte < 128:
                return found

    while at < len(data):
        number, kind = divmod(varint(), 8)
        if kind == VARINT:
            yield number, varint()
            continue
        size = varint() if kind == BYTES else {EIGHT: 8, FOUR: 4}[kind]
        yield number, data[at : at + size]
        at += size
