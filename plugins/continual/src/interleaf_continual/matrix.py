"""Every stage's model on every domain: what each later stage did to the domains before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Measure, Model, ModelHandle, Report
from interleaf.values import Item, Table
from interleaf_continual.evaluating_config import ScoreConfig
from interleaf_continual.evaluators import Domains, named


class Matrix(Evaluator):
    """Losses of several models, a row each, on several domains, a column each."""

    Config = ScoreConfig

    def evaluate(
        self,
        models: Sequence[Item | Model | ModelHandle],
        data: Sequence[Item | Dataset],
        ctx: Context | None = None,
    ) -> Report:
        """A table of bits per byte (nats per token where bytes are unknown); ``forgetting`` of each
        domain as a group and their mean.

        The k-th model is the one after the k-th domain's stage. A domain's forgetting is its loss
        under the last model less that under its own stage's (Lopez-Paz and Ranzato 2017, backward
        transfer with the sign of a loss); the last domain has none yet.
        """
        ctx = ctx or Context()
        domains = [name for name, _ in named(data)]
        if len(models) != len(domains):
            raise InvalidInput(
                f"{len(models)} models and {len(domains)} domains",
                hint="the model after each stage, and each stage's held-out data, in order",
            )
        reports = [
            Domains(self.config).evaluate(m.value if isinstance(m, Item) else m, data, ctx)
            for m in models
        ]
        name = "bits_per_byte" if _known(reports, "bits_per_byte") else "loss"
        rows = [[r[f"{name}/{d}"] for d in domains] for r in reports]
        return Report((*_forgotten(domains, rows),), tables=(_table(models, domains, rows),))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.evaluators import _example

        given = _example()
        two = [Item(given["model"], "first"), Item(given["model"], "second")]
        calls = [{"models": two, "data": given["data"]}]
        return {"configs": [ScoreConfig(documents=3)], "calls": {"evaluate": calls}}


def _known(reports: Sequence[Report], name: str) -> bool:
    return all(m.value is not None for r in reports for m in r.measures if m.name == name)


def _forgotten(domains: Sequence[str], rows: Sequence[Sequence[Measure]]) -> list[Measure]:
    """The last model's loss less that of each domain's own stage; the mean over all but the last."""
    found, unit = [], rows[-1][0].unit
    for k, name in enumerate(domains[:-1]):
        last, own = rows[-1][k].value, rows[k][k].value
        gained = None if last is None or own is None else last - own
        found.append(Measure(
            name="forgetting", value=gained, unit=unit, direction="down",
            reason="a loss is unknown" if gained is None else "", n=rows[-1][k].n, group=name,
        ))  # fmt: skip
    values = [m.value for m in found if m.value is not None]
    whole = bool(values) and len(values) == len(found)
    mean = Measure(
        name="forgetting", value=sum(values) / len(values) if whole else None, unit=unit,
        reason="" if whole else "no domain came before the last", direction="down",
        n=max(1, len(values)),
    )  # fmt: skip
    return [mean, *found]


def _table(
    models: Sequence[Any], domains: Sequence[str], rows: Sequence[Sequence[Measure]]
) -> Table:
    names = [m.label if isinstance(m, Item) else f"model {k}" for k, m in enumerate(models)]
    cells = [
        {"after": n, **{d: m.value for d, m in zip(domains, row, strict=True)}}
        for n, row in zip(names, rows, strict=True)
    ]
    return Table.from_rows(cells, f"held-out loss of each domain, {rows[0][0].unit}")
