"""Checks that one computation does not depend on how it is done: alone or in a batch, by which code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import numpy as np

from interleaf.errors import PluginMissing
from interleaf.interfaces import Dataset, Model
from interleaf.pipeline.collection import as_dataset
from interleaf.pipeline.params import fields_of
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import Skip, Subject
from interleaf.values import Table

CLOSE = 1e-4  # of the largest magnitude: what float32 sums in another order may differ by


@check(Model, "Scored")
def a_batch_changes_nothing(subject: Subject, tries: int) -> None:
    """Sequences scored together get the numbers that each gets alone."""
    tried = False
    for config in subject.examples.configs:
        for inputs in subject.inputs("logprobs"):
            port, many = _batch(inputs)
            if not port:
                continue
            tried = True
            model = subject.ready(config, "logprobs")
            together = _rows(subject.call(model, "logprobs", inputs))
            alone = [
                row
                for item in many
                for row in _rows(subject.call(model, "logprobs", {**inputs, port: [item]}))
            ]
            ensure(
                len(together) == len(alone), f"{len(many)} sequences give {len(together)} results"
            )
            for place, (one, other) in enumerate(zip(together, alone, strict=True)):
                ensure(close(one, other), f"sequence {place} scores otherwise in a batch")
    if not tried:
        raise Skip("no example gives several sequences at once")


def _batch(inputs: Mapping[str, Any]) -> tuple[str, list[Any]]:
    for name, value in inputs.items():
        items = list(value) if isinstance(value, list | tuple | Dataset) else []
        if len(items) > 1:
            return name, items
    return "", []


def _rows(outputs: Mapping[str, Any]) -> list[Any]:
    """One entry for each sequence."""
    value = next(iter(outputs.values()))
    if isinstance(value, Table):
        return list(value.rows)
    return list(as_dataset(value))


@check()
def backends_agree(subject: Subject, tries: int) -> None:
    """Every choice of a ``backend`` parameter computes the same, up to rounding."""
    annotation, _ = fields_of(subject.cls.Config).get("backend", (None, None))
    names = get_args(annotation) if get_origin(annotation) is Literal else ()
    if len(names) < 2:
        raise Skip("has no choice of backends")
    compared = 0
    for config in subject.examples.configs:
        for name in subject.calls:
            for inputs in subject.inputs(name):
                found = dict(_by_backend(subject, config, name, inputs, names))
                compared += len(found) > 1
                first, *others = found
                for other in others:
                    ensure(
                        close(found[first], found[other]),
                        f"'{name}' gives other results with backend {other} than with {first}",
                    )
    if not compared:
        raise Skip("only one backend is installed")


def _by_backend(
    subject: Subject, config: Any, name: str, inputs: Mapping[str, Any], names: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    for backend in names:
        chosen = dataclasses.replace(config, backend=backend)
        try:
            yield backend, subject.call(subject.ready(chosen, name), name, inputs)
        except PluginMissing:
            continue


def close(one: Any, other: Any) -> bool:
    """Equal up to rounding: floats by ``CLOSE`` of the largest, whole numbers by 1, the rest exactly."""
    if dataclasses.is_dataclass(one):
        if type(one) is not type(other):
            return False
        names = [f.name for f in dataclasses.fields(one)]
        return all(close(getattr(one, n), getattr(other, n)) for n in names)
    if isinstance(one, Mapping):
        return set(one) == set(other) and all(close(one[k], other[k]) for k in one)
    if isinstance(one, Dataset):
        return close(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, np.ndarray | float | np.number) and not isinstance(one, bool):
        a, b = np.asarray(one), np.asarray(other)
        if a.shape != b.shape or a.dtype.kind not in "fiu":
            return a.shape == b.shape and bool(np.array_equal(a, b))
        a, b = a.astype(float), b.astype(float)
        whole = np.asarray(one).dtype.kind in "iu"
        allowed = 1.0 if whole else CLOSE * max(1.0, np.abs(a).max(initial=0))
        return bool(np.array_equal(np.isnan(a), np.isnan(b))) and bool(
            np.nanmax(np.abs(a - b), initial=0) <= allowed
        )
    return bool(one == other)
