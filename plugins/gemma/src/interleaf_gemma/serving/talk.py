"""A conversation that grows, turn by turn, and forgets its beginning when the context is full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from interleaf.errors import InvalidInput
from interleaf_gemma.chat import conversation, ends
from interleaf_gemma.model import Gemma
from interleaf_gemma.text import Prose, streamed
from interleaf_gemma.tokenizer import Tokenizer


@dataclass
class Talk:
    """``note`` says what happened besides the reply: turns that were forgotten, a reply that was cut."""

    model: Gemma
    tokenizer: Tokenizer
    prose: Prose
    turns: list[dict[str, str]] = field(default_factory=list)
    note: str = ""

    def say(self, text: str) -> Iterator[str]:
        """The reply to a text, in pieces; both become turns. InvalidInput, with nothing kept, for a text
        that fits no context."""
        self.note = ""
        turns, prompt, gone = self._fitted([*self.turns, {"role": "user", "content": text}])
        room = self.model.config.context - len(prompt)
        prose = replace(self.prose, max_new_tokens=min(room, self.prose.max_new_tokens))
        told = ""
        for piece in streamed(self.model, self.tokenizer, prompt, prose, ends(self.tokenizer)):
            told += piece
            yield piece
        self.turns = [*turns, {"role": "model", "content": told}]
        self.prose = replace(self.prose, seed=self.prose.seed + 1)
        self.note = f"{gone} earlier turns are forgotten" if gone else ""

    def forget(self) -> None:
        """Begin anew."""
        self.turns = []

    def _fitted(self, turns: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[int], int]:
        """The last turns that leave room for a reply, and their ids."""
        context = self.model.config.context
        for gone in range(0, len(turns), 2):
            prompt = conversation(turns[gone:], self.tokenizer)
            if len(prompt) + min(32, context // 4) <= context:
                return turns[gone:], prompt, gone
        raise InvalidInput(
            f"that text is longer than the context of {context:,} tokens", hint="say less"
        )
