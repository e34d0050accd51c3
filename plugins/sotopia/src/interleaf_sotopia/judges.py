"""Evaluators of judges, and the data to judge them on: CaSiNo's people, the paper's tables."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Model
from interleaf.interfaces.report import Measure, Report
from interleaf.values import Table
from interleaf_sotopia import bias, casino
from interleaf_sotopia.bias import Pairs, Statistic
from interleaf_sotopia.casino import Dialogue
from interleaf_sotopia.components import Rows
from interleaf_sotopia.config import BiasConfig, CasinoConfig, PaperConfig
from interleaf_sotopia.reading import read_all, rows
from interleaf_sotopia.scores import SHORT

ALONE = "one system alone: a growing gap needs at least two checkpoints"


class Bias(Evaluator):
    """How far a judge is from a reference, and whether it grew worse along the checkpoints of a policy."""

    Config = BiasConfig

    def evaluate(self, scores: Table, ctx: Context | None = None) -> Report:
        """Gap, correlations, calibration over all systems and for each; growth of the gap; reversals; and
        ``optimised_against_judge``: 1 when a gap grew beyond chance, None when that cannot be told."""
        c = self.config
        systems = _systems(scores, c)
        every = bias.pairs(*([v for s in systems.values() for v in s[k]] for k in range(3)))
        known = {n: bias.pairs(*s) for n, s in systems.items()}
        measures = _statistics(every, "", c.seed)
        for name, p in known.items():
            if len(known) > 1:
                measures += _statistics(p, name, c.seed)
        measures += _growth(known, c.seed)
        if c.categories:
            judged, true = _columns(scores, c.judged, c.reference)
            found = bias.randolph(judged, true, c.categories)
            measures.append(_measure("randolph_kappa", found, "", "up"))
        return Report(tuple(measures), (_table(known),))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = Table({
            "judged": [7, 5, 8, 6, 9, 9, 9, None], "reference": [6, 5, 7, 5, 6, 5, 6, 4],
            "scenario": ["a", "b", "c", "d"] * 2, "system": ["bc"] * 4 + ["sr"] * 4,
        })  # fmt: skip
        same = Table({n: list(v)[:1] for n, v in table.columns.items()})
        return {
            "configs": [BiasConfig(), BiasConfig(categories=11)],
            "calls": {"evaluate": [{"scores": table}, {"scores": same}]},
        }


def _columns(scores: Table, *names: str) -> list[list[Any]]:
    missing = [n for n in names if n not in scores.columns]
    if missing:
        raise InvalidInput(
            f"the table has no column '{missing[0]}'",
            hint=f"it has {', '.join(map(str, scores.columns)) or 'none'}",
        )
    return [list(scores.columns[n]) for n in names]


def _systems(scores: Table, c: BiasConfig) -> dict[str, tuple[list[Any], list[Any], list[Any]]]:
    judged, true = _columns(scores, c.judged, c.reference)
    n = len(judged)
    clusters = _columns(scores, c.cluster)[0] if c.cluster in scores.columns else list(range(n))
    names = _columns(scores, c.system)[0] if c.system in scores.columns else [""] * n
    found: dict[str, tuple[list[Any], list[Any], list[Any]]] = {}
    for row in zip(names, judged, true, clusters, strict=True):
        columns = found.setdefault(str(row[0]), ([], [], []))
        for column, value in zip(columns, row[1:], strict=True):
            column.append(value)
    return found


def _statistics(p: Pairs, group: str, seed: int) -> list[Measure]:
    return [
        _measure("gap", bias.gap(p, seed), group, "none"),
        _measure("pearson", bias.pearson(p, seed), group, "up"),
        _measure("spearman", bias.spearman(p, seed), group, "up"),
        _measure("slope", bias.slope(p, seed), group, "none"),
    ]


def _growth(known: Mapping[str, Pairs], seed: int) -> list[Measure]:
    names, systems = list(known), list(known.values())
    if len(systems) < 2:
        reason = ALONE
        return [
            Measure(name="optimised_against_judge", value=None, reason=reason, direction="down")
        ]
    flag, growths = bias.optimised_against_judge(systems, seed)
    found = [_measure("gap_growth", g, n, "down") for n, g in zip(names[1:], growths, strict=True)]
    n = max(1, sum(map(len, systems)))
    reason = "" if flag is not None else growths[-1].reason or "too few pairs for an interval"
    found.append(
        Measure(
            name="optimised_against_judge",
            value=None if flag is None else float(flag),
            reason=reason,
            direction="down",
            n=n,
        )
    )
    means = [(float(p.judged.mean()), float(p.true.mean())) for p in systems if len(p)]
    turned, every = bias.reversals(means)
    found.append(
        Measure(name="rank_reversals", value=float(turned), direction="down", n=max(1, every))
    )
    return found


def _measure(name: str, s: Statistic, group: str, direction: Any) -> Measure:
    reason = s.reason if s.value is None else ""
    return Measure(
        name=name,
        value=s.value,
        reason=reason,
        interval=s.interval,
        group=group,
        direction=direction,
        n=max(1, s.n),
    )


def _table(known: Mapping[str, Pairs]) -> Table:
    return Table.from_rows(
        [{"system": n, "pairs": len(p), "judged": float(p.judged.mean()) if len(p) else None,
          "reference": float(p.true.mean()) if len(p) else None} for n, p in known.items()],
        "mean scores of each system",
    )  # fmt: skip


class Casino(Rows):
    """CaSiNo's dialogues."""

    Config = CasinoConfig

    @cached_property
    def rows(self) -> list[Dialogue]:
        """Read once; a record whose points do not follow from its moves is an error."""
        file = Path(self.config.path)
        return read_all(file, _checked)[: self.config.limit or None]

    def plain(self, item: Dialogue) -> Any:
        """What decides it."""
        return [
            item.id,
            [[m.who, m.kind, m.text, list(m.gets)] for m in item.moves],
            [dict(v) for v in item.values],
            list(item.points),
            list(item.satisfaction),
            list(item.liked),
        ]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = Path(tempfile.mkdtemp()) / "casino.jsonl"
        file.write_text("".join(json.dumps(r) + "\n" for r in sample_dialogues()))
        return {"configs": [CasinoConfig(path=str(file)), CasinoConfig(path=str(file), limit=1)]}


def _checked(row: Mapping[str, Any]) -> Dialogue:
    d = casino.dialogue(row)
    if casino.points(d) != d.points:
        raise ValueError(f"points are {d.points}, the moves give {casino.points(d)}")
    return d


def sample_dialogues() -> list[dict[str, Any]]:
    """Two short dialogues of our own in CaSiNo's form."""
    info = {
        "value2issue": {"High": "Food", "Medium": "Water", "Low": "Firewood"},
        "value2reason": {"High": "many children", "Medium": "it is hot", "Low": "we have some"},
    }

    def one(number: int, ending: list[dict[str, Any]], first: int, second: int) -> dict[str, Any]:
        told = [{"id": "a1", "text": "Hello, what do you need?", "task_data": {}},
                {"id": "a2", "text": "Mostly food, to be honest.", "task_data": {}}]  # fmt: skip
        people = {
            n: {
                **info,
                "outcomes": {
                    "points_scored": p,
                    "satisfaction": s,
                    "opponent_likeness": "Slightly like",
                },
            }
            for n, p, s in (("a1", first, "Undecided"), ("a2", second, "Extremely satisfied"))
        }
        return {"dialogue_id": number, "chat_logs": told + ending, "participant_info": people}

    deal = {
        "issue2youget": {"Food": "1", "Water": "2", "Firewood": "2"},
        "issue2theyget": {"Food": "2", "Water": "1", "Firewood": "1"},
    }
    return [
        one(
            1,
            [
                {"id": "a1", "text": "Submit-Deal", "task_data": deal},
                {"id": "a2", "text": "Accept-Deal", "task_data": {}},
            ],
            19,
            17,
        ),
        one(2, [{"id": "a2", "text": "Walk-Away", "task_data": {}}], 5, 5),
    ]


class CasinoScores(Model):
    """People's own ratings of their negotiations beside the points that can be verified."""

    def apply(self, dialogues: Any) -> Table:
        """A row for each participant: ``judged`` (satisfaction, 1 to 5, on the scale of the points),
        ``reference`` (points), ``scenario`` (the dialogue), ``system`` (people), ``liked``.

        The scales are matched once and for all by mean and spread over all participants, so the gap over
        all is 0 by construction; what tells something are correlations and groups.
        """
        found = [d for d in dialogues if isinstance(d, Dialogue)]
        rows = [
            {"scenario": d.id, "system": "people",
             "satisfaction": d.satisfaction[a], "liked": d.liked[a], "reference": float(d.points[a])}
            for d in found for a in (0, 1)
        ]  # fmt: skip
        if not rows:
            raise InvalidInput(
                "there are no dialogues", hint="needs: {dialogues: a sotopia.casino step}"
            )
        judged = _matched(
            [r["satisfaction"] for r in rows], [float(p) for d in found for p in d.points]
        )
        return Table.from_rows([{**r, "judged": j} for r, j in zip(rows, judged, strict=True)])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        data = Collection.of(
            {str(r["dialogue_id"]): casino.dialogue(r) for r in sample_dialogues()}
        )
        return {"configs": [cls.Config()], "calls": {"apply": [{"dialogues": data}]}}


def _matched(ratings: Sequence[Any], points: Sequence[float]) -> list[float | None]:
    """Ratings moved and stretched to the points' mean and spread; None stays None."""
    import numpy as np

    known = np.array([float(r) for r in ratings if r is not None])
    if not len(known):
        return [None] * len(ratings)
    spread = float(np.std(points)) / (float(np.std(known)) or 1.0)
    return [
        None if r is None else float(np.mean(points) + (r - known.mean()) * spread) for r in ratings
    ]


class PaperGaps(Evaluator):
    """The paper's Table 5 computed again: overall scores, and by how much GPT-4 rated above people."""

    Config = PaperConfig

    def evaluate(self, ctx: Context | None = None) -> Report:
        """``overall`` of every row, ``gap`` of every model that both rated (hard tasks, 28 episodes)."""
        file = Path(self.config.path)
        table = [dict(row) for _, row in rows(file)]
        measures = []
        try:
            for r in table:
                mean = sum(float(r[k]) for k in SHORT) / len(SHORT)
                group = f"{r['model']} {r['setting']} {r['n']} {r['evaluator']}"
                measures.append(
                    Measure(name="overall", value=mean, group=group, direction="up", n=int(r["n"]))
                )
            goals = {
                (r["model"], r["evaluator"]): float(r["GOAL"]) for r in table if r["n"] == "28"
            }
        except (KeyError, ValueError) as error:
            raise InvalidInput(
                f"{file} is no such table: {error}", hint=f"columns: model, {', '.join(SHORT)}"
            ) from None
        for (model, who), value in goals.items():
            if who == "gpt4" and (model, "human") in goals:
                measures.append(
                    Measure(name="gap", value=value - goals[model, "human"], group=str(model), n=28)
                )
        return Report(tuple(measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = Path(tempfile.mkdtemp()) / "table.csv"
        head = "setting,n,evaluator,model," + ",".join(SHORT) + ",Overall\n"
        row = "hard,28,{},X,9.0,1.0,2.0,0.0,0.0,0.0,{},0\n"
        file.write_text(head + row.format("gpt4", 5.0) + row.format("human", 4.0))
        return {"configs": [PaperConfig(path=str(file))], "calls": {"evaluate": [{}]}}
