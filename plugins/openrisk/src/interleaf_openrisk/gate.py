"""Whether a release may go out: rules over an assessment, and a verdict with its reasons.

A rule is ``{when: "vector == *", require: "uplift.upper95 < 0.1", else: block}``. ``require`` joins
comparisons with ``and``; a comparison is a name, an operator and a number or word. ``report.STEP.MEASURE``
is what a pipeline measured, and holds when it does for every report of that step. What is not known is
never passed over: it gives ``insufficient``, whatever the rule says. A waiver turns a failed rule into a
warning until it expires; an expired one blocks.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from interleaf.values import Item
from interleaf_openrisk.completeness import STEPS, VALUE, independent, scores
from interleaf_openrisk.measured import PREFIX, differing
from interleaf_openrisk.measured import found as measured
from interleaf_openrisk.reading import Read
from interleaf_openrisk.results import (
    Attempt,
    Comparison,
    attempts_of,
    by_vector,
    compare,
    read_jsonl,
)
from interleaf_openrisk.schema import Rule, Vector
from interleaf_openrisk.uplift import BadCounts

Value = float | str | None
Outcome = Literal["pass", "fail", "review", "insufficient"]
ELSE: Mapping[str, Outcome] = {"block": "fail", "review": "review", "warn": "pass"}
WORST: tuple[Outcome, ...] = ("fail", "insufficient", "review", "pass")
LEVELS = ("low", "moderate", "considerable")
DEFAULT_RULES = tuple(
    Rule.model_validate({"require": require, "else": otherwise})
    for require, otherwise in (
        ("weights.sha256 matches", "block"),
        ("completeness.min >= 0.5", "review"),
        ("judgement.level != unknown", "review"),
    )
)
NAMES = (
    "completeness.min", "completeness.mean", *(f"step.{s}" for s in STEPS), "uplift.lower95",
    "uplift.upper95", "evidence.age_days", "evidence.count", "evidence.independent",
    "weights.sha256", "judgement.level",
)  # fmt: skip
_OPERATORS: Mapping[str, Callable[[float | str, float | str], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_COMPARISON = re.compile(
    r"\s*(report\.[^\s<>=!]+|[a-z_0-9.]+)\s*(?:(<=|>=|==|!=|<|>)\s*([A-Za-z_0-9.+-]+)|(matches))\s*"
)
_WHEN = re.compile(r"\s*vector\s*==\s*(\*|[A-Za-z_0-9:.-]+)\s*")


class BadRule(BadCounts):
    """A rule that cannot be read, or not applied: what, and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "interleaf openrisk validate FILE")


@dataclass(frozen=True)
class Term:
    """One comparison."""

    name: str
    sign: str
    value: float | str

    def holds(self, found: Value) -> bool | None:
        """Whether it does; None when the value is not known."""
        if found is None:
            return None
        if self.sign == "matches":
            return found == "matches"
        if isinstance(found, str) != isinstance(self.value, str):
            raise BadRule(f"{self.name} is {found}, which cannot be compared with {self.value}")
        return _OPERATORS[self.sign](found, self.value)


@dataclass(frozen=True)
class Finding:
    """What a rule gave for a vector, in words."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Decision:
    """The worst of all findings, and all of them."""

    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of everything that did not plainly pass."""
        return tuple(f.reason for f in self.findings if f.reason)


def parse(text: str) -> tuple[Term, ...]:
    """The comparisons of ``require``; BadRule says what cannot be read."""
    terms = []
    for part in re.split(r"\band\b", text):
        found = _COMPARISON.fullmatch(part)
        if not found:
            raise BadRule(
                f"'{part.strip()}' is no comparison: NAME OPERATOR VALUE, or weights.sha256 matches"
            )
        name, sign, value, matches = found.groups()
        if name not in NAMES and not name.startswith(PREFIX):
            raise BadRule(f"no value '{name}': one of {', '.join(NAMES)}, report.STEP.MEASURE")
        if (matches is not None) != (name == "weights.sha256"):
            raise BadRule("'matches' is for weights.sha256, and for nothing else")
        terms.append(Term(name, matches or sign, _value(name, sign, value) if value else ""))
    return tuple(terms)


def _value(name: str, sign: str, text: str) -> float | str:
    if name == "judgement.level":
        if text not in (*LEVELS, "unknown") or sign not in ("==", "!="):
            raise BadRule(
                f"judgement.level is compared by == or != with {', '.join(LEVELS)}, unknown"
            )
        return text
    try:
        return float(text)
    except ValueError:
        raise BadRule(f"{name} is compared with a number, not '{text}'") from None


def chosen(text: str) -> str:
    """The vector of ``when``, or ``*``."""
    found = _WHEN.fullmatch(text)
    if not found:
        raise BadRule(f"'{text}' is no condition: vector == NAME, or vector == *")
    return found[1]


def decide(read: Read, today: date) -> Decision:
    """Every rule for every applicable vector it names, then waivers, then the worst of all."""
    gate = read.assessment.gate
    applicable = [v for v in read.assessment.vectors if v.applicability == "applicable"]
    findings: list[Finding] = []
    for number, rule in enumerate(gate.rules or DEFAULT_RULES):
        terms, name = parse(rule.require), chosen(rule.when)
        vectors = [v for v in applicable if name in ("*", v.id)]
        if not vectors:
            findings.append(Finding("insufficient", f"no applicable vector for rule {number + 1}"))
        for vector in vectors:
            found = _apply(terms, rule, values(read, vector, today), read.reports, vector.id)
            findings.append(_waived(found, number, read, today))
    findings += [
        Finding("insufficient", f"the file of {name} is not there") for name in read.missing
    ]
    findings += [
        Finding("fail", f"the run's weights are not the assessed {path}")
        for path in differing(read)
    ]
    findings += _dates(read, applicable, today)
    worst = min((f.outcome for f in findings), key=WORST.index)
    return Decision(worst, tuple(findings))


def _dates(read: Read, vectors: list[Vector], today: date) -> list[Finding]:
    """What is dated after the day of the decision, and assumptions that are due to be looked at again."""
    late = [f"evidence {n}" for n, e in read.assessment.evidence.items() if e.accessed > today]
    late += [f"{v.id}: the judgement" for v in vectors if v.judgement and v.judgement.date > today]
    due = [
        f"{v.id}: '{a.text}' was to be reviewed by {a.review_by}"
        for v in vectors
        for a in v.assumptions
        if a.review_by and a.review_by < today
    ]
    told = [f"{what} is dated after {today.isoformat()}" for what in late] + due
    return [Finding("review", reason) for reason in told]


def _asked(
    terms: tuple[Term, ...], known: Mapping[str, Value], reports: Sequence[Item]
) -> Iterator[tuple[Term, Value]]:
    for term in terms:
        if term.name.startswith(PREFIX):
            yield from ((term, value) for value in measured(reports, term.name))
        else:
            yield term, known[term.name]


def _apply(
    terms: tuple[Term, ...],
    rule: Rule,
    known: Mapping[str, Value],
    reports: Sequence[Item],
    vector: str,
) -> Finding:
    for term, value in _asked(terms, known, reports):
        held = term.holds(value)
        if held is None:
            return Finding("insufficient", f"{vector}: {term.name} is not known")
        if not held:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            told = f"{vector}: {term.name} is {shown}, required: {rule.require}"
            prefix = "warning: " if rule.otherwise == "warn" else ""
            return Finding(ELSE[rule.otherwise], prefix + told)
    return Finding("pass", "")


def _waived(found: Finding, number: int, read: Read, today: date) -> Finding:
    """A failed rule with a waiver; what is not known cannot be waived."""
    for waiver in read.assessment.gate.waivers:
        if waiver.rule != number + 1 or found.outcome not in ("fail", "review"):
            continue
        told = f"{found.reason}; waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
        if waiver.expires < today:
            return Finding("fail", f"{found.reason}; the waiver of {waiver.owner} has expired")
        return Finding("pass", f"warning: {told}")
    return found


def values(read: Read, vector: Vector, today: date) -> dict[str, Value]:
    """Everything a rule may ask about a vector; None where it is not known."""
    score = scores(read.assessment, read.missing)[vector.id]
    count, own = independent(read.assessment, read.missing)
    accessed = [e.accessed for n, e in read.assessment.evidence.items() if n not in read.missing]
    low, high = uplift_of(read, vector)
    judged = vector.judgement
    files = read.assessment.model.weights
    here = files and not any(w.path in read.missing for w in files)
    return {
        "completeness.min": score.minimum,
        "completeness.mean": score.mean,
        **{f"step.{s}": VALUE[level] for s, level in zip(STEPS, score.levels, strict=True)},
        "uplift.lower95": low,
        "uplift.upper95": high,
        "evidence.age_days": float((today - min(accessed)).days) if accessed else None,
        "evidence.count": float(count),
        "evidence.independent": float(own),
        "weights.sha256": "matches" if here else None,
        "judgement.level": judged.level if judged else None,
    }


def attempts_for(read: Read, vector: Vector) -> list[Attempt]:
    """The attempts that a vector's experiments recorded; BadRule for a file that cannot be read."""
    attempts: list[Attempt] = []
    for ref in vector.marginal.experiments:
        told = read.assessment.evidence[ref]
        if told.path and told.path.endswith(".jsonl") and ref not in read.missing:
            try:
                rows = attempts_of(read_jsonl(read.file.resolve().parent / told.path), told.path)
            except BadCounts as error:
                raise BadRule(f"{ref}: {error.message}") from None
            attempts += by_vector(rows).get(vector.id, [])
    return attempts


def uplift_of(read: Read, vector: Vector) -> tuple[float | None, float | None]:
    """The smaller lower and the larger upper bound over both references, from the experiments' records.

    None unless the open arm was compared with closed models and with existing technology.
    """
    attempts = attempts_for(read, vector)
    if not attempts:
        return None, None
    found = list(compare(attempts).values())
    known = [c for c in found if isinstance(c, Comparison)]
    if len(known) < len(found):
        return None, None
    return min(c.interval[0] for c in known), max(c.interval[1] for c in known)
