"""``followclick.eight``: clips of any methods, judged by the paper's eight metrics."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, Report
from interleaf.values import Table
from interleaf_followclick.config import EightConfig
from interleaf_followclick.evaluating import eight


class Eight(Evaluator):
    """One report over all methods; the table has a row for each."""

    Config = EightConfig

    def evaluate(self, ctx: Context | None = None) -> Report:
        """Judge all methods; InvalidInput names a clip that is missing."""
        c, ctx = self.config, ctx or Context()
        if not c.methods:
            raise InvalidInput("no methods were given", hint="folders of clips")
        entries = eight.benchmark(Path(c.benchmark))
        folders = {Path(m).name: Path(m) for m in c.methods}
        if len(folders) < len(c.methods):
            raise InvalidInput("two methods have one name", hint="name their folders differently")
        rows: dict[str, list[Mapping[str, float | None]]] = {}
        measures: list[Measure] = []
        for i, (name, folder) in enumerate(folders.items()):
            clips = [eight.clip_of(folder, e) for e in entries]
            rows[name] = [eight.computed(clip, e) for clip, e in zip(clips, entries, strict=True)]
            measures += self._with_clip(clips, [e.prompt for e in entries], name)
            measures += eight.fvd(clips, c.reference, c.i3d, name, ctx)
            ctx.monitor.progress(i + 1, len(folders))
        measures = [*eight.means(rows), *measures, *eight.human(c.answers, list(folders))]
        measures += eight.places(rows)
        return Report(tuple(measures), (_table(measures, list(folders)),))

    def _with_clip(self, clips: Any, prompts: list[str], name: str) -> list[Measure]:
        try:
            from interleaf_followclick.evaluating.clip import scored

            return scored(clips, prompts, self.config.clip, name)
        except InterleafError as error:
            return [
                Measure(name=n, group=name, value=None, reason=error.message, direction="up")
                for n in ("tem_consis", "text_align")
            ]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        root = package_files("interleaf_followclick") / "examples"
        methods = tuple(str(root / "methods" / m) for m in ("still", "moving"))
        return {"configs": [EightConfig(methods=methods, benchmark=str(root / "benchmark"))]}


def _table(measures: list[Measure], methods: list[str]) -> Table:
    names = list(dict.fromkeys(m.name for m in measures))
    known = {(m.group, m.name): m.value for m in measures}
    rows = [{"method": m, **{n: known.get((m, n)) for n in names}} for m in methods]
    return Table.from_rows(rows, "the paper's metrics and their stand-ins; empty: see the reason")
