"""How far an assessment goes through the six steps, computed from its fields (arXiv 2403.07918, 5).

A step is full (1), partial (0.5) or absent (0). Bare prose is never full, and evidence whose file is not
there counts for nothing. Incomplete does not mean wrong, and complete does not mean safe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from interleaf_openrisk.schema import Assessment, Evidence, Vector

Level = Literal["absent", "partial", "full"]
VALUE: Mapping[str, float] = {"absent": 0.0, "partial": 0.5, "full": 1.0}
STEPS = (
    "threat_identification", "existing_risk", "existing_defenses", "marginal_risk_evidence",
    "ease_of_defense", "uncertainty_assumptions",
)  # fmt: skip
REFERENCES = ("closed", "existing")


@dataclass(frozen=True)
class Score:
    """Levels of the six steps in order, and what is missing for the next level of each."""

    levels: tuple[Level, ...]
    wanted: tuple[str, ...]
    raised: tuple[int, ...] = ()
    lowered: tuple[int, ...] = ()

    @property
    def mean(self) -> float:
        """Of the six values."""
        return sum(VALUE[level] for level in self.levels) / len(self.levels)

    @property
    def minimum(self) -> float:
        """The least of the six values."""
        return min(VALUE[level] for level in self.levels)

    @property
    def complete(self) -> bool:
        """All six full: the paper's criterion."""
        return set(self.levels) == {"full"}


def score(vector: Vector, evidence: Mapping[str, Evidence], missing: Collection[str] = ()) -> Score:
    """The levels of one vector; ``missing`` evidence is as if it were not listed."""
    there = {name: e for name, e in evidence.items() if name not in missing}
    computed = [rule(vector, there) for rule in _RULES]
    levels: list[Level] = [level for level, _ in computed]
    raised: list[int] = []
    lowered: list[int] = []
    for override in vector.overrides:
        before = levels[override.step - 1]
        change = VALUE[override.level] - VALUE[before]
        (raised if change > 0 else lowered).extend([override.step] if change else [])
        levels[override.step - 1] = override.level
    return Score(tuple(levels), tuple(w for _, w in computed), tuple(raised), tuple(lowered))


def _level(some: object, all_: object) -> Level:
    return "full" if all_ else "partial" if some else "absent"


def _threat(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    t = vector.threat
    wanted = [
        name
        for name in ("description", "execution", "actors", "supply_chain")
        if not getattr(t, name)
    ]
    level = _level(t.description or t.execution, not wanted)
    return level, f"threat: {', '.join(wanted)}" if wanted else ""


def _existing_risk(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    known = [f for f in vector.existing_risk.figures if f.source in there]
    full = known and vector.existing_risk.statement
    wanted = "a figure with a source that is there" if not known else "a statement of what it means"
    return _level(known or vector.existing_risk.statement, full), "" if full else wanted


def _existing_defenses(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    measured = [d for d in vector.existing_defenses if d.efficacy and d.efficacy.source in there]
    gaps = [d for d in vector.existing_defenses if d.gap]
    wanted = "a defence whose efficacy has a source" if not measured else "the gap of a defence"
    full = measured and gaps
    return _level(vector.existing_defenses, full), "" if full else wanted


def _marginal(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    m = vector.marginal
    arms = {arm for ref in m.experiments if ref in there for arm in there[ref].arms}
    incidents = [ref for ref in m.incidents if ref in there]
    compared = m.statement and m.arms.closed and m.arms.existing
    full = ("open" in arms and set(REFERENCES) <= arms) or (incidents and compared)
    some = ("open" in arms and arms & set(REFERENCES)) or incidents
    wanted = "an experiment with the open model and both references, or incidents and a comparison"
    return _level(some, full), "" if full else wanted


def _responses(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    whole = [
        r for r in vector.defense_response if r.owner and r.cost and r.lead_time_days is not None
    ]
    measured = [r for r in vector.defense_response if r.measured_effect in there]
    full = whole and measured
    wanted = "a response with owner, cost and lead time" if not whole else "a measured effect"
    return _level(vector.defense_response, full), "" if full else wanted


def _assumptions(vector: Vector, there: Mapping[str, Evidence]) -> tuple[Level, str]:
    tested = [a for a in vector.assumptions if a.would_change_if and a.review_by]
    return _level(vector.assumptions, tested), "" if tested else (
        "an assumption with what would change it and a date of review"
    )


_RULES: tuple[Callable[[Vector, Mapping[str, Evidence]], tuple[Level, str]], ...] = (
    _threat, _existing_risk, _existing_defenses, _marginal, _responses, _assumptions,
)  # fmt: skip


def scores(found: Assessment, missing: Collection[str] = ()) -> dict[str, Score]:
    """Every applicable vector by its id."""
    return {
        v.id: score(v, found.evidence, missing)
        for v in found.vectors
        if v.applicability == "applicable"
    }


def independent(found: Assessment, missing: Collection[str] = ()) -> tuple[int, int]:
    """How many pieces of evidence there are, and how many of them are independent."""
    there = [e for name, e in found.evidence.items() if name not in missing]
    return len(there), sum(e.independent for e in there)
