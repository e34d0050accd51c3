"""What ``interleaf run`` asks of this plugin; Ray and fsspec are imported only when they are wanted."""

from __future__ import annotations

from typing import Any

from interleaf.registry.hooks import hookimpl


@hookimpl
def make_executor(uri: str, jobs: int, nproc: int) -> Any:
    """``ray``: a Ray of this run's own; ``ray:ADDRESS`` and ``ray://HOST:PORT``: a running one."""
    scheme, _, rest = uri.partition(":")
    if scheme != "ray":
        return None
    from interleaf_ray.executor import RayExecutor

    return RayExecutor(uri if rest.startswith("//") else rest, jobs, nproc)


@hookimpl
def open_store(uri: str) -> Any:
    """A store on any file system that fsspec knows: ``s3://bucket/folder``, ``file:///mnt/store``."""
    from fsspec.registry import available_protocols

    if uri.partition("://")[0] not in available_protocols():
        return None
    from interleaf_ray.objects import ObjectStore

    return ObjectStore(uri)
