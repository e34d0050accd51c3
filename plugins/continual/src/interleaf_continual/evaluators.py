"""Losses of domains, forgetting and adaptation, repetitions put together, cloze accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Measure, Model, ModelHandle, Report
from interleaf.interfaces.model import Scored
from interleaf.values import Item, Table, Tokens
from interleaf_continual import forgetting as measure
from interleaf_continual.evaluating_config import ClozeConfig, ForgettingConfig, ScoreConfig
from interleaf_continual.forgetting import ALL, Losses, Scores

BITS, NATS = "bits/byte", "nats/token"
COLUMNS = ("domain", "document", "logprob", "tokens", "bytes")


def live(model: ModelHandle | Model, ctx: Context) -> Scored:
    """The model itself; InvalidInput for one that scores nothing."""
    found = model.load(ctx) if isinstance(model, ModelHandle) else model
    if not isinstance(found, Scored):
        raise InvalidInput(
            f"{type(found).__name__} gives no log-probabilities", hint="a model that is Scored"
        )
    return found


def named(data: Sequence[Item | Dataset] | Dataset) -> list[tuple[str, Dataset]]:
    """Each dataset with the name of the step it came from."""
    many = [data] if isinstance(data, Dataset) else list(data)
    found = [
        (i.label, i.value) if isinstance(i, Item) else (f"domain{k}", i) for k, i in enumerate(many)
    ]
    if not found:
        raise InvalidInput("there are no data to score", hint="needs: {data: [a, b]}")
    return found


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` places, evenly spread; 0: all."""
    if not most or most >= count:
        return list(range(count))
    return np.linspace(0, count - 1, most).round().astype(int).tolist()


def score(model: Scored, name: str, data: Dataset, most: int, ctx: Context) -> list[dict[str, Any]]:
    """A row for each document of a domain that predicts anything."""
    items = list(data.items())
    places = spread(len(items), most)
    chosen = [items[k] for k in places]
    table: Table = model.logprobs([item for _, item in chosen], ctx=ctx)
    rows = [
        {"domain": name, "document": key, **row}
        for (key, _), row in zip(chosen, table.rows, strict=True)
    ]
    sizes = getattr(data, "bytes_of_documents", None)
    for k, row in zip(places, rows, strict=True):
        if row.get("bytes") is None and sizes is not None:
            row["bytes"] = int(sizes[k])  # the first token's too, for every model alike
    return [{n: r.get(n) for n in COLUMNS} for r in rows if r["tokens"]]


class Score(Model):
    """Every document's log-probability, as a table: what the evaluators compare."""

    Config = ScoreConfig

    def apply(
        self,
        model: ModelHandle | Model,
        data: Sequence[Item | Dataset] | Dataset,
        ctx: Context | None = None,
    ) -> Table:
        """Columns domain, document, logprob (nats), tokens, bytes; a document in a row."""
        ctx = ctx or Context()
        scored = live(model, ctx)
        found = [
            row for n, d in named(data) for row in score(scored, n, d, self.config.documents, ctx)
        ]
        return Table({name: [r[name] for r in found] for name in COLUMNS})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [ScoreConfig(documents=3)]
        return {"configs": configs, "calls": {"apply": [_example()]}}


class Domains(Evaluator):
    """The loss of a model on each of several domains."""

    Config = ScoreConfig

    def evaluate(
        self,
        model: ModelHandle | Model,
        data: Sequence[Item | Dataset] | Dataset,
        ctx: Context | None = None,
    ) -> Report:
        """``loss`` (nats per token) and ``bits_per_byte`` for each domain as a group, and their
        unweighted means. Domains without known bytes have no bits per byte, and say so."""
        ctx = ctx or Context()
        table = Score(self.config).apply(model, data, ctx)
        return Report(tuple(_domain_measures(table, list(dict(named(data))))))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ScoreConfig()], "calls": {"evaluate": [_example()]}}


def _domain_measures(table: Table, domains: Iterable[str]) -> Iterable[Measure]:
    losses: dict[str, dict[str, Measure]] = {"loss": {}, "bits_per_byte": {}}
    for name in domains:
        rows = [r for r in table.rows if r["domain"] == name]
        losses["loss"][name] = _ratio(rows, "tokens", "loss", NATS, name)
        losses["bits_per_byte"][name] = _ratio(rows, "bytes", "bits_per_byte", BITS, name)
    for name, found in losses.items():
        values = [m.value for m in found.values() if m.value is not None]
        whole = len(values) == len(found)
        yield Measure(
            name=name, value=sum(values) / len(values) if whole else None,
            reason="" if whole else "a domain has none", direction="down", n=len(found),
            unit=next(m.unit for m in found.values()),
        )  # fmt: skip
        yield from found.values()


def _ratio(rows: list[dict[str, Any]], size: str, name: str, unit: str, group: str) -> Measure:
    known = rows and all(r[size] is not None for r in rows)
    total = sum(r[size] for r in rows) if known else 0
    nats = -sum(r["logprob"] for r in rows)
    value = nats / total / (log(2) if size == "bytes" else 1) if total else None
    reason = "" if total else f"no document with known {size}"
    return Measure(name=name, value=value, reason=reason, unit=unit, direction="down",
                   n=max(1, len(rows)), group=group)  # fmt: skip


class Forgetting(Evaluator):
    """Forgetting, adaptation and distance to a union baseline, from tables of ``continual.score``."""

    Config = ForgettingConfig

    def evaluate(self, before: Table, after: Table, union: Table | None = None) -> Report:
        """``forgetting`` (down), ``adaptation`` (up), ``mean`` (down), ``union_gap`` (down),
        ``compute_saved``; bits per byte where bytes are known, with block-bootstrap intervals.

        The tables have exactly two domains, the old first, and the same documents. InvalidInput
        where they differ.
        """
        c = self.config
        old, new = self._domains(before)
        models = {n: _losses(t, old, new) for n, t in (("before", before), ("after", after))}
        _same_documents(before, after)
        if union is not None:
            _same_documents(before, union)
            models["union"] = _losses(union, old, new)
        counts = {n: len(s.size) for n, s in models["before"].items()}
        unit = BITS if models["before"]["old"].per_byte else NATS

        def found(name: str, direction: Any, statistic: measure.Statistic) -> Measure:
            rng = np.random.default_rng(0)  # the same documents in every report
            ends = measure.interval(statistic, counts, c.draws, c.block, rng)
            return Measure(name=name, value=float(statistic(ALL)), unit=unit, direction=direction,
                           n=sum(counts.values()), interval=ends)  # fmt: skip

        b, a = models["before"], models["after"]
        measures = [
            found("forgetting", "down", lambda rows: measure.forgetting(b, a, rows)),
            found("adaptation", "up", lambda rows: measure.adaptation(b, a, rows)),
            found("mean", "down", lambda rows: measure.mean_loss(a, rows)),
        ]
        if "union" in models:
            u = models["union"]
            measures.append(found("union_gap", "down", lambda rows: (
                measure.mean_loss(a, rows) - measure.mean_loss(u, rows))))  # fmt: skip
        else:
            measures.append(_absent("union_gap", "no union baseline was scored", unit, "down"))
        return Report((*measures, self._saved(), *_each(models, unit, (old, new))))

    def _domains(self, table: Table) -> tuple[str, str]:
        names = list(dict.fromkeys(table.columns.get("domain", ())))
        if len(names) != 2:
            raise InvalidInput(
                f"forgetting compares an old and a new domain, the table has {names}",
                hint="needs: {data: [old, new]} in the step of continual.score",
            )
        return names[0], names[1]

    def _saved(self) -> Measure:
        c = self.config
        if not (c.update and c.union):
            return _absent("compute_saved", "no sizes were given (with: {update, union})", "", "up")
        return Measure(name="compute_saved", value=1 - c.update / c.union, direction="up")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        tables = {"before": _table(1.0, 3.0), "after": _table(1.4, 1.2)}
        calls = [{**tables, "union": _table(1.1, 1.1)}, tables]
        configs = [ForgettingConfig(draws=50), ForgettingConfig(draws=50, update=1, union=3)]
        return {"configs": configs, "calls": {"evaluate": calls}}


def _absent(name: str, reason: str, unit: str, direction: Any) -> Measure:
    return Measure(name=name, value=None, reason=reason, unit=unit, direction=direction)


def _each(models: Mapping[str, Losses], unit: str, names: tuple[str, str]) -> Iterable[Measure]:
    """The losses themselves, as groups."""
    for model, losses in models.items():
        for side, name in zip(("old", "new"), names, strict=True):
            yield Measure(name=f"loss_{model}", value=float(losses[side].loss()), unit=unit,
                          direction="down", n=len(losses[side].size), group=name)  # fmt: skip


def _losses(table: Table, old: str, new: str) -> Losses:
    missing = set(COLUMNS) - set(table.columns)
    if missing:
        raise InvalidInput(f"no table of scores: it has no column '{min(missing)}'",
                           hint="make it with continual.score")  # fmt: skip
    per_byte = all(b is not None for b in table.columns["bytes"])
    found = {}
    for side, name in (("old", old), ("new", new)):
        rows = [r for r in table.rows if r["domain"] == name]
        size = [r["bytes" if per_byte else "tokens"] for r in rows]
        if not rows or not sum(size):
            raise InvalidInput(f"no document of '{name}' is in a table of scores")
        found[side] = Scores(
            np.array([r["logprob"] for r in rows], float), np.array(size, float), per_byte
        )
    return found


def _same_documents(first: Table, second: Table) -> None:
    mine, theirs = (
        [(r["domain"], r["document"], r["tokens"]) for r in t.rows]
        if "document" in t.columns
        else []
        for t in (first, second)
    )
    if mine != theirs:
        raise InvalidInput(
            f"two models scored different documents ({len(mine)} and {len(theirs)})",
            hint="score every model on the same held-out data",
        )


class Cloze(Evaluator):
    """Which of several words comes next? Through ``logprobs``, so for any model that is Scored."""

    Config = ClozeConfig

    def evaluate(
        self,
        model: ModelHandle | Model,
        data: Sequence[Item | Dataset] | Dataset,
        ctx: Context | None = None,
    ) -> Report:
        """``accuracy`` for each domain as a group and over all, with Wilson intervals.

        A question is a stretch of a document, the word that follows, and other words of about its
        length from the same document; right is when the true one is the most likely.
        """
        ctx = ctx or Context()
        scored, c = live(model, ctx), self.config
        measures, hits, asked = [], 0, 0
        for name, domain in named(data):
            try:
                questions = list(_questions(domain, c))
                right = _answered(scored, questions, c.choices, ctx)
            except InvalidInput as error:  # tokens without text, or a model that reads none
                measures.append(_none(error.message, name))
                continue
            measures.append(_accuracy(right, len(questions), c.choices, name))
            hits, asked = hits + right, asked + len(questions)
        return Report((_accuracy(hits, asked, c.choices, ""), *measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [ClozeConfig(questions=4, context=20)]
        return {"configs": configs, "calls": {"evaluate": [_example()]}}


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Tokens) and item.tokenizer in ("bytes", "") and item.ids.itemsize == 1:
        return bytes(np.asarray(item.ids)).decode("utf-8", "ignore")
    raise InvalidInput(
        "cloze questions are made from text, and these tokens are no bytes", hint="continual.text"
    )


def _questions(domain: Dataset, c: ClozeConfig) -> Iterable[tuple[str, list[str]]]:
    """Stretches with their candidate words, the true one first; a document gives a few."""
    documents = [_text(item) for item in domain]
    documents = [documents[k] for k in spread(len(documents), c.questions)]
    each = -(-c.questions // max(1, len(documents)))
    made = (q for k, text in enumerate(documents) for q in _of_one(text, c, each, k))
    for _, question in zip(range(c.questions), made, strict=False):
        yield question


def _of_one(text: str, c: ClozeConfig, each: int, number: int) -> Iterable[tuple[str, list[str]]]:
    import re

    rng = np.random.default_rng([c.seed, number])
    words = [
        m for m in re.finditer(r"(?<= )[^\W\d_]{4,12}(?=[ ,.;])", text) if m.start() > c.context
    ]
    known = sorted({m.group() for m in words})
    for k in rng.permutation(len(words))[:each]:
        word = words[int(k)].group()
        others = [w for w in known if w.lower() != word.lower() and abs(len(w) - len(word)) <= 1]
        if len(others) >= c.choices - 1:
            wrong = rng.choice(len(others), c.choices - 1, replace=False)
            begin = words[int(k)].start()
            yield text[begin - c.context : begin], [word, *(others[int(w)] for w in wrong)]


def _answered(
    model: Scored, questions: Sequence[tuple[str, list[str]]], choices: int, ctx: Context
) -> int:
    """How often the true word, with the space behind it, has the largest log-probability."""
    if not questions:
        return 0
    told = [f"{stretch}{word} " for stretch, words in questions for word in words]
    table: Table = model.logprobs(told, ctx=ctx)
    found = np.array(table.columns["logprob"], float).reshape(-1, choices)
    return int((found[:, 0] > found[:, 1:].max(1)).sum())


def _accuracy(right: int, asked: int, choices: int, group: str) -> Measure:
    if not asked:
        return _none("no document is long enough for a question", group)
    p, z = right / asked, 1.959964
    middle = (p + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z * sqrt(p * (1 - p) / asked + z * z / (4 * asked**2)) / (1 + z * z / asked)
    return Measure(
        name="accuracy", value=p, direction="up", n=asked, interval=(middle - half, middle + half),
        group=group, settings={"choices": choices, "chance": 1 / choices},
    )  # fmt: skip


def _none(reason: str, group: str) -> Measure:
    return Measure(name="accuracy", value=None, reason=reason, direction="up", group=group)


def _example() -> dict[str, Any]:
    from interleaf_continual.language import Gpt
    from interleaf_continual.sources import Text

    model = Gpt(Gpt.examples()["configs"][0])
    data = [Text(c) for c in Text.examples()["configs"]]
    return {"model": model, "data": [Item(d, f"part{k}") for k, d in enumerate(data)]}


def _table(old: float, new: float) -> Table:
    rows = [
        {"domain": d, "document": str(k), "logprob": -loss * 100 * (1 + 0.1 * (k % 3)),
         "tokens": 100, "bytes": 100}
        for d, loss in (("old", old), ("new", new)) for k in range(6)
    ]  # fmt: skip
    return Table.from_rows(rows)
