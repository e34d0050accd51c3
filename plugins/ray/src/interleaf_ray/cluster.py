"""Ray at hand: one of the run's own on this machine, or one that is running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray reads it: nothing is reported

import ray
from ray.exceptions import RayError

from interleaf.errors import InterleafError

__all__ = ["RayError", "connected", "ray", "require", "start"]

OBJECTS = 100 << 20  # bytes of Ray's own object store: results travel through ours
STARTS = 3  # Ray gives itself 30 s to start, which a busy machine may exceed


@contextmanager
def connected(address: str, cpus: int) -> Iterator[None]:
    """With Ray at ``address``; ``local`` starts one with ``cpus``. One that was there before stays."""
    if ray.is_initialized():
        yield
        return
    start(cpus) if address == "local" else _join(address)
    try:
        yield
    finally:
        ray.shutdown()


def start(cpus: int) -> None:
    """Start Ray on this machine, without a dashboard."""
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(
                "local", num_cpus=cpus, object_store_memory=OBJECTS, include_dashboard=False,
                log_to_driver=False, logging_level="ERROR",
            )  # fmt: skip
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if attempt == STARTS:
                raise InterleafError(
                    f"Ray does not start on this machine: {error}",
                    hint="--jobs N runs steps side by side without it",
                ) from error


def require(cpus: int) -> None:
    """Refuse a step that no machine has the cores for: Ray would wait for ever."""
    most = max((n["Resources"].get("CPU", 0) for n in ray.nodes() if n["Alive"]), default=0)
    if most < cpus:
        raise InterleafError(
            f"a step asks for {cpus} cores, and no machine of this Ray has more than {most:g}",
            hint="lower --threads or --nproc",
        )


def _join(address: str) -> None:
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RayError, ValueError) as error:
        raise InterleafError(
            f"cannot reach Ray at '{address}': {error}",
            hint="--executor ray starts one on this machine",
        ) from error
