"""Replies that conform to a JSON schema: at every step only ids that can still lead there are allowed.

The automaton is llguidance's. Ours is that a reply also *ends* in time: when what is left of the limit
is just enough to close the JSON, only the shortest way to its end remains allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import llguidance.numpy
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from torch import Tensor

from interleaf.errors import InvalidInput
from interleaf_gemma.tokenizer import Tokenizer

COMPACT = {"whitespace_flexible": False}
FIRST = [b'"', b"}", b"]", b",", b":", b"0", b"true", b"null", b"t", b"n", b"1", b"-", b"a"]
DETOUR = 16  # tokens that one more id can at most add to it: another item, with all it must hold


class Schema:
    """A JSON schema compiled for a vocabulary of ``rows`` ids."""

    def __init__(self, schema: Mapping[str, Any], tokenizer: Tokenizer, rows: int) -> None:
        self.rows, self.eos = rows, tokenizer.eos
        self.words = LLTokenizer(TokenizerWrapper(_Vocabulary(tokenizer)), n_vocab=len(tokenizer))
        spelt = {tokenizer.piece(i): i for i in reversed(range(len(tokenizer)))}
        self.preferred = [self.eos, *(spelt[b] for b in FIRST if b in spelt)]
        try:
            text = json.dumps(schema)
            self.grammar = LLMatcher.grammar_from_json_schema(text, defaults=COMPACT)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the schema is no JSON schema: {error}") from error
        fault = LLMatcher.validate_grammar(self.grammar, self.words)
        if fault:
            raise InvalidInput(f"no reply can be held to this schema: {fault.strip()[:300]}")

    def constraint(self, limit: int) -> Held:
        """For one reply of at most ``limit`` ids; InvalidInput when no JSON of the schema is so short."""
        matcher = LLMatcher(self.words, self.grammar)
        shortest = len(self.shortest(matcher, limit))
        if shortest > limit:
            raise InvalidInput(
                f"a reply of {limit} tokens is too short for this schema, which takes {shortest}",
                hint=f"allow {2 * shortest} tokens or more",
            )
        return Held(self, matcher, limit)

    def shortest(self, matcher: LLMatcher, most: int) -> list[int]:
        """Ids of a short way to the end of the JSON, <eos> included; longer than ``most``: cut there."""
        ahead = matcher.deep_copy()
        found: list[int] = []
        while len(found) <= most and not ahead.is_stopped():
            forced = ahead.compute_ff_tokens()
            allowed = None if forced else self.allowed(ahead)
            for i in forced or [self._simplest(allowed)]:  # type: ignore[arg-type]
                found.append(i)
                ahead.consume_token(i)
                if i == self.eos:
                    return found
        return [*found, self.eos]

    def _simplest(self, allowed: np.ndarray[Any, Any]) -> int:
        return next((i for i in self.preferred if allowed[i]), int(allowed.argmax()))

    def allowed(self, matcher: LLMatcher) -> np.ndarray[Any, Any]:
        """Which ids may come next, [rows] bool."""
        bits = llguidance.numpy.allocate_token_bitmask(1, self.rows)
        bits[:] = 0
        llguidance.numpy.fill_next_token_bitmask(matcher, bits)
        found: np.ndarray[Any, Any] = np.unpackbits(bits[0].view(np.uint8), bitorder="little")
        return found[: self.rows].astype(bool)


class Held:
    """One reply that is held to a schema; called before each id with the ids so far."""

    def __init__(self, schema: Schema, matcher: LLMatcher, limit: int) -> None:
        self.schema, self.matcher, self.limit, self.read = schema, matcher, limit, 0
        self.way: list[int] | None = (
            None  # the rest of the reply, once only the shortest end is left
        )

    def __call__(self, ids: list[int]) -> Tensor:
        """Which ids may come next, [V] bool."""
        for i in ids[self.read :]:
            self.matcher.consume_token(i)
        self.read = len(ids)
        return torch.from_numpy(self._allowed(self.limit - len(ids)))

    def _allowed(self, left: int) -> np.ndarray[Any, Any]:
        if self.way is None:
            way = self.schema.shortest(self.matcher, left)
            if len(way) + DETOUR < left:
                return self.schema.allowed(self.matcher)
            self.way = way
        only = np.zeros(self.schema.rows, dtype=bool)
        only[self.way.pop(0)] = True
        return only


class _Vocabulary:
    """The vocabulary as llguidance reads it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.eos_token_id, self.bos_token_id = tokenizer.eos, tokenizer.bos
        self.tokens = [
            tokenizer.piece(i) or f"\xff[{i}]".encode("latin-1") for i in range(len(tokenizer))
        ]
        self.special_token_ids = sorted(tokenizer.control)
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, bos=False)
