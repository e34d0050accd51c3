"""How a call is made and what it may return: shared by the runner and the conformance kit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from interleaf.errors import InterleafError
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.model import Fitted, Model
from interleaf.kinds import item_kind
from interleaf.pipeline.collection import as_dataset
from interleaf.registry.live import class_of
from interleaf.values import Artifact


def accepts(method: Callable[..., Any], name: str) -> bool:
    """Whether a method takes the keyword ``name``."""
    return _accepts(getattr(method, "__func__", method), name)


@lru_cache(maxsize=1024)
def _accepts(method: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(method).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def outputs_by_name(
    result: Any, gives: Mapping[str, str], who: str, media_type: str = ""
) -> dict[str, Any]:
    """What a call returned, by port, checked against what its descriptor declares."""
    if isinstance(result, Fitted):
        result = {"model": result.model, "log": result.log}
    elif len(gives) == 1 and not (isinstance(result, Mapping) and set(result) == set(gives)):
        result = {next(iter(gives)): result}
    if not isinstance(result, Mapping) or not set(gives) <= set(result):
        raise InterleafError(f"{who} should give {', '.join(gives)}; it returned {_told(result)}")
    return {
        port: _output(result[port], kind, port, who, media_type) for port, kind in gives.items()
    }


def _output(value: Any, kind: str, port: str, who: str, media_type: str) -> Any:
    if kind == "bytes" and isinstance(value, bytes):
        value = Artifact(value, media_type)
    if item_kind(kind) is not None and kind != "frames":
        value = as_dataset(value)
    if not (kind == "model" and isinstance(value, Model)):
        check_kind(value, kind, f"output '{port}' of {who}")
    return value


def _told(result: Any) -> str:
    return (
        f"{', '.join(map(str, result))}" if isinstance(result, Mapping) else type(result).__name__
    )


def check_kind(value: Any, kind: str, what: str) -> None:
    """Raise InterleafError unless ``value`` is of the class that holds ``kind``."""
    expected = Dataset if kind.startswith("dataset[") else class_of(kind)
    if kind == "schedule" or expected is None or isinstance(value, expected):
        return
    raise InterleafError(
        f"{what} should be {kind} ({expected.__name__}), got {type(value).__name__}"
    )
