"""Processes that hold nothing of this one: to measure memory in, or for libraries that keep state."""

from __future__ import annotations

from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext

_begun_with: list[str] = []


def apart(module: str) -> BaseContext:
    """A context whose processes begin with ``module`` imported, where the system can (forkserver).

    There is one server for a whole process: the modules of all callers are named to it, so that none
    undoes another's. Elsewhere processes are spawned, which takes longer and gives the same.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    if module not in _begun_with:
        _begun_with.append(module)
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_begun_with))
    return context
