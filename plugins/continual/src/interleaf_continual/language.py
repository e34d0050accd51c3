"""``continual.gpt``: the small GPT as a model that is trained, writes and scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.values import Item, Table, Tokens
from interleaf_continual.config import GptConfig
from interleaf_continual.gpt import GPT, PRESETS, NextToken, Shape
from interleaf_continual.reading import BYTES
from interleaf_training import TorchModel

Array = np.ndarray[Any, Any]
SCORED_AT_ONCE = 1 << 14  # tokens


def shape_of(config: GptConfig) -> Shape:
    """The preset with what the configuration changes of it; InvalidInput for what fits no model."""
    told = {f.name: getattr(config, f.name) for f in dataclasses.fields(Shape)}
    shape = dataclasses.replace(
        PRESETS[config.preset], **{n: v for n, v in told.items() if v is not None}
    )
    if shape.width % shape.heads:
        raise InvalidInput(f"a width of {shape.width} does not divide into {shape.heads} heads")
    return shape


class Gpt(TorchModel):
    """A decoder over bytes, or over the ids of any tokenizer."""

    Config = GptConfig

    @property
    def tokenizer_id(self) -> str:
        """``bytes``, or "" for a vocabulary that any tokenizer may have made."""
        return BYTES if self._bytes else ""

    def build(self) -> nn.Module:
        """The untrained model."""
        model = GPT(shape_of(self.config))
        model.initialise()
        return model

    def objective(self) -> nn.Module:
        """The summed loss in nats of a batch of ids, B×(T + 1), and how many were predicted."""
        return NextToken(self.module)

    def collate(self, items: Sequence[Any]) -> tuple[torch.Tensor, ...]:
        """Tokens of one length as B×(T + 1) ids."""
        rows = [self._ids(i) for i in items]
        if len({len(r) for r in rows}) > 1:
            raise InvalidInput("items of several lengths", hint="continual.replay makes windows")
        return (torch.from_numpy(np.stack(rows).astype(np.int64)),)

    def logprobs(self, sequences: Iterable[Any], ctx: Context | None = None) -> Table:
        """For each text or Tokens: log-probability in nats, tokens predicted, bytes of text.

        The first token is given. Sequences longer than the context are cut into windows that share
        one token, so that every token but the first is predicted once.
        """
        rows = [self._ids(item) for item in sequences]
        found = scored(self.module, rows, ctx or Context())
        return Table({
            "logprob": found,
            "tokens": [max(len(r) - 1, 0) for r in rows],
            "bytes": [max(len(r) - 1, 0) if self._bytes else None for r in rows],
        })  # fmt: skip

    def generate(
        self,
        prompt: str = "",
        tokens: int = 200,
        temperature: float = 0.8,
        top_k: int = 0,
        ctx: Context | None = None,
    ) -> str:
        """``prompt`` and ``tokens`` bytes more; the most likely ones at temperature 0."""
        if not self._bytes:
            raise InvalidInput(
                f"a vocabulary of {self._shape.vocabulary} has no text of its own",
                hint="only models of bytes (vocabulary 256) write text",
            )
        ctx = ctx or Context()
        ids = list(prompt.encode()) or [ord("\n")]
        for done in range(tokens):
            ids.append(self._next(ids, temperature, top_k, ctx))
            ctx.monitor.progress(done + 1, tokens)
        return bytes(ids if prompt else ids[1:]).decode("utf-8", "replace")

    @torch.no_grad()
    def _next(self, ids: list[int], temperature: float, top_k: int, ctx: Context) -> int:
        model = self.module.to(ctx.device).eval()
        recent = torch.tensor([ids[-self._shape.context :]], device=ctx.device)
        logits = model(recent)[0, -1].double().cpu().numpy()
        if temperature == 0:
            return int(logits.argmax())
        if top_k:
            logits[logits < np.sort(logits)[-min(top_k, len(logits))]] = -np.inf
        p = np.exp((logits - logits.max()) / temperature)
        return int(ctx.rng.choice(len(p), p=p / p.sum()))

    @property
    def _shape(self) -> Shape:
        return shape_of(self.config)

    @property
    def _bytes(self) -> bool:
        return self._shape.vocabulary == 256

    def _ids(self, item: Any) -> Array:
        """The ids of a text or of Tokens; InvalidInput for those of another vocabulary."""
        value = item.value if isinstance(item, Item) else item
        if isinstance(value, str) and self._bytes:
            return np.frombuffer(value.encode(), np.uint8)
        if not isinstance(value, Tokens):
            raise InvalidInput(f"a {type(value).__name__} is no sequence of tokens")
        if self._bytes and value.tokenizer not in (BYTES, ""):
            raise InvalidInput(
                f"tokens of '{value.tokenizer}' and a model of bytes",
                hint="give the model the tokenizer's vocabulary",
            )
        if len(value.ids) and int(value.ids.max()) >= self._shape.vocabulary:
            raise InvalidInput(
                f"token {int(value.ids.max())} in a vocabulary of {self._shape.vocabulary}"
            )
        return value.ids

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        small = GptConfig(layers=1, heads=2, width=16, context=32)
        learnt = GptConfig(
            layers=1, heads=1, width=8, context=16, rotary=0.0, tied=False, bias=True
        )
        sequences = [Tokens(np.arange(40, dtype=np.uint8), BYTES), "ein Wort", ""]
        calls = {
            "logprobs": [{"sequences": sequences}],
            "generate": [{"prompt": "ab", "tokens": 5}, {"tokens": 4, "temperature": 0.0}],
        }
        return {"configs": [small, learnt], "calls": calls}


@torch.no_grad()
def scored(model: nn.Module, rows: Sequence[Array], ctx: Context) -> list[float]:
    """The log-probability of each row behind its first token, in nats.

    Windows of one length go through the model together; each is computed as it would be alone.
    """
    model = model.to(ctx.device).eval()
    context = model.shape.context
    places: dict[int, list[tuple[int, int]]] = {}
    for number, row in enumerate(rows):
        for begin in range(0, len(row) - 1, context):
            places.setdefault(min(context, len(row) - 1 - begin), []).append((number, begin))
    total = np.zeros(len(rows))
    done, last = 0, sum(map(len, places.values()))
    for length, found in sorted(places.items()):
        at_once = max(1, SCORED_AT_ONCE // length)
        for group in (found[i : i + at_once] for i in range(0, len(found), at_once)):
            windows = np.stack([rows[n][b : b + length + 1] for n, b in group]).astype(np.int64)
            ids = torch.from_numpy(windows).to(ctx.device)
            losses = nn.functional.cross_entropy(
                model(ids[:, :-1]).transpose(1, 2).float(), ids[:, 1:], reduction="none"
            )
            np.add.at(total, [n for n, _ in group], -losses.double().sum(1).cpu().numpy())
            done += len(group)
            ctx.monitor.progress(done, last)
    return total.tolist()
