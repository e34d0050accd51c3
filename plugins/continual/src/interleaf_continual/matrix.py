"""Every stage's model on every domain: what each later stage did to the domains before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Model, ModelHandle, Report
from interleaf.values import Item, Table
from interleaf_continual.evaluating_config import ScoreConfig
from interleaf_continual.evaluators import Domains, named


class Matrix(Model):
    """Losses of several models, a row each, on several domains, a column each."""

    Config = ScoreConfig

    def apply(
        self,
        models: Sequence[Item | Model | ModelHandle],
        data: Sequence[Item | Dataset],
        ctx: Context | None = None,
    ) -> Table:
        """Bits per byte (nats per token where bytes are unknown), and as last row what was forgotten.

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
        return _table(models, domains, [[m.value for m in row] for row in rows], rows[0][0].unit)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_continual.evaluators import _example

        given = _example()
        two = [Item(given["model"], "first"), Item(given["model"], "second")]
        calls = [{"models": two, "data": given["data"]}]
        return {"configs": [ScoreConfig(documents=3)], "calls": {"apply": calls}}


def _known(reports: Sequence[Report], name: str) -> bool:
    return all(m.value is not None for r in reports for m in r.measures if m.name == name)


def _forgotten(rows: Sequence[Sequence[float | None]], k: int) -> float | None:
    """The last model's loss on a domain less that of the domain's own stage; the last has none."""
    last, own = rows[-1][k], rows[k][k]
    return None if last is None or own is None or k == len(rows) - 1 else last - own


def _table(
    models: Sequence[Any],
    domains: Sequence[str],
    rows: Sequence[Sequence[float | None]],
    unit: str,
) -> Table:
    names = [m.label if isinstance(m, Item) else f"model {k}" for k, m in enumerate(models)]
    cells: list[dict[str, Any]] = [
        {"after": n, **dict(zip(domains, row, strict=True))}
        for n, row in zip(names, rows, strict=True)
    ]
    cells.append({"after": "forgotten", **{d: _forgotten(rows, k) for k, d in enumerate(domains)}})
    return Table.from_rows(cells, f"held-out loss of each domain, {unit}")
