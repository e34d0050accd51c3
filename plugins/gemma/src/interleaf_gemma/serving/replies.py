"""What a client is answered, as the OpenAI protocol spells it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from interleaf_gemma.serving.engine import Served

Spell = Any  # id -> bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says so: stands in every reply as ``provenance``, in short as ``system_fingerprint``."""

    model: str
    digest: str
    version: str

    @property
    def fingerprint(self) -> str:
        """``interleaf-gemma-`` and the first 16 digits of the weights' digest."""
        return f"interleaf-gemma-{self.digest[:16]}"

    def marks(self, seeds: Sequence[int]) -> dict[str, Any]:
        """The field ``provenance``: text made by a model, by which, and from which seeds."""
        return {
            "generated_by": "interleaf gemma", "version": self.version, "model": self.model,
            "digest": self.digest, "seeds": list(seeds),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame of one answer and of its chunks."""

    kind: Literal["chat", "completion"]
    origin: Origin
    seeds: Sequence[int]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(
        self, choices: Sequence[Mapping[str, Any]], usage: Mapping[str, int]
    ) -> dict[str, Any]:
        """The answer at once."""
        name = "chat.completion" if self.kind == "chat" else "text_completion"
        return {**self._frame(name), "choices": list(choices), "usage": dict(usage)}

    def chunk(
        self, choices: Sequence[Mapping[str, Any]], usage: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """A piece of a stream."""
        name = "chat.completion.chunk" if self.kind == "chat" else "text_completion"
        return {
            **self._frame(name),
            "choices": list(choices),
            "usage": dict(usage) if usage else None,
        }

    def _frame(self, name: str) -> dict[str, Any]:
        prefix = "chatcmpl" if self.kind == "chat" else "cmpl"
        return {
            "id": f"{prefix}-{self.id}", "object": name, "created": self.created,
            "model": self.origin.model, "system_fingerprint": self.origin.fingerprint,
            "provenance": self.origin.marks(self.seeds),
        }  # fmt: skip

    def choice(self, index: int, text: str, logprobs: Any, reason: str | None) -> dict[str, Any]:
        """One whole alternative."""
        said: dict[str, Any] = {"text": text}
        if self.kind == "chat":
            said = {"message": {"role": "assistant", "content": text, "refusal": None}}
        return {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}

    def delta(
        self, index: int, text: str | None, logprobs: Any = None, reason: str | None = None
    ) -> dict[str, Any]:
        """A piece of one alternative; in a chat, text None opens the turn."""
        said: dict[str, Any] = {"text": text or ""}
        if self.kind == "chat":
            begin = {"role": "assistant", "content": ""}
            said = {"delta": begin if text is None else {"content": text} if text else {}}
        return {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}

    def logprobs(self, sequence: Served, places: range, spell: Spell) -> Any:
        """Log-probabilities of the ids at ``places``, in the form of this call."""
        rows = [
            (sequence.ids[at], sequence.logprobs[at], sequence.tops[at] if sequence.tops else [])
            for at in places
        ]
        return _of_chat(rows, spell) if self.kind == "chat" else _of_completion(rows, spell)


Row = tuple[int, float, list[tuple[int, float]]]


def _of_chat(rows: Iterable[Row], spell: Spell) -> dict[str, Any]:
    def told(token: int, logprob: float) -> dict[str, Any]:
        raw = spell(token)
        return {
            "token": raw.decode("utf-8", "replace"), "logprob": _finite(logprob), "bytes": list(raw),
        }  # fmt: skip

    return {
        "content": [{**told(i, p), "top_logprobs": [told(*t) for t in top]} for i, p, top in rows],
        "refusal": None,
    }


def _of_completion(rows: Iterable[Row], spell: Spell) -> dict[str, Any]:
    found: dict[str, list[Any]] = {
        "tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": [],
    }  # fmt: skip
    offset = 0
    for token, logprob, top in rows:
        text = spell(token).decode("utf-8", "replace")
        found["tokens"].append(text)
        found["token_logprobs"].append(_finite(logprob))
        found["top_logprobs"].append(
            {spell(i).decode("utf-8", "replace"): _finite(p) for i, p in reversed(top)}
        )
        found["text_offset"].append(offset)
        offset += len(text)
    return found


def _finite(logprob: float) -> float:
    return max(logprob, -9999.0)  # the protocol's own word for "impossible": JSON has no infinity


def usage(prompts: int, completions: int) -> dict[str, int]:
    """The token counts of an answer."""
    return {
        "prompt_tokens": prompts, "completion_tokens": completions, "total_tokens": prompts + completions,
    }  # fmt: skip


def refusal(
    message: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> dict[str, Any]:
    """An error as clients expect it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
