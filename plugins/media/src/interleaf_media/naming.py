"""File names: natural order, and ids that are unique."""

import re
from collections.abc import Sequence
from pathlib import Path


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which 2 comes before 10."""
    return [(0, int(t), t) if t.isdecimal() else (1, 0, t) for t in re.split(r"(\d+)", name) if t]


def named(root: Path, files: Sequence[Path]) -> dict[str, Path]:
    """Files by relative name without suffix, with it where two would be called the same."""
    bare = [f.relative_to(root).with_suffix("").as_posix() for f in files]
    whole = [f.relative_to(root).as_posix() for f in files]
    return {b if bare.count(b) == 1 else w: f for b, w, f in zip(bare, whole, files, strict=True)}
