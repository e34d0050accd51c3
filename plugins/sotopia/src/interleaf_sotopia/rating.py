"""Judgements put together: mean scores of each agent in each episode, with everything that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interleaf.interfaces.report import Measure, Report
from interleaf_sotopia.records import Episode
from interleaf_sotopia.scores import OVERALL, SOTOPIA, Dimension, overall


@dataclass
class Rated:
    """The ratings of one episode: means over judges and samples for each agent, None if there are none;
    ``swaps``: absolute differences between the two orders of the agents."""

    scores: list[dict[str, float]] | None = None
    ratings: int = 0
    failed: int = 0
    swaps: list[float] = field(default_factory=list)


def together(
    judgements: Iterable[Mapping[str, Any]], which: Sequence[Dimension] = SOTOPIA
) -> dict[str, Rated]:
    """Ratings by episode. Every judge counts the same, whatever the number of samples it gave."""
    by: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    failed: dict[str, int] = {}
    for j in judgements:
        if j["status"] == "done":
            by.setdefault(j["episode"], {}).setdefault(j["judge"], []).append(j)
        else:
            failed[j["episode"]] = failed.get(j["episode"], 0) + 1
    found = {e: _mean(judges, which) for e, judges in by.items()}
    for e, n in failed.items():
        found.setdefault(e, Rated()).failed = n
    return found


def _mean(judges: Mapping[str, Sequence[Mapping[str, Any]]], which: Sequence[Dimension]) -> Rated:
    agents = len(next(iter(judges.values()))[0]["scores"])
    rows: list[dict[str, float]] = []
    for a in range(agents):
        row = {
            d.name: float(np.mean([np.mean([r["scores"][a][d.name] for r in rs]) for rs in judges.values()]))
            for d in which
        }  # fmt: skip
        rows.append({**row, OVERALL: overall(row, which)})
    every = [r for rs in judges.values() for r in rs]
    return Rated(rows, len(every), 0, [s for rs in judges.values() for s in _swaps(rs)])


def _swaps(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """|difference| between a rating and its twin with the agents in the other order, each dimension."""
    plain = {r["sample"]: r["scores"] for r in rows if not r["swapped"]}
    return [
        abs(first[d] - second[d])
        for r in rows
        if r["swapped"] and r["sample"] in plain
        for first, second in zip(plain[r["sample"]], r["scores"], strict=True)
        for d in first
    ]


def report(
    episodes: Sequence[Episode],
    rated: Mapping[str, Rated],
    which: Sequence[Dimension] = SOTOPIA,
    seed: int = 0,
) -> Report:
    """Mean scores of each model with intervals over scenarios, and of each agent of each episode (group
    ``model/agent_n/episode``); episodes without a rating are counted, never scored."""
    names = [*(d.name for d in which), OVERALL]
    rows = [
        (e, a, model, values[a])
        for e in episodes
        if (r := rated.get(e.id)) and (values := r.scores) is not None
        for a, model in enumerate(e.models)
    ]
    measures = [m for n in names for m in _means(n, rows, seed)]
    unrated = sum(1 for e in episodes if not (e.id in rated and rated[e.id].scores))
    failed = sum(r.failed for r in rated.values())
    measures += [
        Measure(name="episodes", value=float(len(episodes)), n=max(1, len(episodes))),
        Measure(name="unrated", value=float(unrated), direction="down", n=max(1, len(episodes))),
        Measure(
            name="failed_ratings", value=float(failed), direction="down", n=max(1, len(episodes))
        ),
        _swap(rated),
    ]
    measures += [
        Measure(name=n, value=v[n], direction="up", group=f"{model}/agent_{a}/{e.id}")
        for e, a, model, v in rows
        for n in names
    ]
    return Report(tuple(measures))


def _means(
    name: str, rows: Sequence[tuple[Episode, int, str, Mapping[str, float]]], seed: int
) -> list[Measure]:
    models = list(dict.fromkeys(model for _, _, model, _ in rows))
    if not models:
        return [Measure(name=name, value=None, reason="no episode has a rating", direction="up")]
    found = []
    for group in ["", *models]:
        chosen = [(e.task.scenario.id, v[name]) for e, _, model, v in rows if group in ("", model)]
        values = np.array([v for _, v in chosen])
        interval = clustered_interval(values, [c for c, _ in chosen], seed)
        found.append(Measure(name=name, value=float(values.mean()), direction="up", group=group,
                             n=len(values), interval=interval))  # fmt: skip
    return found


def _swap(rated: Mapping[str, Rated]) -> Measure:
    found = [s for r in rated.values() for s in r.swaps]
    if not found:
        return Measure(
            name="swap_difference",
            value=None,
            reason="no episode was rated in both orders",
            direction="down",
        )
    return Measure(
        name="swap_difference", value=float(np.mean(found)), direction="down", n=len(found)
    )


def clustered_interval(
    values: Any, clusters: Sequence[Any], seed: int = 0, draws: int = 2000
) -> tuple[float, float] | None:
    """95 % interval of a mean, clusters resampled whole; None for fewer than two clusters."""
    names = list(dict.fromkeys(clusters))
    if len(names) < 2:
        return None
    place = {c: i for i, c in enumerate(names)}
    index = np.array([place[c] for c in clusters])
    sums = np.bincount(index, weights=np.asarray(values, float), minlength=len(names))
    sizes = np.bincount(index, minlength=len(names)).astype(float)
    chosen = np.random.default_rng(seed).integers(0, len(names), (draws, len(names)))
    means = sums[chosen].sum(1) / sizes[chosen].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
