"""A Gemma as lm-eval-harness sees a model: ``simple_evaluate(model=Harness(model, tokenizer), …)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM

from interleaf.errors import InvalidInput
from interleaf_gemma.evaluating.scores import scores, windows
from interleaf_gemma.model import Gemma
from interleaf_gemma.text import Prose, continued
from interleaf_gemma.tokenizer import Tokenizer


class Harness(TemplateLM):
    """``loglikelihood``, ``loglikelihood_rolling`` and ``generate_until`` of a Gemma.

    Every context begins with exactly one <bos>, also where it is cut at the left to fit. ``batch``:
    sequences at once; ``overlap``: ids that a window of a long text shows from the one before.
    """

    def __init__(
        self, model: Gemma, tokenizer: Tokenizer, batch: int = 16, overlap: int = 1
    ) -> None:
        super().__init__()
        self.model, self.words, self.batch, self.overlap = model, tokenizer, batch, overlap
        self.cut = 0  # how many contexts did not fit
        self._device = model.device

    @property
    def eot_token_id(self) -> int:
        """What ends a text."""
        return self.model.config.eos

    @property
    def prefix_token_id(self) -> int:
        """What stands before everything."""
        return self.model.config.bos

    @property
    def max_length(self) -> int:
        """Ids of context and continuation together."""
        return self.model.config.context

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_: Any
    ) -> list[int]:
        """Ids; with <bos> unless told otherwise."""
        return self.words.encode(string, bos=add_special_tokens is not False)

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = True
    ) -> list[tuple[float, bool]]:
        """Log-probability of each continuation behind its context, and whether it is the greedy one."""
        found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm)
        return found

    def _loglikelihood_tokens(
        self, requests: Sequence[tuple[Any, list[int], list[int]]], **options: Any
    ) -> list[tuple[float, bool]]:
        pairs = [self._fitted(context, continuation) for _, context, continuation in requests]
        found = [(s.total, s.greedy) for s in scores(self.model, pairs, self.batch)]
        for (texts_, _, _), answer in zip(requests, found, strict=True):
            self.cache_hook.add_partial("loglikelihood", texts_, answer)
        return found

    def _fitted(self, context: list[int], continuation: list[int]) -> tuple[list[int], list[int]]:
        """At most ``max_length`` ids: what is cut is the beginning of the context, behind its <bos>."""
        bos: int = self.prefix_token_id
        rest = context
        while rest and rest[0] == bos:
            rest = rest[1:]
        room = self.max_length - 1 - len(continuation)
        if room < 0:
            raise InvalidInput(
                f"a continuation of {len(continuation)} tokens exceeds the context of {self.max_length}"
            )
        self.cut += len(rest) > room
        return [bos, *rest[max(0, len(rest) - room) :]], continuation

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Log-probability of whole texts of any length, every id once."""
        found = []
        for (text,) in (request.args for request in requests):
            ids = self.tok_encode(text, add_special_tokens=False)
            pairs = list(windows(ids, self.prefix_token_id, self.max_length, self.overlap))
            found.append(sum(s.total for s in scores(self.model, pairs, self.batch)))
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), found[-1])
        return found

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Texts up to the first of the stop texts; greedy unless the task asks otherwise."""
        alike: dict[Prose, list[int]] = {}
        for n, request in enumerate(requests):
            alike.setdefault(_prose(request.args[1], self.max_length), []).append(n)
        found = [""] * len(requests)
        for prose, places in alike.items():
            places.sort(key=lambda n: len(requests[n].args[0]))
            for first in range(0, len(places), self.batch):
                part = places[first : first + self.batch]
                prompts = [self._prompt(requests[n].args[0], prose.max_new_tokens) for n in part]
                for n, said in zip(
                    part, continued(self.model, self.words, prompts, prose), strict=True
                ):
                    found[n] = said.text
                    self.cache_hook.add_partial("generate_until", requests[n].args, said.text)
        return found

    def _prompt(self, context: str, limit: int) -> list[int]:
        """The ids of a context, cut at the left to leave room for ``limit`` more."""
        ids = self.tok_encode(context)
        room = self.max_length - limit
        if len(ids) <= room:
            return ids
        self.cut += 1
        return [self.prefix_token_id, *ids[len(ids) - room + 1 :]]


def _prose(settings: dict[str, Any], context: int) -> Prose:
    """A task's ``generation_kwargs``; without sampling, the most probable token each time."""
    until = settings.get("until") or []
    limit = next((int(settings[k]) for k in LIMITS if k in settings), 256)
    drawn = settings.get("do_sample", float(settings.get("temperature", 0)) > 0)
    return Prose(
        max_new_tokens=min(limit, context - 2),
        temperature=float(settings.get("temperature", 1.0)) if drawn else 0.0,
        top_p=float(settings.get("top_p", 1.0)),
        top_k=int(settings.get("top_k", 0)),
        stop=tuple([until] if isinstance(until, str) else until),
    )


LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
