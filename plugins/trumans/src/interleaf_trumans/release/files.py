"""The folder of the release, opened without being read: rows of all recordings, one after the other.

Rows are memory-mapped, 3.8 million of them cost no memory. What users of the data stumble over is minded:
rows of bad frames, flags that are compared with 0 (the documentation says 1), recordings without a file of
actions, copies made by augmentation that share the file of their original.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from interleaf_trumans.release.pickles import read_objects
from interleaf_trumans.scenes.surface import Array, BadScene

FPS = 30.0
# Arrays with a row for each frame, and the shapes of a row; None: any length.
ROWS: dict[str, tuple[int | None, ...]] = {
    "human_joints": (24, 3), "human_pose": (63,), "human_orient": (3,), "human_transl": (3,),
    "action_label": (10,), "scene_flag": (), "object_flag": (None,), "object_mat": (None, 4, 4),
    "seg_name": (), "frame_id": (),
}  # fmt: skip
GRID = (300, 100, 400)  # x, y, z: cells of 2 cm
STEP = 200_000  # rows looked at together


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ``first`` to ``last`` (not included) of one recording without a gap; ``name``: its own."""

    name: str
    first: int
    last: int


class Folder:
    """The release at ``root``; files are opened when they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rows: dict[str, Array] = {}
        if not root.is_dir():
            raise BadScene(
                f"{root}: no such folder", "the release: human_joints.npy, seg_name.npy …"
            )

    def rows(self, name: str) -> Array:
        """An array of a row for each frame, memory-mapped; BadScene for a file that is absent or has
        another shape."""
        if name not in self._rows:
            found = self.array(name)
            self._check(name, found)
            self._rows[name] = found
        return self._rows[name]

    def array(self, name: str) -> Array:
        """The array in ``NAME.npy``, memory-mapped unless it is of objects."""
        file = self.root / f"{name}.npy"
        if not file.is_file():
            there = sorted(f.name for f in self.root.glob("*.npy"))
            raise BadScene(
                f"{self.root}: {file.name} is missing",
                f"there are {', '.join(there[:6])}"
                if there
                else "is this the folder of the release?",
            )
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)
        except ValueError:
            return np.asarray(read_objects(file))
        except (OSError, EOFError) as error:
            raise BadScene(f"{file}: cannot be read ({error})", "copy it again") from None

    def _check(self, name: str, found: Array) -> None:
        wanted = ROWS[name]
        good = found.ndim == 1 + len(wanted) and all(
            w is None or w == n for w, n in zip(wanted, found.shape[1:], strict=True)
        )
        if not good or not len(found):
            told = "×".join("?" if w is None else str(w) for w in ("N", *wanted))
            raise BadScene(
                f"{self.root / name}.npy is {'×'.join(map(str, found.shape))}", f"expected {told}"
            )
        for other, rows in self._rows.items():
            if len(rows) != len(found):
                raise BadScene(
                    f"{self.root}: {name}.npy has {len(found)} rows, {other}.npy {len(rows)}",
                    "files of one release have the same number of rows",
                )

    @cached_property
    def spans(self) -> list[Span]:
        """The recordings: rows of one name whose frames follow each other."""
        names, frames = self.rows("seg_name"), self.rows("frame_id")
        cuts = [0]
        for first in range(0, len(names), STEP):
            part = slice(max(first - 1, 0), first + STEP)
            name, frame = np.asarray(names[part]), np.asarray(frames[part]).astype(np.int64)
            apart = (name[1:] != name[:-1]) | (np.diff(frame) != 1)
            cuts += (np.flatnonzero(apart) + part.start + 1).tolist()
        cuts.append(len(names))
        return [Span(_text(names[a]), a, b) for a, b in pairwise(cuts)]

    @cached_property
    def bad(self) -> Array:
        """Rows with wrong motion capture, in order; none without the file."""
        if not (self.root / "bad_frames.npy").is_file():
            return np.zeros(0, np.int64)
        return np.unique(np.asarray(self.array("bad_frames")).astype(np.int64).ravel())

    def clean(self, first: Array, last: Array) -> Array:
        """Whether no row from ``first`` to ``last`` (not included) is bad."""
        return np.asarray(np.searchsorted(self.bad, first) == np.searchsorted(self.bad, last))

    @cached_property
    def scenes(self) -> list[str]:
        """The names that ``scene_flag`` counts: fewer occur in it than there are."""
        return [_text(v).removesuffix(".npy") for v in self.array("scene_list").ravel()]

    def scene(self, row: int) -> str:
        """The scene of a row."""
        flag = int(self.rows("scene_flag")[row])
        if not 0 <= flag < len(self.scenes):
            raise BadScene(
                f"{self.root}: row {row} is in scene {flag}, scene_list has {len(self.scenes)}",
                "scene_list.npy and scene_flag.npy of one release",
            )
        return self.scenes[flag]

    def grid(self, name: str) -> Array:
        """The occupied cells of a scene, [x, y, z], memory-mapped."""
        file = self.root / "Scene" / f"{name}.npy"
        if not file.is_file():
            raise BadScene(f"{file}: no such scene", "the folder Scene of the release")
        grid = np.load(file, mmap_mode="r", allow_pickle=False)
        if grid.shape != GRID:
            raise BadScene(f"{file} is {grid.shape}", f"expected {GRID}: x, y, z")
        return grid

    def texts(self, name: str) -> list[tuple[int, int, str]]:
        """What is done from frame to frame of a recording, in words: rows of start, end, text, with gaps
        between them; copies made by augmentation have those of their original; none without a file."""
        for stem in dict.fromkeys((name, name.split("_augment")[0])):
            file = self.root / "Actions" / f"{stem}.txt"
            if file.is_file():
                lines = (line.split(None, 2) for line in file.read_text("utf-8").splitlines())
                return [
                    (int(v[0]), int(v[1]), v[2].strip())
                    for v in lines
                    if len(v) == 3 and _counts(v)
                ]
        return []


def _counts(values: list[str]) -> bool:
    return values[0].isdecimal() and values[1].isdecimal()


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
