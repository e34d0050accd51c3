"""SentencePiece models as Gemma uses them: text to ids and back, control tokens only as ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from interleaf.errors import CorruptData, InvalidInput

START, END = "<start_of_turn>", "<end_of_turn>"


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the vocabulary: text, log-probability or rank, and type as GGUF counts them."""

    text: str
    score: float
    type: int


class Tokenizer:
    """A SentencePiece model file.

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
        """A ``tokenizer.model``, or the folder that holds one."""
        file = Path(path)
        file = file / "tokenizer.model" if file.is_dir() else file
        if not file.is_file():
            raise InvalidInput(
                f"there is no tokenizer {file}", hint="give a SentencePiece tokenizer.model"
            )
        return cls(file.read_bytes(), str(file))

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
        known = [self._entry(i) for i in range(min(rows, len(self)))]
        return known + [Piece(f"<pad{i}>", -1000.0, 5) for i in range(len(known), rows)]

    def _entry(self, i: int) -> Piece:
        p = self.processor
        kind = 6 if p.is_byte(i) else 2 if p.is_unknown(i) else 3 if i in self.control else 1
        return Piece(p.id_to_piece(i), p.get_score(i), kind)

    def _special(self, i: int) -> bool:
        """Control, unknown, unused, and what is written in angle brackets, such as <start_of_turn>."""
        p = self.processor
        if p.is_byte(i):
            return False
        text = p.id_to_piece(i)
        named = text in (START, END, "<mask>", "<bos>", "<eos>", "<pad>", "<2mass>", "[@BOS@]")
        return (
            p.is_control(i)
            or p.is_unknown(i)
            or p.is_unused(i)
            or named
            or text.startswith("<unused")
        )

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
