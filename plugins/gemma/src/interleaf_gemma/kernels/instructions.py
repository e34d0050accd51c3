"""Which vector instructions the kernels may use, and where their compiled code is kept."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numba
from llvmlite import binding

Level = Literal["avx512-vnni", "avx512", "avx2", "portable"]
LEVELS: tuple[Level, ...] = get_args(Level)
MASK = "INTERLEAF_GEMMA_ISA"  # at most this level, for tests and benchmarks
NEEDS = {
    "avx512-vnni": {"avx512f", "avx512bw", "avx512vl", "avx512vnni"},
    "avx512": {"avx512f", "avx512bw", "avx512vl"},
    "avx2": {"avx2", "fma", "f16c"},
    "portable": set[str](),
}
# LLVM's names of processors with a level and no more. (x86-64-v3 with AVX-512 added takes it minutes.)
TARGETS = {"avx512": "skylake-avx512", "avx2": "x86-64-v3", "portable": "generic"}


def machine() -> Level:
    """The best level that this processor has."""
    have = {name for name, there in binding.get_host_cpu_features().items() if there}
    return next(level for level in LEVELS if have >= NEEDS[level])


@lru_cache
def level() -> Level:
    """The level in use: the processor's, or the lower one that ``INTERLEAF_GEMMA_ISA`` allows.

    A mask holds for everything that numba compiles afterwards in this process.
    """
    mask, best = os.environ.get(MASK), machine()
    if not mask or mask == best:
        return best
    if mask not in LEVELS or LEVELS.index(mask) < LEVELS.index(best):
        usable = ", ".join(LEVELS[LEVELS.index(best) :])
        raise ValueError(f"{MASK}={mask}: this processor can do {usable}")
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = TARGETS[mask], ""
    return mask


@lru_cache
def _cache_folder() -> str:
    """Compiled code is kept for exactly these sources: numba itself looks at one file only."""
    digest = hashlib.blake2b(level().encode(), digest_size=8)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "interleaf" / "gemma-kernels" / digest.hexdigest())


@contextmanager
def _own_cache() -> Iterator[None]:
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or _cache_folder()
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def compiled(function: Callable[..., Any]) -> Any:
    """The function compiled at its first call, without the GIL, and kept between processes."""
    level()
    with _own_cache():
        return numba.njit(nogil=True, cache=True, error_model="numpy", no_cfunc_wrapper=True)(
            function
        )


def internal(function: Callable[..., Any]) -> Any:
    """The same for a function that only compiled ones call: a part of what is kept of them."""
    level()
    return numba.njit(
        nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
    )(function)


@lru_cache
def announce() -> None:
    """Say so, once, if the kernels have yet to be compiled for this processor and this version."""
    if not any(Path(numba.config.CACHE_DIR or _cache_folder()).rglob("step.step-*.nbi")):
        print("gemma: compiling for this processor, once, about 15 s of its time", file=sys.stderr)
