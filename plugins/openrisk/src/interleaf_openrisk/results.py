"""Results of experiments: who attempted what, with which help, and whether it succeeded.

Only outcomes are read: prompts and transcripts have no place here.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interleaf_openrisk.uplift import (
    BadCounts,
    Counts,
    Margin,
    bootstrap,
    finding,
    holm,
    margin,
    mcnemar,
)

ARMS = ("open", "open_ft", "closed", "closed_jailbreak", "existing")
OPEN, CLOSED = ("open", "open_ft"), ("closed", "closed_jailbreak")
REFERENCES: Mapping[str, tuple[str, ...]] = {"closed": CLOSED, "existing": ("existing",)}
MEASURES = ("success", "score", "cost", "time")


@dataclass(frozen=True)
class Attempt:
    """One attempt at one task by one participant, or one seed of a model.

    ``value`` is 1 or 0 for a success, else a score, a cost or a time; a censored time ended before the
    task was done.
    """

    vector: str
    task: str
    arm: str
    who: str
    value: float
    measure: str = "success"
    censored: bool = False

    @property
    def success(self) -> bool:
        """Whether it succeeded, where that was the measure."""
        return self.value == 1


@dataclass(frozen=True)
class Comparison:
    """An open arm against a reference: the margin, and what the design allows to say.

    ``design`` is ``independent``, ``paired`` (the same tasks in both arms, one outcome each) or
    ``clustered`` (participants or tasks in both arms); ``interval`` is Newcombe's for the first, of a
    bootstrap over tasks or participants otherwise. ``p`` is Fisher's or McNemar's.
    """

    margin: Margin
    design: str
    interval: tuple[float, float]
    p: float
    finding: str
    notes: tuple[str, ...] = ()


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """One JSON object a line; BadCounts names the line that is none."""
    if not path.is_file():
        raise BadCounts(f"no such file: {path}", "a JSONL file of results")
    rows = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadCounts(f"{path} is no UTF-8 text: {error}", "save it as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadCounts(f"{path}, line {number}: {error}", "one JSON object a line") from None
        if not isinstance(row, dict):
            raise BadCounts(f"{path}, line {number}: no JSON object", "one JSON object a line")
        rows.append(row)
    return rows


def attempts_of(
    rows: Sequence[Mapping[str, Any]],
    source: str = "results",
    measures: Sequence[str] = ("success",),
) -> list[Attempt]:
    """Records with one of these measures as attempts; BadCounts names a record that is wrong.

    The same measure, task, arm and participant twice is refused: such a record has leaked from another.
    """
    found: list[Attempt] = []
    seen: dict[Attempt, int] = {}
    for number, row in enumerate(rows, 1):
        one = _attempt(row, f"{source}, record {number}")
        key = replace(one, value=0.0, censored=False)
        if key in seen:
            raise BadCounts(
                f"{source}, record {number} repeats record {seen[key]}: the same vector, task, arm and "
                "participant",
                "remove one of them",
            )
        seen[key] = number
        if one.measure in measures:
            found.append(one)
    return found


def _attempt(row: Mapping[str, Any], place: str) -> Attempt:
    arm, outcome, measure = row.get("arm"), row.get("outcome"), row.get("measure", "success")
    censored = row.get("censored", False)
    if arm not in ARMS:
        raise BadCounts(f"{place}: no arm {arm!r}", f"arms: {', '.join(ARMS)}")
    if measure not in MEASURES:
        raise BadCounts(f"{place}: no measure {measure!r}", f"one of {', '.join(MEASURES)}")
    if measure == "success" and (outcome not in (0, 1) or isinstance(outcome, str)):
        raise BadCounts(f"{place}: the outcome is {outcome!r}", "true or false (1 or 0)")
    flag = isinstance(outcome, bool) and measure != "success"
    if not isinstance(outcome, int | float) or not math.isfinite(outcome) or flag:
        raise BadCounts(f"{place}: the outcome is {outcome!r}", f"a finite number for a {measure}")
    if measure in ("time", "cost") and float(outcome) < 0:
        raise BadCounts(f"{place}: a {measure} of {outcome}", "0 or more")
    if not isinstance(censored, bool) or (censored and measure != "time"):
        raise BadCounts(f"{place}: censored is {censored!r}", "true or false, for a time")
    for name in ("vector", "task_id"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise BadCounts(f"{place}: no {name}", "a text")
    who = row.get("participant", row.get("seed"))
    if who is None:
        raise BadCounts(f"{place}: neither participant nor seed", "who attempted it")
    return Attempt(
        row["vector"], row["task_id"], str(arm), str(who), float(outcome), str(measure), censored
    )


def compare(
    attempts: Sequence[Attempt], delta: float = 0.05, seed: int = 0
) -> dict[str, Comparison | str]:
    """The open arm against each reference, for one vector; a text says why one is missing."""
    arms: dict[str, list[Attempt]] = {
        name: [a for a in attempts if a.arm in group]
        for name, group in {"open": OPEN, **REFERENCES}.items()
    }
    found: dict[str, Comparison | str] = {}
    for name in REFERENCES:
        absent = [side for side in ("open", name) if not arms[side]]
        if absent:
            found[name] = f"no attempts in the arm '{absent[0]}'"
        else:
            found[name] = _compare(arms["open"], arms[name], delta, seed)
    return found


def _compare(a: list[Attempt], b: list[Attempt], delta: float, seed: int) -> Comparison:
    one, two = (Counts(sum(x.success for x in arm), len(arm)) for arm in (a, b))
    whole = margin(one, two, delta)
    notes = []
    if {x.task for x in a} != {x.task for x in b}:
        notes.append("the arms attempted different tasks: the difference may be the tasks'")
    people = {x.who for x in a} & {x.who for x in b}
    tasks = {x.task for x in a} & {x.task for x in b}
    single = len({x.task for x in a}) == len(a) and len({x.task for x in b}) == len(b)
    if single and tasks and not notes:
        groups = _groups(a, b, "task")
        pairs = [(bool(mine[0]), bool(theirs[0])) for mine, theirs in groups.values()]
        _, low, high = bootstrap(groups, seed=seed)
        return Comparison(
            whole, "paired", (low, high), mcnemar(pairs)[2], finding(low, high, delta), tuple(notes)
        )
    if people or len({x.who for x in (*a, *b)}) < len(a) + len(b):
        by = "who" if len({x.who for x in (*a, *b)}) > 1 else "task"
        _, low, high = bootstrap(_groups(a, b, by), seed=seed)
        notes.append(
            f"attempts of one {'participant' if by == 'who' else 'task'} are not independent"
        )
        return Comparison(
            whole, "clustered", (low, high), whole.fisher, finding(low, high, delta), tuple(notes)
        )
    return Comparison(
        whole, "independent", whole.newcombe95, whole.fisher, whole.finding, tuple(notes)
    )


def _groups(
    a: list[Attempt], b: list[Attempt], by: str
) -> dict[str, tuple[list[float], list[float]]]:
    groups: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for side, arm in enumerate((a, b)):
        for attempt in arm:
            groups[getattr(attempt, by)][side].append(float(attempt.success))
    return groups


def by_vector(attempts: Sequence[Attempt]) -> dict[str, list[Attempt]]:
    """Attempts of each vector, in order of appearance."""
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.vector, []).append(attempt)
    return found


def summary(attempts: Sequence[Attempt], delta: float = 0.05) -> dict[str, Any]:
    """Every vector: each reference, the headline, and p values adjusted over vectors (Holm)."""
    vectors: dict[str, Any] = {}
    p_values: dict[str, float] = {}
    for vector, mine in by_vector(attempts).items():
        found = compare(mine, delta)
        known = {name: c for name, c in found.items() if isinstance(c, Comparison)}
        told: dict[str, Any] = {
            name: as_data(c) if isinstance(c, Comparison) else {"missing": c}
            for name, c in found.items()
        }
        if known:
            least = min(known, key=lambda name: known[name].interval[0])
            told["headline"] = least
            p_values[vector] = known[least].p
        vectors[vector] = told
    for vector, p in holm(p_values).items():
        vectors[vector]["p_holm"] = p
    return {"delta": delta, "vectors": vectors}


def as_data(found: Comparison) -> dict[str, Any]:
    """A comparison as plain data."""
    return {
        **margin_data(found.margin),
        "design": found.design,
        "interval95": list(found.interval),
        "p": found.p,
        "finding": found.finding,
        "notes": list(found.notes),
    }


def margin_data(found: Margin) -> dict[str, Any]:
    """A margin as plain data."""
    ratio, low, high = found.risk_ratio
    return {
        "open": {"k": found.open.k, "n": found.open.n},
        "reference": {"k": found.reference.k, "n": found.reference.n},
        "difference": found.difference,
        "newcombe95": list(found.newcombe95),
        "risk_ratio": {"value": ratio, "low": low, "high": high},
        "p_gt_0": found.p_gt_0,
        "delta": found.delta,
        "p_gt_delta": found.p_gt_delta,
        "fisher_p": found.fisher,
        "finding": found.finding,
        "minimum_detectable": found.detectable,
    }
