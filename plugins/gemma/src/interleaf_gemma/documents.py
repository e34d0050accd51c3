"""Texts as a Dataset, and a Dataset of token windows made of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Dataset
from interleaf.values import Tokens
from interleaf_gemma.asking import asked
from interleaf_gemma.config import DocumentsConfig, WindowsConfig
from interleaf_gemma.shipped import TOKENIZER
from interleaf_gemma.tokenizer import Tokenizer

PARTS = 20  # of which one is held out for choosing, one for the last measurement


class Documents(Dataset):
    """The documents of a text file, or of the ``.txt`` files of a folder.

    A document's own content decides to which part it belongs, so that a text which stands twice is never
    both trained on and held out.
    """

    Config = DocumentsConfig

    @cached_property
    def texts(self) -> list[str]:
        """The documents of the chosen part; InvalidInput when there are none."""
        found = [t for file in self._files() for t in self._cut(read_text(file))]
        chosen = [t for t in found if self.config.part in ("all", part_of(t))]
        if not chosen:
            raise InvalidInput(
                f"{self.config.path} holds no document of the part '{self.config.part}'"
            )
        return chosen

    def _files(self) -> list[Path]:
        root = Path(self.config.path)
        if root.is_file():
            return [root]
        if not root.is_dir():
            raise InvalidInput(
                f"there is no {root}", hint="give a text file or a folder of .txt files"
            )
        return sorted(root.rglob("*.txt"))

    def _cut(self, text: str) -> list[str]:
        separator = self.config.separator
        if not separator:
            return [text] if text.strip() else []
        whole = text.split(separator)
        if len(whole) > 1 and whole[-1].strip():
            whole.pop()  # the last one was cut off by the end of the file
        return [t.strip() for t in whole if t.strip()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> str:
        return self.texts[index]

    def fingerprint(self) -> str:
        """Of the documents, in order."""
        total = blake2b(digest_size=16)
        for text in self.texts:
            total.update(blake2b(text.encode(), digest_size=16).digest())
        return total.hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        card = str(TOKENIZER.with_name("README.md"))
        return {
            "configs": [DocumentsConfig(path=card), DocumentsConfig(path=card, separator="\n\n")]
        }


def part_of(text: str) -> str:
    """``train``, ``valid`` or ``test``, from the text's digest: 18, 1 and 1 of 20."""
    place = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % PARTS
    return {0: "test", 1: "valid"}.get(place, "train")


def read_text(file: Path) -> str:
    """A UTF-8 file, without a last character that was cut; CorruptData for another encoding."""
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data"
        if cut:  # a sample that ends inside a character
            return file.read_bytes()[: error.start].decode("utf-8")
        raise CorruptData(
            f"{file} is no UTF-8 text: byte {error.start}", hint="convert it to UTF-8"
        ) from error


class Windows(Dataset):
    """Token windows of equal length, cut from documents laid end to end, each behind <bos>, before <eos>."""

    Config = WindowsConfig

    def open(self, documents: Dataset | None = None, **inputs: Any) -> Self:
        """The windows of these texts."""
        self.documents = documents
        return self

    @property
    def tokenizer(self) -> str:
        """The identity of the tokens' vocabulary."""
        return self.words.name

    @cached_property
    def words(self) -> Tokenizer:
        """The vocabulary; the shipped one if none was named."""
        return Tokenizer.load(self.config.tokenizer or TOKENIZER)

    @cached_property
    def stream(self) -> np.ndarray[Any, Any]:
        """All tokens; InvalidInput when they fill no window."""
        if getattr(self, "documents", None) is None:
            raise InvalidInput("windows are made of documents", hint="needs: {documents: …}")
        parts = [self._ids(n, text) for n, text in enumerate(self._texts())]
        stream = np.array([i for part in parts for i in part], dtype=np.uint32)
        if len(stream) <= self.config.window:
            raise InvalidInput(
                f"the documents hold {len(stream)} tokens, a window needs {self.config.window + 1}"
            )
        return stream

    def _texts(self) -> Iterator[str]:
        for text in self.documents or ():
            if not isinstance(text, str):
                raise InvalidInput(
                    f"a {type(text).__name__} is no text", hint="wire in a dataset of texts"
                )
            yield text

    def _ids(self, n: int, text: str) -> list[int]:
        if n % 100 < round(100 * self.config.asked):
            return asked(text, self.words)
        return [*self.words.encode(text), self.words.eos]

    def __len__(self) -> int:
        return (len(self.stream) - 1) // self.config.window

    def __getitem__(self, index: int) -> Tokens:
        if not 0 <= index < len(self):
            raise IndexError(index)
        first = index * self.config.window
        return Tokens(self.stream[first : first + self.config.window + 1], self.tokenizer)

    def __iter__(self) -> Iterator[Tokens]:
        return (self[i] for i in range(len(self)))

    def fingerprint(self) -> str:
        """Of the tokens and the window."""
        head = f"{self.config.window}.{self.tokenizer}.".encode()
        return blake2b(head + self.stream.tobytes(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        card = DocumentsConfig(path=str(TOKENIZER.with_name("README.md")), separator="\n\n")
        inputs = {"documents": Documents(card)}
        configs = [WindowsConfig(window=8), WindowsConfig(window=16, asked=0.5)]
        return {"configs": configs, "calls": {"open": [inputs]}}
