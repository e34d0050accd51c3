"""Objects in .npy files, which are pickles: read with nothing but plain values and arrays allowed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import BadScene

ALLOWED = {
    (f"numpy.{core}.multiarray", "_reconstruct"): "array"
    for core in ("core", "_core")
} | {("numpy", "ndarray"): "array", ("numpy", "dtype"): "dtype"}  # fmt: skip


class Plain(pickle.Unpickler):
    """Knows numbers, text, lists, dicts and numpy arrays; anything else is refused before it is made."""

    def find_class(self, module: str, name: str) -> Any:
        """The only names that a pickle may call."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def read_objects(file: Path) -> Any:
    """The value of an .npy file, a pickle or not; BadScene where it is neither or wants to run something."""
    try:
        with file.open("rb") as held:
            version = np.lib.format.read_magic(held)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }.get(version)
            if read is None:
                raise ValueError(f"version {version}")
            shape, _, dtype = read(held)
            if not dtype.hasobject:
                return np.load(file, allow_pickle=False)
            found: Any = Plain(held).load()
    except Exception as error:  # unpickling raises whatever its bytes lead it to
        raise BadScene(
            f"{file}: cannot be read as plain values ({str(error)[:200]})",
            "a file of numbers, text and arrays; nothing else is unpickled",
        ) from None
    if shape == () and isinstance(found, np.ndarray) and found.shape == ():
        return found.item()
    return found
