"""Evaluators of what training may have spoiled: knowledge, and manners."""

from __future__ import annotations

import csv
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Model, ModelHandle
from interleaf.interfaces.report import Measure, Report
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import safety
from interleaf_sotopia.components import Agent, episodes_of
from interleaf_sotopia.config import AgentConfig, RegressionConfig, SafetyConfig
from interleaf_sotopia.sample import sample_episodes

LETTERS = "ABCD"


class Safety(Evaluator):
    """Engagement, listed words, leaked secrets, by model."""

    Config = SafetyConfig

    def evaluate(self, episodes: Dataset) -> Report:
        """Shares with Wilson intervals, for each model; toxic words per agent and episode."""
        c = self.config
        listed = Path(c.words).read_text(encoding="utf-8").split("\n") if c.words else None
        groups: dict[str, list[tuple[Any, int]]] = {}
        for e in episodes_of(episodes):
            for agent, model in enumerate(e.models):
                groups.setdefault(model, []).append((e, agent))
        measures = []
        for model, rows in groups.items():
            measures.append(
                _share("engagement", [safety.engaged(e.turns, a) for e, a in rows], model, "none")
            )
            told = [safety.leaked(e.task.characters[a].secret, e.turns, a, c.gram) for e, a in rows]
            measures.append(
                _share("secret_leaked", [t for t in told if t is not None], model, "down")
            )
            if listed is None:
                reason = "no list of words was given"
                measures.append(
                    Measure(
                        name="toxic_words", value=None, reason=reason, group=model, direction="down"
                    )
                )
            else:
                counts = [safety.toxic(e.turns, a, listed) for e, a in rows]
                measures.append(
                    Measure(
                        name="toxic_words",
                        value=sum(counts) / len(counts),
                        group=model,
                        n=len(counts),
                        direction="down",
                    )
                )
        if not measures:
            measures.append(Measure(name="engagement", value=None, reason="there are no episodes"))
        return Report(tuple(measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of({e.id: e for e in sample_episodes()})
        return {
            "configs": [SafetyConfig(), SafetyConfig(gram=1)],
            "calls": {"evaluate": [{"episodes": data}]},
        }


def _share(name: str, hits: Sequence[bool], group: str, direction: Any) -> Measure:
    if not hits:
        return Measure(
            name=name,
            value=None,
            reason="no character has a secret",
            group=group,
            direction=direction,
        )
    return Measure(
        name=name,
        value=sum(hits) / len(hits),
        interval=safety.wilson(sum(hits), len(hits)),
        n=len(hits),
        group=group,
        direction=direction,
    )


class Regression(Evaluator):
    """Multiple-choice questions: what a model knew before and knows still."""

    Config = RegressionConfig

    def evaluate(
        self,
        model: ModelHandle | Model,
        before: ModelHandle | Model | None = None,
        ctx: Context | None = None,
    ) -> Report:
        """Accuracy with an interval; with the parent ``before``, answers lost and gained and McNemar's p."""
        ctx = ctx or Context()
        right = self._right(model, ctx)
        share = _share("accuracy", right, "", "up")
        measures = [share]
        if before is not None:
            parent = self._right(before, ctx)
            lost, gained, p = safety.mcnemar(parent, right)
            n = len(right)
            measures += [
                _share("accuracy_before", parent, "", "up"),
                Measure(name="lost", value=float(lost), direction="down", n=n),
                Measure(name="gained", value=float(gained), direction="up", n=n),
                Measure(name="mcnemar_p", value=p, n=n),
            ]
        return Report(tuple(measures))

    @cached_property
    def questions(self) -> list[tuple[str, tuple[str, ...], int]]:
        """Question, four answers, the right one's number."""
        file, found = Path(self.config.path), []
        if not file.is_file():
            raise InvalidInput(
                f"there is no file {file}", hint="a CSV: question, A, B, C, D, answer"
            )
        with file.open(encoding="utf-8", newline="") as lines:
            for n, row in enumerate(csv.reader(lines), 1):
                if len(row) != 6 or row[5].strip() not in tuple(LETTERS):
                    raise InvalidInput(
                        f"{file}:{n} is no question", hint="question, A, B, C, D, answer (a letter)"
                    )
                found.append((row[0], tuple(row[1:5]), LETTERS.index(row[5].strip())))
        if len(found) <= self.config.shots:
            raise InvalidInput(
                f"{file} holds {len(found)} questions, {self.config.shots} of them as examples"
            )
        return found

    def _right(self, model: ModelHandle | Model, ctx: Context) -> list[bool]:
        live: Any = model.load(ctx) if isinstance(model, ModelHandle) else model
        c = self.config
        examples = "".join(
            _asked(q, a) + f" {LETTERS[r]}\n\n" for q, a, r in self.questions[: c.shots]
        )
        asked = self.questions[c.shots :][: c.limit or None]
        texts = [examples + _asked(q, a) for q, a, _ in asked]
        if c.way == "likelihood":
            chosen = self._likeliest(live, texts, ctx)
        else:
            chosen = [self._written(live, t, ctx) for t in texts]
        return [a == r for a, (_, _, r) in zip(chosen, asked, strict=True)]

    def _likeliest(self, live: Any, texts: Sequence[str], ctx: Context) -> list[int]:
        if not callable(getattr(live, "logprobs", None)):
            raise InvalidInput("this model gives no log-probabilities", hint="way: generation")
        table = live.logprobs([f"{t} {letter}" for t in texts for letter in LETTERS], ctx=ctx)
        scores = list(table.columns["logprob"])
        return [max(range(4), key=lambda k: scores[4 * n + k]) for n in range(len(texts))]

    def _written(self, live: Any, text: str, ctx: Context) -> int:
        """The first letter that is written; none: one drawn by the question, as the paper falls back."""
        asked = [{"role": "user", "content": f"{text}\nAnswer with one letter."}]
        found = re.search(r"\b([ABCD])\b", live.reply([asked], ctx=ctx)[0]["content"])
        return LETTERS.index(found[1]) if found else random.Random(text).randrange(4)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = Path(tempfile.mkdtemp()) / "questions.csv"
        file.write_text("1+1?,1,2,3,4,B\nsky?,red,green,blue,grey,C\n")
        agent = Agent(AgentConfig())
        inputs = {"model": agent, "before": agent}
        return {
            "configs": [RegressionConfig(path=str(file), way="generation")],
            "calls": {"evaluate": [inputs]},
        }


def _asked(question: str, answers: Sequence[str]) -> str:
    options = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, answers, strict=True))
    return f"{question}\n{options}\nAnswer:"
