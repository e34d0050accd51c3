"""Tasks measured through lm-eval-harness, told as a Report."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import datasets
import jinja2.sandbox
import lm_eval.evaluator
import lm_eval.utils
import numpy as np
import torch
from lm_eval import simple_evaluate
from lm_eval.api.registry import METRIC_REGISTRY
from lm_eval.tasks import TaskManager

from interleaf.errors import InterleafError, InvalidInput, did_you_mean
from interleaf.interfaces.report import Measure, Report
from interleaf_gemma.evaluating.harness import Harness
from interleaf_gemma.evaluating.tasks import Task

SHARES = ("acc", "acc_norm", "exact_match", "acc_mutual_info")  # means of 0 and 1


def measured(
    harness: Harness, tasks: Sequence[Task], limit: int = 0, shots: int = -1, seed: int = 0
) -> Report:
    """Each task's metrics (``acc/piqa``), its first one as ``score/piqa``, their mean as ``score``.

    ``limit``: documents of each task (0: all); ``shots``: instead of the task's own (−1). What cannot be
    measured is None with its reason, and so then is the mean. InvalidInput for a task the harness refuses.
    """
    rows = [m for task in tasks for m in _of_task(harness, task, limit, shots, seed)]
    scores = [m for m in rows if m.name == "score"]
    absent = [m.group for m in scores if m.value is None]
    known = [m.value for m in scores if m.value is not None]
    mean = None if absent or not known else math.fsum(known) / len(known)
    reason = f"not measured: {', '.join(absent)}" if absent else "" if known else "no task"
    whole = Measure(name="score", value=mean, reason=reason, direction="up", n=max(len(known), 1))
    return Report(measures=(whole, *rows))


def _of_task(harness: Harness, task: Task, limit: int, shots: int, seed: int) -> Iterator[Measure]:
    if task.unavailable:
        yield Measure(
            name="score", value=None, reason=task.unavailable, direction="up", group=task.name
        )
        return
    before = harness.cut
    found = _run(harness, task, limit, shots, seed)
    n = int(found["n-samples"][task.name]["effective"])
    settings = {"shots": found["n-shot"][task.name], "limit": limit, "cut": harness.cut - before}
    better = found["higher_is_better"][task.name]
    first = True
    for key, value in found["results"][task.name].items():
        metric, _, chosen = key.partition(",")
        if not chosen or metric.endswith("_stderr") or not isinstance(value, int | float):
            continue
        name = metric if chosen == "none" else f"{metric}.{chosen}"
        measure = _measure(name, float(value), n, better.get(metric), task.name, settings)
        yield measure
        if first:
            yield _score(measure)
        first = False


def _measure(
    name: str, value: float, n: int, higher: bool | None, group: str, settings: Mapping[str, Any]
) -> Measure:
    direction: Any = "none" if higher is None else "up" if higher else "down"
    known = math.isfinite(value)
    interval = wilson(value, n) if known and name.partition(".")[0] in SHARES else None
    return Measure(
        name=name, value=value if known else None, reason="" if known else f"{value} is no number",
        direction=direction, n=n, interval=interval, group=group, settings=settings,
    )  # fmt: skip


def _score(m: Measure) -> Measure:
    """The task's first metric, turned so that more is better."""
    value = -m.value if m.direction == "down" and m.value is not None else m.value
    return Measure(
        name="score", value=value, reason=m.reason, direction="up", n=m.n, group=m.group,
        interval=m.interval, settings={**m.settings, "metric": m.name},
    )  # fmt: skip


def _run(harness: Harness, task: Task, limit: int, shots: int, seed: int) -> Any:
    for metric in task.config.get("metric_list") or ():
        name = metric.get("metric") if isinstance(metric, Mapping) else None
        if name not in METRIC_REGISTRY:  # others would be downloaded
            raise InvalidInput(
                f"task '{task.name}' asks for the metric {name!r}", hint=_near(str(name))
            )
    tables = {k: datasets.Dataset.from_list(v) for k, v in task.documents.items()}
    config = {**task.config, "custom_dataset": lambda **_: tables}
    with _quiet(), _sandboxed(), _random_as_it_was():
        try:
            return simple_evaluate(
                model=harness, tasks=[config], task_manager=TaskManager(include_defaults=False),
                limit=limit or None, num_fewshot=None if shots < 0 else shots, log_samples=False,
                bootstrap_iters=0, random_seed=None, numpy_random_seed=None,
                torch_random_seed=None, fewshot_random_seed=seed % 2**32,
            )  # fmt: skip
        except InterleafError:
            raise
        except Exception as error:  # the harness raises what it likes
            told = f"{type(error).__name__}: {error}"
            raise InvalidInput(
                f"task '{task.name}' cannot be run: {told}",
                hint="compare its templates with its documents",
            ) from error


def _near(name: str) -> str:
    return did_you_mean(name, list(METRIC_REGISTRY))


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n (Wilson, 1927)."""
    z2 = 1.959964**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(max(share * (1 - share), 0) * z2 / n + z2**2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


@contextmanager
def _sandboxed() -> Iterator[None]:
    """A task's templates reach nothing but its documents."""
    plain = lm_eval.utils.env
    boxed = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    boxed.filters.update(plain.filters)
    lm_eval.utils.env = boxed
    try:
        yield
    finally:
        lm_eval.utils.env = plain


@contextmanager
def _random_as_it_was() -> Iterator[None]:
    """The harness draws from global generators."""
    ours, numpys = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng([]):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)


@contextmanager
def _quiet() -> Iterator[None]:
    """The harness's hints are for those who write its configuration files."""
    asked = {n: getattr(lm_eval.evaluator, n) for n in ("get_git_commit_hash", "add_env_info")}
    for name in asked:  # they start git and pip, seconds for every task
        setattr(lm_eval.evaluator, name, lambda *_: "")
    loggers = [logging.getLogger(n) for n in ("lm_eval", "lm-eval")]
    levels = [log.level for log in loggers]
    for log in loggers:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, function in asked.items():
            setattr(lm_eval.evaluator, name, function)
        for log, level in zip(loggers, levels, strict=True):
            log.setLevel(level)
