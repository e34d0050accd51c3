"""Checks of schedules and their laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Schedule
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import SEED, Subject

FAR = 1e12  # how far an endless schedule is asked
Table = Mapping[str, np.ndarray[Any, Any]]


def each(subject: Subject) -> list[Any]:
    """A schedule of every configuration."""
    return [subject.make(config) for config in subject.examples.configs]


def points(schedule: Any, tries: int) -> np.ndarray[Any, Any]:
    """Ends, near ends, and points between, in order; far out for an endless one."""
    start, stop = schedule.domain.start, schedule.domain.stop
    last = FAR if stop is None else stop
    rng = np.random.default_rng(SEED)
    inner = start + (min(last, start + 1e6) - start) * rng.uniform(0, 1, 20 * tries)
    near = [start, np.nextafter(start, last), np.nextafter(last, start), last]
    found: np.ndarray[Any, Any] = np.unique(np.clip([*near, *inner], start, last))
    return found


@check(Schedule)
def total_finite_and_pure(subject: Subject, tries: int) -> None:
    """A finite number for every point, the same in any order and one by one."""
    for schedule in each(subject):
        xs = points(schedule, tries)
        table: Table = schedule.table(xs)
        ensure(table, "gives no values")
        order = np.random.default_rng(SEED).permutation(len(xs))
        shuffled: Table = schedule.table(xs[order])
        for name, values in table.items():
            ensure(np.shape(values) == xs.shape, f"'{name}' has the shape {np.shape(values)}")
            ensure(np.isfinite(values).all(), f"'{name}' is not finite everywhere")
            ensure(np.array_equal(values[order], shuffled[name]), f"'{name}' depends on the order")
            alone = [schedule.at(float(x))[name] for x in xs[:: max(1, len(xs) // 10)]]
            ensure(
                np.array_equal(alone, values[:: max(1, len(xs) // 10)]),
                f"'{name}' differs between one point and many",
            )


@check(Schedule)
def outside_is_an_error(subject: Subject, tries: int) -> None:
    """Before the start, behind the stop, and what is no number, are InvalidInput."""
    for schedule in each(subject):
        domain = schedule.domain
        ensure(domain.stop is None or domain.stop > domain.start, "the domain is empty")
        outside = [domain.start - 1, float("nan"), float("inf")]
        outside += [] if domain.stop is None else [domain.stop + 1]
        for x in outside:
            try:
                schedule.table([x])
            except InvalidInput:
                continue
            ensure(False, f"{x} lies outside the domain and gives a value")


def law(name: str) -> Callable[[Callable[[Any, Table, np.ndarray[Any, Any]], str]], None]:
    """Register a law: a function of schedule, table and points that says what is wrong, or ''."""

    def register(wrong: Callable[[Any, Table, np.ndarray[Any, Any]], str]) -> None:
        def run(subject: Subject, tries: int) -> None:
            for schedule in each(subject):
                xs = points(schedule, tries)
                fault = wrong(schedule, schedule.table(xs), xs)
                ensure(not fault, fault)

        run.__name__, run.__doc__ = wrong.__name__, wrong.__doc__
        check(Schedule, name)(run)

    return register


@law("NonNegative")
def never_negative(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """No value is below 0."""
    return next((f"'{n}' falls below 0" for n, v in table.items() if (v < 0).any()), "")


@law("Simplex")
def shares_sum_to_one(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """Values are at least 0 and sum to 1 at every point."""
    stacked = np.stack(list(table.values()))
    if (stacked < 0).any():
        return "a share is negative"
    return "" if np.allclose(stacked.sum(0), 1, atol=1e-9) else "the shares do not sum to 1"


@law("Monotone")
def never_turns(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """Every value only rises or only falls."""
    for name, values in table.items():
        steps = np.diff(values)
        slack = 1e-12 * max(1.0, float(np.abs(values).max()))
        if (steps > slack).any() and (steps < -slack).any():
            return f"'{name}' rises and falls"
    return ""


@law("Bounded")
def stays_between_its_ends(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """No value leaves the range between those at the two ends."""
    for name, values in table.items():
        low, high = sorted((values[0], values[-1]))
        slack = 1e-12 * max(1.0, abs(low), abs(high))
        if (values < low - slack).any() or (values > high + slack).any():
            return f"'{name}' leaves {low:g}..{high:g}"
    return ""


@law("VariancePreserving")
def squares_sum_to_one(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """alpha² + sigma² = 1 at every point."""
    if not {"alpha", "sigma"} <= set(table):
        return "gives no alpha and sigma"
    total = table["alpha"] ** 2 + table["sigma"] ** 2
    return "" if np.allclose(total, 1, atol=1e-9) else "alpha² + sigma² is not 1"


@law("Budget")
def spends_its_budget(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """The values at all whole points before the stop sum to ``budget``."""
    start, stop = schedule.domain.start, schedule.domain.stop
    if stop is None:
        return "an endless schedule has no budget"
    values: Table = schedule.table(np.arange(start, stop))
    spent = sum(float(v.sum()) for v in values.values())
    budget = float(schedule.budget)
    return "" if np.isclose(spent, budget, rtol=1e-9) else f"spends {spent:g} of {budget:g}"


@law("Periodic")
def repeats(schedule: Any, table: Table, xs: np.ndarray[Any, Any]) -> str:
    """The value one ``period`` later is the same."""
    period, stop = schedule.period, schedule.domain.stop
    first = xs[: len(xs) // 2] if stop is None else xs[xs + period <= stop]
    first = first[first < 1e9]
    if not len(first) or period <= 0:
        return "the domain holds less than two periods"
    here: Table = schedule.table(first)
    later: Table = schedule.table(first + period)
    same = all(np.allclose(here[n], later[n], atol=1e-6) for n in here)
    return "" if same else "the value one period later differs"
