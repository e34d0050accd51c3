"""What a run measured, as evidence beside that of the assessment's folder, and the weights it made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, ModelHandle, Report
from interleaf.values import Item
from interleaf_openrisk.reading import Read, sha256
from interleaf_openrisk.schema import Weights

PREFIX = "report."
ENDS = {"lower95": 0, "upper95": 1}


def labelled(reports: Sequence[Item | Report] | None) -> tuple[Item, ...]:
    """Every report with the step it comes from."""
    return tuple(r if isinstance(r, Item) else Item(r, "report") for r in reports or ())


def found(items: Sequence[Item], name: str) -> list[float | None]:
    """What a rule's ``report.STEP.MEASURE`` stands for: the value in each report of that step.

    ``MEASURE/GROUP`` is that of a group, ``.lower95`` and ``.upper95`` behind it are ends of the
    interval. None where a report does not know it; [None] where there is no such report.
    """
    step, _, rest = name.removeprefix(PREFIX).partition(".")
    stem, _, last = rest.rpartition(".")
    measure, end = (stem, ENDS[last]) if stem and last in ENDS else (rest, None)
    reports = [i.value for i in items if i.step == step]
    return [_value(r, measure, end) for r in reports] or [None]


def _value(report: Report, name: str, end: int | None) -> float | None:
    try:
        measure = report[name]
    except KeyError:
        return None
    if end is None:
        return measure.value
    return measure.interval[end] if measure.interval else None


def headline(items: Sequence[Item]) -> list[tuple[str, Measure]]:
    """The measures over all data, with the report's label; those of a report without any such, all."""
    told = []
    for item in items:
        whole = [m for m in item.value.measures if not m.group]
        told += [(item.label, m) for m in whole or item.value.measures]
    return told


def weights_of(model: ModelHandle | None) -> tuple[Weights, ...]:
    """Every file of the model that leaves, with its digest; InvalidInput for one without files."""
    if model is None:
        return ()
    if model.folder is None:
        raise InvalidInput(f"{model.component} has no weights", hint="wire in a trained model")
    folder = Path(model.folder)
    files = sorted(f for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else [folder]
    base = folder if folder.is_dir() else folder.parent
    return tuple(Weights(path=f.relative_to(base).as_posix(), sha256=sha256(f)) for f in files)


def shipped(read: Read) -> tuple[Weights, ...]:
    """The weights that are told of: those of this run, else the assessment's."""
    return read.made or read.assessment.model.weights


def differing(read: Read) -> list[str]:
    """Weights that the assessment names and this run did not make so; none where it made none."""
    if not read.made:
        return []
    made = {w.sha256 for w in read.made}
    return [w.path for w in read.assessment.model.weights if w.sha256 not in made]
