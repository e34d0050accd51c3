"""SentencePiece models as Gemma uses them: text to ids and back, control tokens only as ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma import pieces
from interleaf_gemma.pieces import CONTROL, UNUSED, USER, Piece

START, END = "<start_of_turn>", "<end_of_turn>"
NAMES = frozenset((START, END, "<mask>", "<bos>", "<eos>", "<pad>", "<2mass>", "[@BOS@]"))
FILES = ("tokenizer.model", "tokenizer.json")


class Tokenizer:
    """A SentencePiece model.

    Text never becomes a control token: ``<end_of_turn>`` in it is spelt with ordinary pieces.
    """

    def __init__(self, data: bytes, place: str = "the tokenizer") -> None:
        self.data = data
        self.processor = sentencepiece.SentencePieceProcessor()
        try:
            self.processor.LoadFromSerializedProto(data)
        except (RuntimeError, TypeError) as error:
            raise CorruptData(
                f"{place} is no SentencePiece model", hint="expected a tokenizer.model"
            ) from error
        self.bos, self.eos = self.processor.bos_id(), self.processor.eos_id()
        self.unk, self.pad = self.processor.unk_id(), max(self.processor.pad_id(), 0)
        self.control = frozenset(i for i in range(len(self)) if self._special(i))
        self._names = {self.processor.id_to_piece(i): i for i in self.control}

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """A ``tokenizer.model``, a ``tokenizer.json``, a folder of either, or a ``.gguf`` that holds one."""
        file = Path(path)
        file = (_in_folder(file) or file / FILES[0]) if file.is_dir() else file
        if not file.is_file():
            raise InvalidInput(
                f"there is no tokenizer {file}", hint=f"give a {' or a '.join(FILES)}"
            )
        return cls(_model_of(file), str(file))

    @staticmethod
    def beside(weights: Path) -> Path | None:
        """Where the tokenizer of a checkpoint is: in a GGUF file itself, else in its folder."""
        if is_gguf(weights) and _of_gguf(weights) is not None:
            return weights
        return _in_folder(weights if weights.is_dir() else weights.parent)

    def __len__(self) -> int:
        return int(self.processor.vocab_size())

    @property
    def name(self) -> str:
        """The identity of the vocabulary, from its content."""
        return "sentencepiece:" + hashlib.sha256(self.data).hexdigest()[:12]

    def encode(self, text: str, bos: bool = True) -> list[int]:
        """Ids of a text, behind <bos>. A text that begins with ``<bos>`` gets no second one."""
        if bos and text.startswith("<bos>"):
            text = text.removeprefix("<bos>")
        ids = [i for part in self._apart(text) for i in self.processor.encode(part)]
        return [self.bos, *ids] if bos else ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; control tokens are left out, broken UTF-8 becomes U+FFFD."""
        return self.raw(ids).decode("utf-8", errors="replace")

    def raw(self, ids: Sequence[int]) -> bytes:
        """The bytes that ids stand for, end to end; control tokens are none."""
        return b"".join(self.piece(i) for i in ids)

    def piece(self, i: int) -> bytes:
        """The bytes of one id."""
        if not 0 <= i < len(self) or i in self.control:
            return b""
        text = self.processor.id_to_piece(i)
        if self.processor.is_byte(i):
            return bytes([int(text[3:5], 16)])
        return text.replace("\u2581", " ").encode("utf-8")

    def id(self, name: str) -> int:
        """The id of a control token; InvalidInput if the vocabulary has none of that name."""
        if name not in self._names:
            raise InvalidInput(
                f"the tokenizer has no {name}", hint="it is no chat model's; use generate instead"
            )
        return self._names[name]

    def pieces(self, rows: int) -> list[Piece]:
        """The vocabulary, filled up to ``rows`` entries, as GGUF stores it."""
        known = [
            Piece(p.text, p.score, CONTROL if i in self.control and p.type == USER else p.type)
            for i, p in enumerate(pieces.entries(self.data)[:rows])
        ]
        return known + [Piece(f"<pad{i}>", -1000.0, UNUSED) for i in range(len(known), rows)]

    def _special(self, i: int) -> bool:
        """Control, unknown, unused, and what only is written as ids, such as <start_of_turn>."""
        p = self.processor
        text = p.id_to_piece(i)
        named = text in NAMES or text.startswith("<unused")
        return named or p.is_control(i) or p.is_unknown(i) or p.is_unused(i)

    def _apart(self, text: str) -> list[str]:
        """The text, cut inside whatever would be read as a control token."""
        parts = [text]
        for name in self._names:
            if len(name) > 1 and name in text:
                parts = [p for part in parts for p in _cut(part, name)]
        return parts


def _cut(text: str, name: str) -> list[str]:
    """``a<b>c`` → ``a<``, ``b>c``: neither part holds ``<b>``."""
    pieces = text.split(name)
    found = [pieces[0]]
    for piece in pieces[1:]:
        found[-1] += name[:1]
        found.append(name[1:] + piece)
    return found


def is_gguf(file: Path) -> bool:
    """Whether a file is one, by how it begins."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def _in_folder(folder: Path) -> Path | None:
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def _of_gguf(file: Path) -> bytes | None:
    from interleaf_gemma.gguf_file import fields_of

    return pieces.of_gguf(fields_of(file), file)


def _model_of(file: Path) -> bytes:
    """The SentencePiece model that a file is, or is made into."""
    if is_gguf(file):
        found = _of_gguf(file)
        if found is None:
            raise InvalidInput(f"{file} holds no tokenizer", hint="name another: --tokenizer")
        return found
    if file.suffix != ".json":
        return file.read_bytes()
    try:
        data = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CorruptData(f"{file} is no JSON file: {error}") from error
    return pieces.of_json(data, file)
