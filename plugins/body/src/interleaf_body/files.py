"""Motion files of every kind that is read, by their suffix."""

from __future__ import annotations

from pathlib import Path

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body.amc import read_amc
from interleaf_body.bvh import read_bvh

SUFFIXES = (".bvh", ".amc")


def read_motion(file: Path, *, unit: str = "auto", ends: bool = False, fps: float = 0.0) -> Motion:
    """The motion in a .bvh or .amc file. ``fps``: of an AMC file, which does not say it (0: 120)."""
    suffix = file.suffix.lower()
    if suffix == ".bvh":
        return read_bvh(file, unit=unit, ends=ends)
    if suffix == ".amc":
        return read_amc(file, fps=fps or 120.0)
    raise InvalidInput(f"{file}: not a motion file", hint=f"expected {' or '.join(SUFFIXES)}")
