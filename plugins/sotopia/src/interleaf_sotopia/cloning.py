"""People's negotiations as something to learn from, and what a model that learnt from them does.

A move is JSON: ``{"action":"Talk","text":…}``, ``{"action":"Submit-Deal","food":1,"water":2,"firewood":2}``
(what the speaker gets), or one of the three other buttons alone. It is written without spaces, as a JSON
schema makes a model write: a clone that learnt spaces would be asked for what it never saw.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Model, ModelHandle
from interleaf.interfaces.report import Measure, Report
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import casino
from interleaf_sotopia.casino import ACTIONS, ISSUES, SUBMIT, Dialogue, Move
from interleaf_sotopia.casino_games import asked, played
from interleaf_sotopia.config import CasinoActionsConfig, CasinoPairsConfig
from interleaf_sotopia.judges import sample_dialogues
from interleaf_sotopia.rating import clustered_interval
from interleaf_sotopia.records import digest

ACTS = ("Talk", *ACTIONS)


def reply(m: Move, longest: int = 120) -> str:
    """A move as a model writes it."""
    row: dict[str, Any] = {"action": casino.dialogue_act(m)}
    if m.kind == "say":
        row["text"] = m.text[:longest]
    if m.kind == SUBMIT:
        row |= {i.lower(): g for i, g in zip(ISSUES, m.gets, strict=True)}
    return json.dumps(
        row, ensure_ascii=False, separators=(",", ":")
    )  # as schemas make models write


class CasinoPairs(Dataset):
    """Every move of people as a prompt and a reply."""

    Config = CasinoPairsConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._dialogues: list[Dialogue] = []

    def open(self, dialogues: Dataset) -> CasinoPairs:
        """From dialogues."""
        opened = CasinoPairs(self.config)
        opened._dialogues = _dialogues(dialogues)
        return opened

    @cached_property
    def rows(self) -> list[list[dict[str, str]]]:
        """Conversations of two turns."""
        c = self.config
        found = [
            [{"role": "user", "content": casino.brief(d, m.who, n, c.characters)},
             {"role": "model", "content": reply(m, c.longest)}]
            for d in best(self._dialogues, c.top_frac) for n, m in enumerate(d.moves)
            if c.speaker == "both" or m.who == 0
        ]  # fmt: skip
        if not found:
            raise InvalidInput(
                "there are no dialogues", hint="needs: {dialogues: a sotopia.casino step}"
            )
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]

    def __iter__(self) -> Any:
        return iter(self.rows)

    def fingerprint(self) -> str:
        """Of all pairs."""
        return digest(self.rows)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [CasinoPairsConfig(), CasinoPairsConfig(characters=60),
                            CasinoPairsConfig(speaker="first", top_frac=0.5)],
                "calls": {"open": [{"dialogues": _sample()}]}}  # fmt: skip


def best(dialogues: Sequence[Dialogue], share: float) -> list[Dialogue]:
    """The share of dialogues in which the first participant got the most points, in their order."""
    if share >= 1:
        return list(dialogues)
    count = max(1, round(share * len(dialogues)))
    order = sorted(range(len(dialogues)), key=lambda i: (-dialogues[i].points[0], i))
    return [dialogues[i] for i in sorted(order[:count])]


def _sample() -> Dataset:
    return Collection.of({str(r["dialogue_id"]): casino.dialogue(r) for r in sample_dialogues()})


def _dialogues(data: Dataset) -> list[Dialogue]:
    found = list(data)
    if not found or not all(isinstance(d, Dialogue) for d in found):
        raise InvalidInput(
            "these are no dialogues", hint="needs: {dialogues: a sotopia.casino step}"
        )
    return found


class Ngram:
    """The act that most often followed the last two; of the last, of any where these were never seen."""

    def __init__(self, dialogues: Sequence[Dialogue]) -> None:
        self.counts: dict[tuple[str, ...], Counter[str]] = {}
        for d in dialogues:
            acts = [casino.dialogue_act(m) for m in d.moves]
            for n, act in enumerate(acts):
                for size in range(3):
                    self.counts.setdefault(_before(acts[:n], size), Counter())[act] += 1

    def guess(self, acts: Sequence[str]) -> str:
        """The next act."""
        for size in (2, 1, 0):
            known = self.counts.get(_before(acts, size))
            if known:
                return known.most_common(1)[0][0]
        return "Talk"


def _before(acts: Sequence[str], size: int) -> tuple[str, ...]:
    return tuple(["begin", "begin", *acts][-size:]) if size else ()


class CasinoActions(Evaluator):
    """Which act comes next in held-out dialogues, against two baselines; and points against a script."""

    Config = CasinoActionsConfig

    def evaluate(
        self,
        model: ModelHandle | Model,
        dialogues: Dataset,
        training: Dataset,
        ctx: Context | None = None,
    ) -> Report:
        """Accuracies with intervals over dialogues, the differences paired; ``points`` of the model in
        dialogues that it plays itself."""
        ctx, c = ctx or Context(), self.config
        live: Any = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not callable(getattr(live, "reply", None)):
            raise InvalidInput("this model cannot answer: it has no capability Chat")
        held = _dialogues(dialogues)[: c.limit or None]
        known = Ngram(_dialogues(training))
        most = known.guess([]) if not known.counts else known.counts[()].most_common(1)[0][0]
        rows = [(d, n, casino.dialogue_act(m)) for d in held for n, m in enumerate(d.moves)]
        said = [asked(live, casino.brief(d, d.moves[n].who, n, c.characters), ctx, ACTS) for d, n, _ in
                _told(rows, ctx)]  # fmt: skip
        true = [act for _, _, act in rows]
        ngram = [known.guess([casino.dialogue_act(m) for m in d.moves[:n]]) for d, n, _ in rows]
        right = {
            "model": np.array([a["action"] == t for a, t in zip(said, true, strict=True)], float),
            "ngram": np.array([a == t for a, t in zip(ngram, true, strict=True)], float),
            "majority": np.array([most == t for t in true], float),
        }
        clusters = [d.id for d, _, _ in rows]
        found = [_measure(f"accuracy.{k}", v, clusters) for k, v in right.items()]
        found += [
            _measure(f"accuracy.model_minus_{k}", right["model"] - right[k], clusters)
            for k in ("ngram", "majority")
        ]
        points = [float(played(live, d, c.characters, ctx).points[0]) for d in held[: c.games]]
        people = [float(d.points[0]) for d in held[: c.games]]
        if points:
            names = [d.id for d in held[: c.games]]
            found += [_measure("points", points, names), _measure("points.people", people, names)]
        return Report(tuple(found))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        inputs = {"model": Presser(), "dialogues": _sample(), "training": _sample()}
        return {"configs": [CasinoActionsConfig()], "calls": {"evaluate": [inputs]}}


def _told(rows: Sequence[Any], ctx: Context) -> Any:
    for n, row in enumerate(rows):
        yield row
        ctx.monitor.progress(n + 1, len(rows))


def _measure(name: str, values: Any, clusters: Sequence[str]) -> Measure:
    return Measure(name=name, value=float(np.mean(values)), n=len(values), direction="up",
                   interval=clustered_interval(values, clusters))  # fmt: skip


class Presser(Model):
    """A model for tests: talks, and takes every deal."""

    def reply(
        self, conversations: Sequence[Any], schema: Any = None, **settings: Any
    ) -> list[dict[str, Any]]:
        """The first act that the schema allows."""
        row = {k: p.get("enum", [1])[0] for k, p in schema["properties"].items()}
        return [{"role": "model", "content": json.dumps(row)} for _ in conversations]
