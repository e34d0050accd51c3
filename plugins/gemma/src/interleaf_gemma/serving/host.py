"""What the server speaks for: a model, its words, and the rules that a request must keep."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interleaf.errors import InvalidInput
from interleaf_gemma.chat import conversation, ends
from interleaf_gemma.generation import check_prompt
from interleaf_gemma.sampling import Sampling
from interleaf_gemma.serving.engine import Engine, Served
from interleaf_gemma.serving.replies import Origin
from interleaf_gemma.serving.requests import Body, Chat, Completion
from interleaf_gemma.tokenizer import Tokenizer

if TYPE_CHECKING:
    from interleaf_gemma.constraint import Schema


class TooLong(InvalidInput):
    """Prompt and reply do not fit into the context."""


class NoSuchModel(InvalidInput):
    """The request names another model."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A model ready to answer: what runs it, its tokenizer, and what replies say of it."""

    engine: Engine
    tokenizer: Tokenizer
    origin: Origin
    created: int = 0

    @property
    def card(self) -> dict[str, Any]:
        """The model as ``/v1/models`` tells it."""
        return {
            "id": self.origin.model, "object": "model", "created": self.created, "owned_by": "interleaf",
            "max_model_len": self.engine.model.config.context, "digest": self.origin.digest,
        }  # fmt: skip

    def check_name(self, name: str) -> None:
        """NoSuchModel for a name that is not this model's; no name is any model's."""
        if name and name != self.origin.model:
            raise NoSuchModel(f"there is no model '{name}' here; there is '{self.origin.model}'")

    def of_completion(self, body: Completion) -> list[Served]:
        """The sequences of a request: for each prompt, its alternatives."""
        self.check_name(body.model)
        if body.best_of not in (None, body.n or 1):
            raise InvalidInput("best_of is not offered", hint="ask for n alternatives and choose")
        prompts = [self.tokenizer.encode(p) if isinstance(p, str) else p for p in body.prompts]
        stops = frozenset({self.engine.model.config.eos})
        limit, top = 16 if body.max_tokens is None else body.max_tokens, body.logprobs or 0
        return [
            s for prompt in prompts for s in self._alternatives(body, prompt, limit, stops, top)
        ]

    def of_chat(self, body: Chat) -> list[Served]:
        """The alternatives of one conversation's next turn."""
        self.check_name(body.model)
        turns = [{"role": m.role, "content": m.text} for m in body.messages]
        prompt, stops = conversation(turns, self.tokenizer, system="prepend"), ends(self.tokenizer)
        limit, top = body.max_completion_tokens or body.max_tokens, body.top_logprobs or 0
        schema = self._schema(body.response_format.wanted if body.response_format else None)
        return self._alternatives(body, prompt, limit, stops, top, schema)

    def _alternatives(
        self,
        body: Body,
        prompt: list[int],
        limit: int | None,
        stops: frozenset[int],
        top: int,
        schema: Schema | None = None,
    ) -> list[Served]:
        room = self._room(prompt, limit)
        seed = secrets.randbits(31) if body.seed is None else body.seed
        return [
            Served(
                prompt, room, stops, self._sampling(body, seed + k),
                schema.constraint(room) if schema else None, top=top,
            )
            for k in range(body.n or 1)
        ]  # fmt: skip

    def _room(self, prompt: list[int], limit: int | None) -> int:
        """How many ids may be added; TooLong if the prompt, or what was asked for, does not fit."""
        context = self.engine.model.config.context
        if len(prompt) >= context or (limit and len(prompt) + limit > context):
            asked = f" and {limit:,} for the reply" if limit else ""
            raise TooLong(
                f"the context holds {context:,} tokens; this request has {len(prompt):,} of prompt{asked}"
            )
        check_prompt(prompt, context, self.engine.model.config.vocab_size)
        return limit or context - len(prompt)

    def _sampling(self, body: Body, seed: int) -> Sampling:
        own = Sampling()
        given = {name: getattr(body, name) for name in ("temperature", "top_p", "top_k")}
        chosen = {name: getattr(own, name) if v is None else v for name, v in given.items()}
        return Sampling(**chosen, seed=seed % 2**63)

    def _schema(self, wanted: dict[str, Any] | None) -> Schema | None:
        if wanted is None:
            return None
        from interleaf_gemma.constraint import Schema

        return Schema(wanted, self.tokenizer, self.engine.model.config.vocab_size)
