"""The rating page as a Renderer, answers as an Evaluator."""

from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset, Evaluator, Measure, Renderer, Report
from interleaf.values import Artifact, Item, Table
from interleaf_media.clips import example_frames
from interleaf_media.config import RanksConfig, RatingConfig
from interleaf_media.rating import bootstrap, friedman, page, ranking, read_answers


class Rating(Renderer):
    """One HTML file on which people choose between results, pair by pair."""

    Config = RatingConfig
    media_type = "text/html"

    def render(self, items: Sequence[Any]) -> Artifact:
        """Each item is what one method made: a value, or a dataset whose ids are matched between methods."""
        c = self.config
        methods: dict[str, dict[str, Any]] = {}
        for number, item in enumerate(items):
            whole = item if isinstance(item, Item) else Item(item, f"result {number + 1}")
            name = whole.label if whole.label not in methods else f"{whole.label} ({number + 1})"
            inner = whole.value.items() if isinstance(whole.value, Dataset) else [("", whole.value)]
            methods[name] = dict(inner)
        text = page(methods, title=c.title, question=c.question, seed=c.seed, limit=c.limit)
        return Artifact(text.encode(), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        items = [
            Item("one answer", "a"),
            Item("another", "b"),
            Item(example_frames(2), "c", "", {"n": 1}),
        ]
        return {"configs": [RatingConfig()], "calls": {"render": [{"items": items}]}}


class Ranks(Evaluator):
    """What raters preferred: share of wins, mean rank with its interval, Friedman test."""

    Config = RanksConfig

    def evaluate(self) -> Report:
        """Raises InvalidInput or CorruptData for answers that are absent or no answers."""
        answers = read_answers(Path(self.config.answers))
        if not answers:
            raise InvalidInput(f"{self.config.answers}: holds no answer")
        found = ranking(answers)
        blocks = len(found.ranks)
        settings = {"raters": len({a.rater for a in answers}), "version": "1"}
        bounds = bootstrap(found.ranks, self.config.seed) if blocks > 1 else []
        measures = []
        for i, method in enumerate(found.methods):
            games = found.wins[i].sum() + found.wins[:, i].sum()
            measures.append(Measure(
                name="preference", group=method, value=float(found.wins[i].sum() / games), direction="up",
                n=round(games), settings=settings,
            ))  # fmt: skip
            measures.append(Measure(
                name="mean_rank", group=method, direction="down", n=max(blocks, 1), settings=settings,
                value=float(found.ranks[:, i].mean()) if blocks else None,
                reason="" if blocks else "no rater judged all pairs of an item",
                interval=bounds[i] if bounds else None,
            ))  # fmt: skip
        test = friedman(found.ranks)
        for place, name in enumerate(("friedman_chi2", "friedman_p")):
            value = None if isinstance(test, str) else test[place]
            reason = test if isinstance(test, str) else ""
            measures.append(
                Measure(name=name, value=value, reason=reason, n=max(blocks, 1), settings=settings)
            )
        rows = [
            {"": m, **{o: float(found.wins[i, j]) for j, o in enumerate(found.methods)}}
            for i, m in enumerate(found.methods)
        ]
        return Report(
            tuple(measures), (Table.from_rows(rows, "wins of the row over the column, ties half"),)
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        answers = str(package_files("interleaf_media") / "examples" / "answers.json")
        return {"configs": [RanksConfig(answers=answers)]}
