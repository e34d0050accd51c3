"""The largest resident memory of this process, where the system tells."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache

_HIGH_WATER = re.compile(rb"VmHWM:\s*(\d+) kB")


@lru_cache(maxsize=1)
def _files(pid: int) -> tuple[int, int] | None:
    """What resets and what tells the peak of process ``pid``, kept open; None where there is none."""
    try:
        return os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC), os.open(
            "/proc/self/status", os.O_RDONLY | os.O_CLOEXEC
        )
    except OSError:
        return None


def reset_peak() -> None:
    """Start measuring anew (Linux; elsewhere the peak is that of the whole process)."""
    files = _files(os.getpid())
    if files:
        os.pwrite(files[0], b"5", 0)


def peak_mib() -> float:
    """The peak in MiB since :func:`reset_peak`, or since the process began."""
    files = _files(os.getpid())
    found = _HIGH_WATER.search(os.pread(files[1], 4096, 0)) if files else None
    if found:
        return round(int(found[1]) / 1024, 1)
    import resource

    unit = 1 << 20 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
