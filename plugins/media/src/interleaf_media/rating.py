"""A page on which people choose between two results, blind, and what their answers say.

The page is one HTML file without a server; answers leave it as a JSON file that the rater saves.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interleaf.errors import CorruptData, InvalidInput
from interleaf_media.inline import shown

CHOICES = ("left", "right", "tie")
KEYS = {"item": str, "left": str, "right": str, "choice": str}


def page(
    methods: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
    question: str,
    seed: int = 0,
    limit: int = 0,
) -> str:
    """HTML for ``methods``: name → item id → value. Every pair of methods on every item that both have, in
    random order and on random sides; at most ``limit`` pairs (0: all). Names never show on screen."""
    rng = np.random.default_rng(seed)
    pairs = [
        (item, a, b)
        for a, b in itertools.combinations(methods, 2)
        for item in methods[a]
        if item in methods[b]
    ]
    if not pairs:
        raise InvalidInput(
            "no two results of one item to choose between", hint="at least two methods"
        )
    order = rng.permutation(len(pairs))[: limit or None]
    trials: list[dict[str, str]] = []
    used: dict[tuple[str, str], str] = {}
    for i in order:
        item, a, b = pairs[i]
        a, b = (b, a) if rng.random() < 0.5 else (a, b)
        for method in (a, b):
            used.setdefault((method, item), f"v{len(used)}")
        trials.append({"item": item, "left": a, "right": b, "l": used[a, item], "r": used[b, item]})
    values = "".join(
        f'<template id="{key}">{shown(methods[m][item])}</template>\n'
        for (m, item), key in used.items()
    )
    data = {"version": 1, "question": question, "trials": trials}
    data["page"] = blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=8).hexdigest()
    script = json.dumps(data).replace("<", "\\u003c").replace("&", "\\u0026")
    text = files("interleaf_media").joinpath("rating.html").read_text("utf-8")
    for mark, filled in (
        ("@title@", escape(title)), ("@question@", escape(question)), ("@data@", script),
        ("@values@", values),
    ):  # fmt: skip
        text = text.replace(mark, filled, 1)
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice of one rater."""

    rater: str
    item: str
    left: str
    right: str
    choice: str


def read_answers(root: Path) -> list[Answer]:
    """The answers in a JSON file, or in every one of a folder; raises InvalidInput, CorruptData."""
    found = sorted(root.glob("*.json")) if root.is_dir() else [root]
    if not found or not all(f.is_file() for f in found):
        raise InvalidInput(f"{root}: no answers", hint="JSON files that raters saved from the page")
    return [answer for file in found for answer in _read(file)]


def _read(file: Path) -> list[Answer]:
    try:
        data = json.loads(file.read_bytes())
        rows = data["answers"]
        rater = str(data.get("rater") or file.stem)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptData(
            f"{file}: is no file of answers", hint="save it from the rating page"
        ) from error
    out = []
    for number, row in enumerate(rows if isinstance(rows, list) else [None]):
        good = isinstance(row, dict) and all(isinstance(row.get(k), t) for k, t in KEYS.items())
        if not good or row["choice"] not in CHOICES or row["left"] == row["right"]:
            raise CorruptData(
                f"{file}: answers[{number}] needs item, left, right, choice ({', '.join(CHOICES)})"
            )
        out.append(Answer(rater, *(row[k] for k in KEYS)))
    return out


@dataclass(frozen=True, slots=True)
class Ranking:
    """``wins`` [M, M] (row over column, ties half); ``ranks`` [B, M] of each block, a rater's view of one
    item in which all pairs were judged; 1 is best."""

    methods: tuple[str, ...]
    wins: NDArray[np.float64]
    ranks: NDArray[np.float64]


def ranking(answers: Sequence[Answer]) -> Ranking:
    """Count them; an answer given twice to one question counts as its mean."""
    methods = tuple(sorted({m for a in answers for m in (a.left, a.right)}))
    place = {m: i for i, m in enumerate(methods)}
    count = len(methods)
    blocks: dict[tuple[str, str], NDArray[np.float64]] = {}
    seen: dict[tuple[str, str], NDArray[np.float64]] = {}
    for a in answers:
        key, i, j = (a.rater, a.item), place[a.left], place[a.right]
        points = {"left": 1.0, "right": 0.0, "tie": 0.5}[a.choice]
        blocks.setdefault(key, np.zeros((count, count)))[[i, j], [j, i]] += (points, 1 - points)
        seen.setdefault(key, np.zeros((count, count)))[[i, j], [j, i]] += 1
    means = {
        k: np.divide(b, seen[k], out=np.zeros_like(b), where=seen[k] > 0) for k, b in blocks.items()
    }
    whole = [m for k, m in means.items() if (seen[k] + np.eye(count) > 0).all()]
    ranks = np.array([_ranks(m.sum(1)) for m in whole]).reshape(-1, count)
    return Ranking(methods, sum(means.values(), np.zeros((count, count))), ranks)


def _ranks(points: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(-points), np.float64)


def bootstrap(
    ranks: NDArray[np.float64], seed: int = 0, times: int = 2000
) -> list[tuple[float, float]]:
    """95 % intervals of the M mean ranks, over resampled blocks."""
    rng = np.random.default_rng(seed)
    means = ranks[rng.integers(0, len(ranks), (times, len(ranks)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return list(zip(map(float, low), map(float, high), strict=True))


def friedman(ranks: NDArray[np.float64]) -> tuple[float, float] | str:
    """χ² and p of the Friedman test, or why it cannot be made."""
    from scipy.stats import friedmanchisquare

    blocks, methods = ranks.shape
    if methods < 3:
        return "the Friedman test compares at least 3 methods"
    if blocks < 2:
        return f"{blocks} complete block{'s' if blocks != 1 else ''}; at least 2 are needed"
    if (ranks == ranks[:, :1]).all():
        return "all methods are tied everywhere"
    statistic, p = friedmanchisquare(*(-ranks).T)
    return float(statistic), float(p)
