"""Where two assessments disagree, what changed between two versions, and what evidence is still needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from interleaf_openrisk.completeness import REFERENCES, STEPS, VALUE, scores
from interleaf_openrisk.gate import attempts_for, decide
from interleaf_openrisk.reading import Read
from interleaf_openrisk.results import Comparison
from interleaf_openrisk.results import compare as compare_arms
from interleaf_openrisk.schema import Vector
from interleaf_openrisk.uplift import sample_size

USUAL_RATE = 0.2  # of success without the open model, where nothing was measured


def disagreements(one: Read, two: Read) -> dict[str, Any]:
    """By vector: steps that only one covers, judgements, assumptions held differently, and why claims
    about marginal risk cannot be compared.

    Two assessments that reach the same judgement on different grounds are told apart too.
    """
    vectors = [{v.id: v for v in r.assessment.vectors} for r in (one, two)]
    levels = [scores(r.assessment, r.missing) for r in (one, two)]
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*vectors[0], *vectors[1]]):
        if name not in vectors[0] or name not in vectors[1]:
            found[name] = {"only_in": "first" if name in vectors[0] else "second"}
            continue
        a, b = vectors[0][name], vectors[1][name]
        if a.applicability != b.applicability:
            found[name] = {"applicability": [a.applicability, b.applicability]}
            continue
        if a.applicability == "not_applicable":
            continue
        told = _between(a, b, levels[0][name].levels, levels[1][name].levels)
        told["not_comparable"] = _not_comparable(a, b, one, two)
        found[name] = {key: value for key, value in told.items() if value}
    return {"vectors": {name: told for name, told in found.items() if told}}


def _between(a: Vector, b: Vector, one: tuple[str, ...], two: tuple[str, ...]) -> dict[str, Any]:
    uncovered = {
        step: [left, right]
        for step, left, right in zip(STEPS, one, two, strict=True)
        if left != right
    }
    judged = [v.judgement.level if v.judgement else "unknown" for v in (a, b)]
    held = [{x.text.casefold(): x for x in v.assumptions} for v in (a, b)]
    differing = {
        held[0][text].text: [held[0][text].sensitivity, held[1][text].sensitivity]
        for text in held[0]
        if text in held[1] and held[0][text].sensitivity != held[1][text].sensitivity
    }
    alone = [
        [x.text for t, x in mine.items() if t not in other] for mine, other in (held, held[::-1])
    ]
    return {
        "steps": uncovered,
        "judgement": judged if judged[0] != judged[1] else [],
        "assumptions_weighed_differently": differing,
        "assumptions_only_in_first": alone[0],
        "assumptions_only_in_second": alone[1],
    }


def _not_comparable(a: Vector, b: Vector, one: Read, two: Read) -> list[str]:
    told = []
    arms = [_arms(v, r) for v, r in ((a, one), (b, two))]
    for reference in REFERENCES:
        with_it = [reference in known for known in arms]
        if with_it[0] != with_it[1]:
            which = "first" if with_it[0] else "second"
            told.append(f"only the {which} measures against {reference}")
    for arm in ("open", "closed", "existing"):
        said = [getattr(v.marginal.arms, arm).strip() for v in (a, b)]
        if all(said) and said[0].casefold() != said[1].casefold():
            told.append(
                f"the arm '{arm}' is '{said[0]}' in the first and '{said[1]}' in the second"
            )
    return told


def _arms(vector: Vector, read: Read) -> set[str]:
    there = {n: e for n, e in read.assessment.evidence.items() if n not in read.missing}
    return {arm for ref in vector.marginal.experiments if ref in there for arm in there[ref].arms}


def changes(old: Read, new: Read, today: date) -> dict[str, Any]:
    """What a new version of an assessment changes: decision and levels first, then every field.

    Fields are told by their path, with the value before and after; None where it was not there. Vectors,
    benefits and evidence are told by their ids, so that their order does not matter.
    """
    decisions = [decide(r, today).outcome for r in (old, new)]
    before, after = (scores(r.assessment, r.missing) for r in (old, new))
    levels: dict[str, Any] = {}
    for name in dict.fromkeys([*before, *after]):
        one, two = (
            (s[name].levels if name in s else (None,) * len(STEPS)) for s in (before, after)
        )
        if one != two:
            pairs = zip(STEPS, one, two, strict=True)
            levels[name] = {step: [a, b] for step, a, b in pairs if a != b}
    fields = [
        dict(_leaves(_by_id(r.assessment.model_dump(mode="json", by_alias=True))))
        for r in (old, new)
    ]
    judged = re.compile(r"vectors\.[^.]+\.judgement\.level")
    paths = sorted(dict.fromkeys([*fields[0], *fields[1]]), key=lambda p: not judged.fullmatch(p))
    return {
        "decision": decisions if decisions[0] != decisions[1] else [],
        "steps": levels,
        "fields": {
            path: [fields[0].get(path), fields[1].get(path)]
            for path in paths
            if fields[0].get(path) != fields[1].get(path)
        },
    }


def _by_id(data: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {item["id"]: item for item in value} if key in ("vectors", "benefits") else value
        for key, value in data.items()
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text and date below a value, by its path."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _leaves(one, f"{path}[{place}]")
    elif value not in (None, ""):
        yield path, value


def gaps(read: Read, delta: float = 0.05) -> dict[str, Any]:
    """What is missing, for risks and for benefits.

    For every applicable vector the steps that are not full and what would fill them, and the attempts
    in each arm that would find an uplift of ``delta`` with 80 % power, beside those that were made.
    """
    vectors = {}
    told = scores(read.assessment, read.missing)
    for vector in read.assessment.vectors:
        if vector.id not in told:
            continue
        score = told[vector.id]
        steps = {
            step: wanted
            for step, level, wanted in zip(STEPS, score.levels, score.wanted, strict=True)
            if VALUE[level] < 1 and wanted
        }
        vectors[vector.id] = {"steps": steps, "attempts": _attempts(read, vector, delta)}
    bare = {
        benefit.id: "no evidence that is there"
        for benefit in read.assessment.benefits
        if not set(benefit.evidence) & (set(read.assessment.evidence) - set(read.missing))
    }
    unclaimed = [] if read.assessment.benefits else ["no benefit is claimed: a release has some"]
    return {
        "delta": delta, "vectors": vectors, "benefits": bare, "notes": unclaimed,
        "missing_files": list(read.missing),
    }  # fmt: skip


def _attempts(read: Read, vector: Vector, delta: float) -> Mapping[str, Any]:
    made = compare_arms(attempts_for(read, vector), delta)
    found = {}
    for name, comparison in made.items():
        if isinstance(comparison, Comparison):
            margin = comparison.margin
            rate = min(margin.reference.rate, 1 - delta)
            found[name] = {
                "made": [margin.open.n, margin.reference.n],
                "needed": sample_size(rate, delta),
                "finding": comparison.finding,
            }
        else:
            found[name] = {
                "made": [0, 0], "needed": sample_size(USUAL_RATE, delta),
                "assumed_rate": USUAL_RATE, "finding": comparison,
            }  # fmt: skip
    return found
