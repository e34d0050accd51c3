"""Pages as Renderers: transcripts with scores and pictures, and a form on which people rate blindly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.interfaces import Dataset, Renderer
from interleaf.interfaces.report import Report
from interleaf.pipeline.collection import Collection
from interleaf.values import Artifact, Item, Table
from interleaf_sotopia import blind, page
from interleaf_sotopia.components import episodes_of
from interleaf_sotopia.config import PageConfig, RatePageConfig
from interleaf_sotopia.judges import ALONE
from interleaf_sotopia.learnt import _item
from interleaf_sotopia.records import Episode
from interleaf_sotopia.sample import sample_episodes


class StudyPage(Renderer):
    """What a study found: verdicts of the bias statistics first, then scores, gaps, transcripts."""

    Config = PageConfig
    media_type = "text/html"

    def render(
        self, items: Sequence[Any], episodes: Dataset | None = None, ratings: Report | None = None
    ) -> Artifact:
        """Reports and tables in the order given, then the conversations with their ratings."""
        c = self.config
        sections = [self._section(i) for i in items]
        if episodes is not None:
            found = episodes_of(episodes)
            shown = found[: c.transcripts]
            scores = _scores(ratings)
            left = len(found) - len(shown)
            sections.append(
                page.section(
                    "Transcripts",
                    *(
                        page.transcript(e, scores.get(e.id, ()), n == 0)
                        for n, e in enumerate(shown)
                    ),
                    page.paragraph(f"and {left} more", "soft") if left else "",
                )
            )
        return Artifact(page.document(c.title, sections, c.note).encode(), self.media_type)

    def _section(self, item: Any) -> str:
        value = item.value if isinstance(item, Item) else item
        title = item.label if isinstance(item, Item) else ""
        if isinstance(value, Report):
            return page.section(title, *_report(value))
        if isinstance(value, Table):
            return page.section(title, page.table(value))
        if isinstance(value, str):
            return page.section(title, page.paragraph(value))
        return page.section(
            title, page.paragraph(f"A {type(value).__name__} has no view on this page.", "soft")
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of({e.id: e for e in sample_episodes()})
        table = Table({"system": ["a", "b"], "judged": [1.0, 2.5]})
        calls = [{"items": [Item(table, "rows"), "words"], "episodes": data}, {"items": []}]
        return {
            "configs": [PageConfig(), PageConfig(title="x", transcripts=1)],
            "calls": {"render": calls},
        }


def _scores(ratings: Report | None) -> dict[str, list[dict[str, float]]]:
    found: dict[str, dict[int, dict[str, float]]] = {}
    for m in ratings.measures if ratings else ():
        place = _item(m.group)
        if place and m.value is not None:
            found.setdefault(place[0], {}).setdefault(place[1], {})[m.name] = m.value
    return {e: [rows[a] for a in sorted(rows)] for e, rows in found.items()}


def _report(report: Report) -> list[str]:
    """A flag where there is one, intervals as a picture, checkpoints as lines, all measures to open."""
    told = [_flag(report)]
    plain = [m for m in report.measures if m.value is not None and not _item(m.group)]
    intervals = [
        (m.name + (f" {m.group}" if m.group else ""), m.value, *m.interval)
        for m in plain if m.interval and m.value is not None and m.name != "slope"
    ]  # fmt: skip
    pooled = [
        r
        for r, m in zip(
            intervals, [m for m in plain if m.interval and m.name != "slope"], strict=True
        )
        if not m.group
    ]
    told.append(page.forest(pooled or intervals[:24], "values with 95 % intervals"))
    single = [r for r in intervals if r not in pooled]
    if pooled and single:
        told.append(_folded("for each part", page.forest(single[:60])))
    told += [_lines(t) + page.table(t) for t in report.tables]
    shown = page.measures(Report(tuple(m for m in report.measures if not _item(m.group))), 200)
    told.append(_folded("all measures", shown) if intervals or report.tables else shown)
    return told


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{title}</summary><div>{inner}</div></details>"


def _flag(report: Report) -> str:
    found = next((m for m in report.measures if m.name == "optimised_against_judge"), None)
    if found is None or found.reason == ALONE:
        return ""
    if found.value is None:
        return page.paragraph(
            f"Whether the policy was optimised against its judge cannot be told: {found.reason}.",
            "flag",
        )
    if found.value:
        return page.paragraph(
            "The judge's lead over the reference grew along training: the policy was optimised "
            "against its judge.",
            "flag",
        )
    return page.paragraph(
        "The judge's lead over the reference did not grow along training.", "flag ok"
    )


def _lines(table: Table) -> str:
    """Judged and reference scores along the checkpoints."""
    if not {"system", "judged", "reference"} <= set(table.columns):
        return ""
    series = {n: list(table.columns[n]) for n in ("judged", "reference")}
    return page.lines(
        series, [str(s) for s in table.columns["system"]], "the gap between judge and reference"
    )


class RatePage(Renderer):
    """Conversations without names of models, in random order, each with a form; the answers are saved as
    a file that ``interleaf sotopia rate`` reads back."""

    Config = RatePageConfig
    media_type = "text/html"

    def render(self, episodes: Dataset) -> Artifact:
        """One self-contained page that sends nothing anywhere."""
        found: list[Episode] = episodes_of(episodes)
        return Artifact(
            blind.html(found, self.config.title, self.config.seed).encode(), self.media_type
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        data = Collection.of({e.id: e for e in sample_episodes()})
        return {"configs": [RatePageConfig()], "calls": {"render": [{"episodes": data}]}}
