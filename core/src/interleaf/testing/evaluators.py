"""Checks of evaluators."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from interleaf.interfaces import Evaluator, Report
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import SEED, Skip, Subject
from interleaf.values import Image

Inputs = Mapping[str, Any]


def report(subject: Subject, config: Any, inputs: Inputs) -> Report:
    """What evaluate gives for these inputs."""
    found: Report = next(iter(subject.call(subject.make(config), "evaluate", inputs).values()))
    return found


def _values(found: Report) -> dict[tuple[str, str], float | None]:
    return {(m.name, m.group): m.value for m in found.measures}


def _cases(subject: Subject) -> Iterator[tuple[Any, Inputs]]:
    return ((config, inputs) for config, _, inputs in subject.cases())


@check(Evaluator)
def measures_are_well_formed(subject: Subject, tries: int) -> None:
    """Each name and group once; numbers, or None with a reason; n at least 1 where there is one."""
    for config, inputs in _cases(subject):
        found = report(subject, config, inputs)
        names = [(m.name, m.group) for m in found.measures]
        ensure(len(set(names)) == len(names), "a measure stands twice")
        ensure(found.measures or found.verdict, "gives neither a measure nor a verdict")
        for m in found.measures:
            ensure(m.value is None or isinstance(m.value, int | float), f"'{m.name}' is no number")
            ensure(m.value is None or not math.isnan(m.value), f"'{m.name}' is NaN")
            ensure(m.value is not None or m.reason, f"'{m.name}' is absent without a reason")
            ensure(m.value is None or m.n >= 1, f"'{m.name}' rests on nothing")


def _many(subject: Subject) -> list[str]:
    names = [n for n, p in subject.spec.calls["evaluate"].ports.items() if p.many]
    if not names:
        raise Skip("has no * port")
    return names


@check(Evaluator)
def order_does_not_matter(subject: Subject, tries: int) -> None:
    """Measures and verdict do not depend on the order of what is gathered."""
    for config, inputs in _cases(subject):
        for port in _many(subject):
            expected = report(subject, config, inputs)
            for order in _orders(inputs.get(port, ()), tries):
                found = report(subject, config, {**inputs, port: order})
                ensure(_close(_values(found), _values(expected)), f"the order of '{port}' matters")
                same = (found.verdict and found.verdict.outcome) == (
                    expected.verdict and expected.verdict.outcome
                )
                ensure(same, f"the order of '{port}' changes the verdict")


def _orders(items: Sequence[Any], tries: int) -> Iterator[list[Any]]:
    if len(items) <= 3:
        yield from map(list, itertools.permutations(items))
        return
    rng = np.random.default_rng(SEED)
    for _ in range(tries):
        yield [items[i] for i in rng.permutation(len(items))]


def _close(a: Mapping[Any, float | None], b: Mapping[Any, float | None]) -> bool:
    def equal(x: float | None, y: float | None) -> bool:
        return x == y or (x is not None and y is not None and math.isclose(x, y, rel_tol=1e-9))

    return set(a) == set(b) and all(equal(a[k], b[k]) for k in a)


def _pairs(subject: Subject) -> Iterator[tuple[Any, Inputs]]:
    if not {"subject", "reference"} <= set(subject.spec.calls["evaluate"].ports):
        raise Skip("compares nothing with a reference")
    for config, inputs in _cases(subject):
        if isinstance(inputs.get("reference"), Image) and "subject" in inputs:
            yield config, inputs


def _better(m: Any, other: float | None) -> bool:
    """Whether measure m is at least as good as another value of it."""
    if m.value is None or other is None or m.direction == "none":
        return True
    slack = 1e-9 * max(1.0, abs(other)) if math.isfinite(other) else 0.0
    good: bool = m.value >= other - slack if m.direction == "up" else m.value <= other + slack
    return good


@check(Evaluator)
def identical_is_ideal(subject: Subject, tries: int) -> None:
    """Nothing scores better than the reference itself."""
    tried = False
    for config, inputs in _pairs(subject):
        ideal = report(subject, config, {**inputs, "subject": inputs["reference"]})
        real = _values(report(subject, config, inputs))
        for m in ideal.measures:
            tried |= m.value is not None
            ensure(_better(m, real.get((m.name, m.group))), f"'{m.name}' prefers another picture")
    if not tried:
        raise Skip("no example has a picture as its reference")


@check(Evaluator)
def degradation_shows(subject: Subject, tries: int) -> None:
    """More noise scores no better, and much noise worse than none, in the declared direction."""
    tried = False
    for config, inputs in _pairs(subject):
        noisy = [_noisy(inputs["reference"], s) for s in (0.0, 0.1, 0.4)]
        reports = [report(subject, config, {**inputs, "subject": n}) for n in noisy]
        for before, after in itertools.pairwise(reports):
            for m in before.measures:
                worse = _values(after).get((m.name, m.group))
                ensure(
                    _better(m, worse), f"'{m.name}' improves with noise: is its direction right?"
                )
        for m in reports[0].measures:
            last = _values(reports[-1])[m.name, m.group]
            tried |= m.direction != "none" and m.value is not None
            ensure(
                m.direction == "none" or m.value is None or m.value != last,
                f"'{m.name}' does not notice heavy noise",
            )
    if not tried:
        raise Skip("no measure with a direction and a picture as its reference")


def _noisy(image: Image, sigma: float) -> Image:
    pixels = image.pixels
    top = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    noise = np.random.default_rng(SEED).normal(0, sigma * top, pixels.shape)
    spoilt = np.clip(pixels + noise, 0, top)
    return Image((spoilt if pixels.dtype.kind == "f" else np.round(spoilt)).astype(pixels.dtype))


@check(Evaluator)
def missing_is_none_with_a_reason(subject: Subject, tries: int) -> None:
    """Without an optional input a measure may be None with its reason; it never becomes 0."""
    loose = [n for n, p in subject.spec.calls["evaluate"].ports.items() if p.optional]
    if not loose:
        raise Skip("needs all its inputs")
    for config, inputs in _cases(subject):
        full = _values(report(subject, config, inputs))
        for port in loose:
            less = report(subject, config, {k: v for k, v in inputs.items() if k != port})
            for m in less.measures:
                before = full.get((m.name, m.group))
                ensure(m.value is not None or m.reason, f"'{m.name}' is absent without a reason")
                ensure(
                    m.value != 0 or before in (0, None),
                    f"without '{port}' the measure '{m.name}' becomes 0",
                )


@check(Evaluator)
def less_evidence_never_passes(subject: Subject, tries: int) -> None:
    """Taking evidence away never turns a verdict into pass; no evidence at all is never pass."""
    seen = False
    for config, inputs in _cases(subject):
        full = report(subject, config, inputs).verdict
        if full is None:
            continue
        for port in _many(subject):
            items, seen = list(inputs.get(port, ())), True
            if not items:
                continue
            fewer = [items[:i] + items[i + 1 :] for i in range(len(items))]
            for rest in [*fewer, []]:
                found = report(subject, config, {**inputs, port: rest}).verdict
                outcome = found.outcome if found else "insufficient"
                ensure(
                    outcome != "pass" or (full.outcome == "pass" and rest),
                    f"with {len(rest)} of {len(items)} pieces of '{port}' the verdict becomes pass",
                )
    if not seen:
        raise Skip("gives no verdict")


@check(Evaluator, "Streaming")
def shards_merge_to_the_whole(subject: Subject, tries: int) -> None:
    """Updates in shards, merged, finish as the same report as all at once."""
    for config, inputs in _cases(subject):
        for port in _many(subject):
            items = list(inputs.get(port, ()))
            whole = subject.make(config)
            state = whole.start()  # type: ignore[attr-defined]
            expected = whole.finish(whole.update(state, items))  # type: ignore[attr-defined]
            for cut in range(len(items) + 1):
                one, two = subject.make(config), subject.make(config)
                left = one.update(one.start(), items[:cut])  # type: ignore[attr-defined]
                right = two.update(two.start(), items[cut:])  # type: ignore[attr-defined]
                found = one.finish(one.merge(left, right))  # type: ignore[attr-defined]
                ensure(_close(_values(found), _values(expected)), f"cut at {cut}: shards differ")
