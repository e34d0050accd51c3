"""Forgetting, adaptation and their intervals; what is refused; summaries; cloze questions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf import intervals
from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Item, Table, Tokens
from interleaf_continual import forgetting as measure
from interleaf_continual.drawing import lanes, panels, steps_through
from interleaf_continual.evaluating_config import ClozeConfig, ForgettingConfig, ScoreConfig
from interleaf_continual.evaluators import Cloze, Domains, Forgetting, Score
from interleaf_continual.matrix import Matrix
from interleaf_continual.sources import Flat
from interleaf_continual.summary import Compare, Summary

LN2 = float(np.log(2))


def table(
    old: float, new: float, documents: int = 12, spread: float = 0.0, sized: bool = True
) -> Table:
    """Losses in bits per byte, with what varies between documents."""
    rows = [
        {"domain": d, "document": f"{d}{k}", "logprob": -LN2 * 100 * (loss + spread * (k % 5)),
         "tokens": 50, "bytes": 100 if sized else None}
        for d, loss in (("en", old), ("de", new)) for k in range(documents)
    ]  # fmt: skip
    return Table.from_rows(rows)


def test_the_definitions():
    made = Forgetting(ForgettingConfig(draws=100, update=700, union=1400))
    report = made.evaluate(table(2.0, 5.0), table(2.5, 3.0), table(2.1, 2.9))
    for name, value in (("forgetting", 0.5), ("adaptation", 2.0), ("mean", 2.75),
                        ("union_gap", 0.25), ("compute_saved", 0.5)):  # fmt: skip
        assert report[name].value == pytest.approx(value)
    assert report["loss_after/de"].value == pytest.approx(3.0)
    assert report["forgetting"].unit == "bits/byte"
    tokens = made.evaluate(table(2.0, 5.0, sized=False), table(2.5, 3.0, sized=False))
    assert tokens["forgetting"].unit == "nats/token"
    assert tokens["forgetting"].value == pytest.approx(0.5 * 2 * LN2)
    assert tokens["union_gap"].value is None and "no union" in tokens["union_gap"].reason


def test_intervals_are_paired():
    """What documents differ in, and all models alike, is no uncertainty of the difference."""
    report = Forgetting().evaluate(table(2.0, 5.0, spread=0.5), table(2.5, 3.0, spread=0.5))
    low, high = report["forgetting"].interval
    assert high - low < 1e-9 and low == pytest.approx(0.5)
    low, high = report["mean"].interval
    assert high - low > 0.05


@given(st.integers(2, 40), st.integers(1, 50), st.integers(0, 2**31))
def test_blocks_are_runs_of_neighbours(count, block, seed):
    found = measure.blocks(count, 5, block, np.random.default_rng(seed))
    assert found.shape == (5, count) and found.min() >= 0 and found.max() < count
    length = min(block, max(1, count // 2))
    inside = np.diff(found, axis=1) % count
    same = inside == 1 % count
    assert all(same[:, k].all() for k in range(count - 1) if (k + 1) % length)


def test_what_cannot_be_compared_is_named():
    with pytest.raises(InvalidInput, match="different documents"):
        Forgetting().evaluate(table(2, 5), table(2, 3, documents=11))
    with pytest.raises(InvalidInput, match="an old and a new domain"):
        Forgetting().evaluate(Table({"domain": ["a"]}), table(2, 3))
    with pytest.raises(InvalidInput, match="no column"):
        Forgetting().evaluate(table(2, 5), Table({"domain": ["en"], "document": ["x"]}))


def test_a_mean_over_seeds_has_students_interval():
    mean, ends = intervals.over_seeds([1.0, 2.0, 3.0])
    assert mean == 2 and ends == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5))
    assert intervals.over_seeds([1.0]) == (1.0, None)
    assert intervals.student(30) == pytest.approx(2.0423, abs=2e-4)


def gathered() -> list[Item]:
    after = {0.0: (3.0, 3.0), 0.05: (2.4, 3.05), 0.25: (2.05, 3.1)}
    found = [
        Item(Forgetting().evaluate(table(2, 5), table(old + s / 100, new), table(2.1, 2.9)), "loss",
             "", {"fraction": f, "seed": s})
        for f, (old, new) in after.items() for s in (0, 1, 2)
    ]  # fmt: skip
    kept = Forgetting().evaluate(table(2, 5), table(2.6, 3.4), table(2.1, 2.9))
    return [*found, Item(kept, "minimum_rate", "", {"seed": 0})]


def test_a_summary_says_what_replay_saves_and_costs():
    report = Summary().evaluate(gathered())
    assert report["removed/fraction=0.25"].value == pytest.approx(1 - 0.06 / 1.01, abs=1e-3)
    assert report["adaptation_lost/fraction=0.25"].value == pytest.approx(0.05)
    assert report["forgetting/minimum_rate"].interval is None
    rows = Compare().apply(gathered()).rows
    assert [r["update"] for r in rows] == [
        "fraction=0", "fraction=0.05", "fraction=0.25", "minimum_rate",
    ]  # fmt: skip
    drawn, unit = lanes(gathered())
    assert unit == "bits/byte" and drawn[0]["forgetting"][0] == pytest.approx(1.01)


def test_steps_go_on_through_stages():
    log = Table({"step": [2, 4, 4, 2, 4], "held_out.en": [5, 4, None, 3, 2]})
    assert steps_through(log) == [2, 4, 8, 10, 12]
    assert panels([Item(log, "run")])["en"][0][1] == [2, 4, 10, 12]


class Knowing(Model):
    """Knows one text, and scores what is in it higher."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def logprobs(self, sequences, ctx=None):
        found = [s if isinstance(s, str) else bytes(s.ids).decode() for s in sequences]
        return Table({"logprob": [-1.0 if s in self.text else -9.0 for s in found],
                      "tokens": [len(s) for s in found], "bytes": [len(s) for s in found]})  # fmt: skip


def documents(*texts: str):
    class Given:
        def __iter__(self):
            return (Tokens(np.frombuffer(t.encode(), np.uint8), "bytes") for t in texts)

        def items(self):
            return ((str(k), t) for k, t in enumerate(self))

    return Flat(Given())  # type: ignore[arg-type]


WORDS = "the small harbour sleeps under heavy clouds while tired sailors carry empty barrels "


def test_cloze_asks_what_comes_next():
    text = WORDS * 5
    made = Cloze(ClozeConfig(questions=20, context=40))
    data = [Item(documents(text), "sea"), Item(documents("short"), "none")]
    report = made.evaluate(Knowing(text), data, ctx=Context())
    assert report["accuracy/sea"].value == 1.0 and report["accuracy"].n == 20
    low, high = report["accuracy"].interval
    assert low > 0.8 and high == pytest.approx(1)
    assert report["accuracy/none"].value is None
    nothing = made.evaluate(Knowing("nothing"), data[:1], ctx=Context())
    assert nothing["accuracy"].value == 0.0, "ties are wrong, not luck"


class Deaf(Model):
    """Scores Tokens alone."""

    def logprobs(self, sequences, ctx=None):
        if any(isinstance(s, str) for s in sequences):
            raise InvalidInput("no text")
        counts = [len(s.ids) - 1 for s in sequences]
        return Table(
            {"logprob": [-1.0] * len(counts), "tokens": counts, "bytes": [None] * len(counts)}
        )


def test_what_cannot_be_asked_is_none_with_a_reason():
    report = Cloze().evaluate(Deaf(), [Item(documents(WORDS * 5), "en")])
    assert report["accuracy/en"].value is None and report["accuracy/en"].reason == "no text"
    data = documents(WORDS)
    data.bytes_of_documents = np.array([100])  # type: ignore[attr-defined]
    scores = Score(ScoreConfig()).apply(Deaf(), [Item(data, "en")])
    assert scores.columns["bytes"] == [100]


def test_scores_and_domains_agree():
    data = [Item(documents(WORDS, WORDS[:40]), "en"), Item(documents("ein Wort"), "de")]
    model = Knowing(WORDS)
    scores = Score(ScoreConfig()).apply(model, data)
    assert scores.columns["domain"] == ["en", "en", "de"]
    report = Domains(ScoreConfig()).evaluate(model, data)
    assert report["loss/en"].value == pytest.approx(2 / (len(WORDS) + 40))
    assert report["bits_per_byte/de"].value == pytest.approx(9 / 8 / LN2)
    parts = [report[f"loss/{d}"].value for d in ("en", "de")]
    assert report["loss"].value == pytest.approx(sum(parts) / 2)
    with pytest.raises(InvalidInput, match="no log-probabilities"):
        Domains().evaluate(Model(), data)


def test_a_matrix_has_a_row_for_each_stage():
    data = [Item(documents(WORDS), "en"), Item(documents("ein Wort"), "de")]
    models = [Item(Knowing(WORDS), "first"), Item(Knowing("ein Wort"), "second")]
    rows = Matrix(ScoreConfig()).apply(models, data).rows
    en = len(WORDS) * LN2
    assert [r["after"] for r in rows] == ["first", "second", "forgotten"]
    assert rows[0]["en"] == pytest.approx(1 / en) and rows[1]["de"] == pytest.approx(1 / 8 / LN2)
    assert rows[2]["en"] == pytest.approx(8 / en) and rows[2]["de"] is None
    with pytest.raises(InvalidInput, match="1 models and 2 domains"):
        Matrix().apply(models[:1], data)
