"""The plugin's parts as Datasets and an Evaluator."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from interleaf.errors import InvalidInput
from interleaf.interfaces import (
    Dataset,
    Evaluator,
    Measure,
    ModelHandle,
    Renderer,
    Report,
    Verdict,
)
from interleaf.values import Artifact, Item, Table
from interleaf_openrisk.config import (
    DocumentConfig,
    FactsConfig,
    Format,
    GateConfig,
    ResultsConfig,
    UpliftConfig,
)
from interleaf_openrisk.results import (
    REFERENCES,
    Attempt,
    Comparison,
    attempts_of,
    by_vector,
    compare,
    read_jsonl,
)
from interleaf_openrisk.uplift import BadCounts

if TYPE_CHECKING:
    from interleaf_openrisk.reading import Read

COLUMNS = ("vector", "task_id", "arm", "participant", "outcome")


@contextmanager
def refused() -> Iterator[None]:
    """Wrong counts, records and scenarios as the framework's InvalidInput."""
    try:
        yield
    except BadCounts as error:
        raise InvalidInput(error.message, hint=error.hint) from error


class Facts(Dataset):
    """One table of facts of the paper."""

    Config = FactsConfig

    def _table(self) -> Table:
        file = files("interleaf_openrisk").joinpath("facts", f"{self.config.name}.csv")
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        return Table.from_rows(rows, "arXiv 2403.07918")

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Table]:
        return iter([self._table()])

    def ids(self) -> Iterator[str]:
        """The table's name."""
        return iter([self.config.name])

    def fingerprint(self) -> str:
        """Of the cells."""
        return _digest([self._table()])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [FactsConfig(), FactsConfig(name="misuse_vectors")]}


class Results(Dataset):
    """Attempts from a JSONL file: one table for each vector, named by it."""

    Config = ResultsConfig

    def _vectors(self) -> dict[str, Table]:
        with refused():
            attempts = attempts_of(read_jsonl(Path(self.config.path)), self.config.path)
        return {name: as_table(mine) for name, mine in by_vector(attempts).items()}

    def __len__(self) -> int:
        return len(self._vectors())

    def __iter__(self) -> Iterator[Table]:
        return iter(self._vectors().values())

    def ids(self) -> Iterator[str]:
        """The vectors."""
        return iter(self._vectors())

    def fingerprint(self) -> str:
        """Of the attempts, not of the file they stand in."""
        return _digest(list(self._vectors().values()))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ResultsConfig(path=str(Path(__file__).with_name("example.jsonl")))]}


def as_table(attempts: list[Attempt]) -> Table:
    """The columns that are recognised again."""
    return Table(
        {
            "vector": [a.vector for a in attempts],
            "task_id": [a.task for a in attempts],
            "arm": [a.arm for a in attempts],
            "participant": [a.who for a in attempts],
            "outcome": [int(a.success) for a in attempts],
        }
    )


def _digest(tables: list[Table]) -> str:
    told = repr([[dict(t.columns), t.caption] for t in tables])
    return blake2b(told.encode(), digest_size=16).hexdigest()


class Uplift(Evaluator):
    """Open against closed, and open against existing technology."""

    Config = UpliftConfig

    def evaluate(self, results: Table) -> Report:
        """Differences with 95 % intervals; None with a reason for an arm that was not measured.

        ``results`` has columns vector, task_id, arm, participant (or seed) and outcome, of one vector.
        ``lower_bound`` is the headline: the smaller lower bound of both comparisons, and None unless
        both were made.
        """
        with refused():
            attempts = attempts_of(results.rows, "the table")
            if len(by_vector(attempts)) > 1:
                raise BadCounts("the table holds several vectors", "one table for each vector")
            found = compare(attempts, self.config.delta)
        measures: list[Measure] = []
        for name in REFERENCES:
            measures += _measures(name, found[name])
        known = [c for c in found.values() if isinstance(c, Comparison)]
        both = len(known) == len(REFERENCES)
        least = min((c.interval[0] for c in known), default=None) if both else None
        absent = "; ".join(c for c in found.values() if isinstance(c, str))
        measures.append(Measure(name="lower_bound", value=least, reason=absent, direction="none"))
        return Report(tuple(measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        (table,) = list(Results(Results.examples()["configs"][0]))[:1]
        part = [row for row in table.rows if row["arm"] != "existing"]
        calls = [{"results": table}, {"results": Table.from_rows(part)}]
        return {"configs": [UpliftConfig(), UpliftConfig(delta=0.2)], "calls": {"evaluate": calls}}


def _measures(name: str, found: Comparison | str) -> list[Measure]:
    if isinstance(found, str):
        return [Measure(name=f"uplift_over_{name}", value=None, reason=found)]
    whole = found.margin
    settings = {"design": found.design, "finding": found.finding, "notes": "; ".join(found.notes)}
    n = whole.open.n + whole.reference.n
    return [
        Measure(
            name=f"uplift_over_{name}", value=whole.difference, n=n, interval=found.interval,
            settings=settings,
        ),
        Measure(name=f"p_gt_0_over_{name}", value=whole.p_gt_0, n=n),
        Measure(name=f"p_gt_delta_over_{name}", value=whole.p_gt_delta, n=n),
        Measure(
            name=f"minimum_detectable_over_{name}", value=whole.detectable, n=n,
            reason="" if whole.detectable is not None else "too few attempts to detect any uplift",
        ),
    ]  # fmt: skip


def day(text: str) -> date:
    """A date as YYYY-MM-DD; InvalidInput for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"'{text}' is no date", hint="write YYYY-MM-DD") from None


def assessed(
    config: GateConfig | DocumentConfig,
    reports: Sequence[Item | Report] | None,
    model: ModelHandle | None,
) -> Read:
    """The assessment in the folder, with the evidence and the weights of the run."""
    from interleaf_openrisk.measured import labelled, weights_of
    from interleaf_openrisk.reading import read_assessment

    read = read_assessment(Path(config.folder) / config.file)
    return replace(read, reports=labelled(reports), made=weights_of(model))


class Gate(Evaluator):
    """Whether a release may go out, for gated outputs: ``outputs: {weights: {from: …, gate: gate}}``."""

    Config = GateConfig

    def evaluate(
        self, reports: Sequence[Item | Report] | None = None, model: ModelHandle | None = None
    ) -> Report:
        """The verdict with its reasons, and the completeness of every vector.

        ``reports``: what the pipeline measured, for rules on ``report.STEP.MEASURE``; ``model``: what
        would leave, held to the assessment's weights where it names any. Raises ProblemsFound for an
        assessment that is not sound.
        """
        from interleaf_openrisk.completeness import scores
        from interleaf_openrisk.gate import decide

        read = assessed(self.config, reports, model)
        with refused():
            found = decide(read, day(self.config.today))
        measures = [
            Measure(name=f"completeness_{what}", value=value, direction="up", group=vector)
            for vector, score in scores(read.assessment, read.missing).items()
            for what, value in (("mean", score.mean), ("min", score.minimum))
        ]
        return Report(tuple(measures), verdict=Verdict(found.outcome, found.reasons))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = str(Path(__file__).with_name("example"))
        reports = [Item(Report((Measure(name="loss", value=3.2),)), "loss")]
        config = GateConfig(folder=folder, file="measured.yaml", today="2026-06-01")
        return {"configs": [config], "calls": {"evaluate": [{}, {"reports": reports}]}}


class Document(Renderer):
    """The assessment for readers, with the gate's decision and the paper's four limits."""

    Config = DocumentConfig

    def render(
        self, reports: Sequence[Item | Report] | None = None, model: ModelHandle | None = None
    ) -> Artifact:
        """The document, with what the gate would be given; raises ProblemsFound for an assessment that is
        not sound."""
        from interleaf_openrisk.formats import MEDIA, written

        c = self.config
        with refused():
            data = written(assessed(c, reports, model), day(c.today), c.format, spec=c.spec)
        return Artifact(data, MEDIA[c.format])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = str(Path(__file__).with_name("example"))
        configs = [
            DocumentConfig(folder=folder, today="2026-06-01", format=format_)
            for format_ in get_args(Format)
        ]
        reports = [Item(Report((Measure(name="loss", value=3.2),)), "loss")]
        return {"configs": configs, "calls": {"render": [{}, {"reports": reports}]}}
