"""On how many tasks one model is better than another, as good, or worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interleaf.errors import InvalidInput
from interleaf.interfaces.report import Direction, Measure, Report
from interleaf.values import Table


@dataclass(frozen=True, slots=True)
class Pair:
    """One task's scores; ``outcome``: win, tie, loss, or why they cannot be compared."""

    task: str
    ours: float | None
    peer: float | None
    outcome: str


def compare(ours: Report, peer: Report, margin: float) -> list[Pair]:
    """Each task of either report; scores that differ by at most ``margin`` are a tie.

    InvalidInput for scores of one task that were measured with different metrics, shots or limits.
    """
    left, right = _scores(ours), _scores(peer)
    return [
        _pair(task, left.get(task), right.get(task), margin)
        for task in dict.fromkeys([*left, *right])
    ]


def _scores(report: Report) -> Mapping[str, Measure]:
    return {m.group: m for m in report.measures if m.name == "score" and m.group}


def _pair(task: str, a: Measure | None, b: Measure | None, margin: float) -> Pair:
    if a is None or b is None or a.value is None or b.value is None:
        absent = a if a is None or a.value is None else b
        reason = absent.reason if absent else "not in both reports"
        return Pair(task, a.value if a else None, b.value if b else None, reason)
    for name in ("metric", "shots", "limit"):
        if a.settings.get(name) != b.settings.get(name):
            raise InvalidInput(
                f"task '{task}' was measured with {name} "
                f"{a.settings.get(name)!r} and {b.settings.get(name)!r}"
            )
    gap = a.value - b.value
    outcome = "tie" if abs(gap) <= margin else "win" if gap > 0 else "loss"
    return Pair(task, a.value, b.value, outcome)


KINDS: tuple[tuple[str, str, Direction], ...] = (
    ("wins", "win", "up"),
    ("ties", "tie", "none"),
    ("losses", "loss", "down"),
)


def told(pairs: list[Pair]) -> Report:
    """Wins, ties and losses over what was measured for both, and a table of all."""
    compared = [p for p in pairs if p.outcome in ("win", "tie", "loss")]
    reason = "" if compared else "no task was measured for both models"
    measures = tuple(
        Measure(
            name=name, value=float(sum(p.outcome == word for p in compared)) if compared else None,
            reason=reason, direction=direction, n=max(len(compared), 1),
        )
        for name, word, direction in KINDS
    )  # fmt: skip
    rows = [{"task": p.task, "ours": p.ours, "peer": p.peer, "outcome": p.outcome} for p in pairs]
    caption = f"{len(compared)} of {len(pairs)} tasks compared"
    return Report(measures=measures, tables=(Table.from_rows(rows, caption),) if rows else ())
