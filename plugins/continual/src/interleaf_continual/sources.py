"""Texts and token files as Datasets: an item is a document, all together are one row of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset, Model, ModelHandle
from interleaf.values import Tokens
from interleaf_continual import works
from interleaf_continual.config import TextConfig, TokenFileConfig
from interleaf_continual.reading import Array, map_tokens, read_by, read_works, tokenize


class Corpus(Dataset):
    """Documents of tokens, one behind the other in one array."""

    @property
    def ids_of_tokens(self) -> Array:
        """Every token, one-dimensional, unsigned; perhaps mapped from a disk."""
        raise NotImplementedError

    @property
    def starts(self) -> Array:
        """Where each document begins, int64."""
        raise NotImplementedError

    @property
    def tokenizer(self) -> str:
        """The identity of what made the tokens."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Tokens:
        if not 0 <= index < len(self):
            raise IndexError(index)
        ends = (*self.starts[index : index + 2], len(self.ids_of_tokens))
        return Tokens(np.asarray(self.ids_of_tokens[ends[0] : ends[1]]), self.tokenizer)

    def __iter__(self) -> Iterator[Tokens]:
        return (self[i] for i in range(len(self)))

    def fingerprint(self) -> str:
        """Of tokens, documents and tokenizer."""
        total = blake2b(self.tokenizer.encode(), digest_size=16)
        total.update(str(self.ids_of_tokens.dtype).encode() + self.starts.tobytes())
        total.update(np.ascontiguousarray(self.ids_of_tokens).data)
        return total.hexdigest()


class Text(Corpus):
    """A text, or a part of it that shares no work with the other parts."""

    Config = TextConfig

    def __init__(self, config: TextConfig | None = None) -> None:
        super().__init__(config)
        self._reader: Any = None

    def open(self, model: ModelHandle | Model | None = None) -> Text:
        """The text; with a ``model`` in the tokens that its ``apply`` makes of a text."""
        if model is None:
            return self
        if self.config.tokenizer:
            raise InvalidInput("a tokenizer and a model were both given", hint="one of them")
        made = type(self)(self.config)
        made._reader = model
        return made

    @cached_property
    def _documents(self) -> tuple[list[str], list[bytes]]:
        """Name and text of each document."""
        c = self.config
        found = read_works(Path(c.path))
        if c.held + c.valid >= 1:
            raise InvalidInput(f"held {c.held:g} and valid {c.valid:g} leave nothing to train on")
        dealt = works.parts(list(found.values()), c.held, c.valid, c.mark.encode())
        chosen = list(found.values()) if c.part == "all" else dealt[c.part]
        if not any(chosen):
            raise InvalidInput(
                f"{c.path}: the part '{c.part}' is empty", hint="a longer text, or another mark"
            )
        names: list[str] = []
        texts: list[bytes] = []
        for number, work in enumerate(chosen):
            begins = [*works.documents(work, c.document), len(work)]
            names += [f"{c.part}-{number}-{a}" for a, _ in pairwise(begins)]
            texts += [work[a:b] for a, b in pairwise(begins)]
        return names, texts

    @cached_property
    def _tokens(self) -> tuple[Array, Array, str]:
        texts = self._documents[1]
        if self._reader is not None:
            pieces, identity = read_by(self._reader, texts)
        else:
            pieces, identity = tokenize(texts, self.config.tokenizer)
        starts = np.cumsum([0, *map(len, pieces[:-1])], dtype=np.int64)
        return np.concatenate(pieces), starts, identity

    @property
    def ids_of_tokens(self) -> Array:
        """Every token of the part."""
        return self._tokens[0]

    @property
    def starts(self) -> Array:
        """Where each document begins."""
        return self._tokens[1]

    @property
    def tokenizer(self) -> str:
        """``bytes``, the digest of the tokenizer's file, or what the model's tokens say."""
        return self._tokens[2]

    @cached_property
    def bytes_of_documents(self) -> Array:
        """How many bytes of text each document is: what bits per byte divide by."""
        return np.array([len(t) for t in self._documents[1]], dtype=np.int64)

    def ids(self) -> Iterator[str]:
        """The part, the work's number in it, and the byte the document begins at."""
        return iter(self._documents[0])

    def split(self, name: str) -> Text:
        """``train``, ``valid`` or ``held``."""
        import dataclasses

        if name not in ("train", "valid", "held"):
            raise InvalidInput(f"no part '{name}'", hint="train, valid or held")
        made = type(self)(dataclasses.replace(self.config, part=name))
        made._reader = self._reader
        return made

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = str(Path(__file__).with_name("example.txt"))
        configs = [TextConfig(path=file, document=512, part=p) for p in ("all", "train")]
        return {"configs": configs, "calls": {"open": [{}]}, "splits": ["train", "valid", "held"]}


class TokenFile(Corpus):
    """Tokens mapped from a disk: nothing is read before it is asked for."""

    Config = TokenFileConfig

    @cached_property
    def _stored(self) -> Any:
        return map_tokens(Path(self.config.path), self.config.verify)

    @property
    def ids_of_tokens(self) -> Array:
        """Every token."""
        found: Array = self._stored.ids
        return found

    @property
    def starts(self) -> Array:
        """Where each document begins."""
        found: Array = self._stored.starts
        return found

    @property
    def tokenizer(self) -> str:
        """As the header says."""
        return str(self._stored.tokenizer)

    def fingerprint(self) -> str:
        """Of the header: its sha256 stands for the tokens, which ``verify`` has compared."""
        s = self._stored
        told = f"{s.digest} {s.ids.dtype} {s.tokenizer}".encode() + s.starts.tobytes()
        return blake2b(told, digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = str(Path(__file__).with_name("example_tokens"))
        return {"configs": [TokenFileConfig(path=folder)]}


class Flat(Corpus):
    """Any dataset of tokens, laid end to end."""

    def __init__(self, data: Dataset) -> None:
        super().__init__()
        self.data = data

    @cached_property
    def _all(self) -> tuple[Array, Array, str]:
        items = list(self.data)
        wrong = next((i for i in items if not isinstance(i, Tokens)), None)
        if wrong is not None:
            raise InvalidInput(
                f"{type(self.data).__name__} holds {type(wrong).__name__}, not tokens"
            )
        kinds = {i.tokenizer for i in items}
        if len(kinds) > 1:
            raise InvalidInput(f"items of several tokenizers: {', '.join(sorted(kinds))}")
        starts = np.cumsum([0, *(len(i.ids) for i in items[:-1])], dtype=np.int64)
        ids = np.concatenate([i.ids for i in items]) if items else np.empty(0, np.uint8)
        return ids, starts[: len(items)], next(iter(kinds), "")

    @property
    def ids_of_tokens(self) -> Array:
        """Every token."""
        return self._all[0]

    @property
    def starts(self) -> Array:
        """Where each item begins."""
        return self._all[1]

    @property
    def tokenizer(self) -> str:
        """Of every item."""
        return self._all[2]

    def fingerprint(self) -> str:
        """That of the dataset."""
        return self.data.fingerprint()


def corpus(data: Any) -> Corpus:
    """A dataset of tokens as one row of them."""
    return data if isinstance(data, Corpus) else Flat(data)
