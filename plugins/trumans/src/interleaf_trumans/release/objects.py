"""Which objects stand where in a frame of the release: points, moved as the authors' loader does."""

from __future__ import annotations

import numpy as np

from interleaf_trumans.release.files import GRID, Folder
from interleaf_trumans.scenes.surface import Array, BadScene

CELL = 0.02
CORNER = np.array([-3.0, 0.0, -4.0])
FOLDERS = ("Object_chairs/Object", "Object")


class Objects:
    """The objects of a release; their points are read once."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        roots = [folder.root / f for f in FOLDERS]
        self.root = next((r for r in roots if r.is_dir()), roots[0])
        # The loader counts the files in the order of their names, not in that of object_list.
        self.files = sorted(self.root.glob("*.npy"))
        self._points: dict[int, Array] = {}

    def points(self, row: int) -> Array:
        """Occupied points [P, 3] of all objects in a row, metres; empty where there are none.

        A flag from 0 on is a place in ``object_mat`` (the documentation says from 1 on; the loader is
        right). Points are rows times the matrix' upper left part, as the loader has it.
        """
        flags, mats = self.folder.rows("object_flag")[row], self.folder.rows("object_mat")[row]
        found = []
        for number in np.flatnonzero(flags >= 0):
            if flags[number] >= len(mats):
                raise BadScene(
                    f"{self.folder.root}: row {row} places object {number} at {flags[number]}, "
                    f"there are {len(mats)} places",
                    "object_flag.npy and object_mat.npy of one release",
                )
            mat = np.asarray(mats[flags[number]], float)
            found.append(self._of(int(number)) @ mat[:3, :3] + mat[:3, 3])
        return np.concatenate(found) if found else np.zeros((0, 3))

    def _of(self, number: int) -> Array:
        if number not in self._points:
            if number >= len(self.files):
                raise BadScene(
                    f"{self.root}: {len(self.files)} objects, object {number} is asked for",
                    f"the folder {' or '.join(FOLDERS)} of the release, a file of points for each object",
                )
            points = np.load(self.files[number], allow_pickle=False)
            if points.ndim != 2 or points.shape[1] != 3:
                raise BadScene(f"{self.files[number]} is {points.shape}", "points [P, 3]")
            self._points[number] = points.astype(float)
        return self._points[number]


def marked(grid: Array, points: Array, *, padded: bool = False) -> Array:
    """The cells uint8 [X, Z, Y] of a scene with points in it. ``padded``: as the authors' loader leaves them,
    which fills its list of points with zeros and so marks the cell at the origin, always."""
    cells = np.ascontiguousarray(grid.transpose(0, 2, 1)).astype(np.uint8)
    if padded:
        points = np.concatenate([points, np.zeros((1, 3))])
    at = np.floor((points - CORNER) / CELL).astype(int)
    at = at[((at >= 0) & (at < GRID)).all(1)]
    cells[at[:, 0], at[:, 2], at[:, 1]] = 1
    return cells
