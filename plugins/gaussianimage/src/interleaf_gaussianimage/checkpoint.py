"""Keeping a fit across a killed attempt."""

import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from interleaf_gaussianimage.splats import Floats

SAVE_EVERY = 2.0  # seconds


class Resumable(Protocol):
    """Work whose state is arrays."""

    @property
    def state(self) -> dict[str, Floats]:
        """All that `restore` needs."""

    def restore(self, state: Mapping[str, Floats]) -> None:
        """Go on from there; raises ValueError where it cannot."""


class Checkpoint:
    """A file in `folder` that holds a fit's state; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.file = folder / "fit.npz" if folder else None
        self.saved = time.monotonic()

    def restore(self, fitting: Resumable) -> None:
        """Continue a fit that was cut off, if there is one; a file that cannot be read is ignored."""
        if self.file is None or not self.file.is_file():
            return
        try:
            with np.load(self.file, allow_pickle=False) as state:
                fitting.restore(dict(state))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return  # from the beginning: slower, the same result

    def save(self, fitting: Resumable) -> None:
        """Write the state every `SAVE_EVERY` seconds; it appears whole."""
        if self.file is None or time.monotonic() - self.saved < SAVE_EVERY:
            return
        partial = self.file.with_suffix(".part")
        with partial.open("wb") as out:
            np.savez(out, **fitting.state)  # type: ignore[arg-type]
            out.flush()
            os.fsync(out.fileno())
        partial.replace(self.file)
        self.saved = time.monotonic()
