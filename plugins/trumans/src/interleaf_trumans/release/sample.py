"""A folder in the release's layout, made up: for examples and tests."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_body.skeleton import world
from interleaf_trumans.release.files import GRID
from interleaf_trumans.scenes.surface import Array

ROWS = 60  # of each of three recordings; the third is a copy of the second by augmentation
NAMES = ("2023-01-01@10-00-00", "2023-01-02@11-00-00", "2023-01-02@11-00-00_augment0")
BAD = 130


def write_release(root: Path, *, scenes: bool = True) -> None:
    """Write it; ``scenes`` with the grids of two scenes (12 MB each)."""
    from interleaf_trumans.examples import example_motion

    motion = example_motion(ROWS)
    heads = world(motion)[1]
    hands = heads[:, [20, 21]] + (heads[:, [20, 21]] - heads[:, [18, 19]]) * 0.3
    turns = quat.to_rotvec(motion.rotations)
    rows = 3 * ROWS
    arrays: dict[str, Array] = {
        "human_joints": np.tile(np.concatenate([heads, hands], 1), (3, 1, 1)).astype(np.float32),
        "human_orient": np.tile(turns[:, 0], (3, 1)).astype(np.float32),
        "human_pose": np.tile(turns[:, 1:].reshape(ROWS, 63), (3, 1)).astype(np.float32),
        "human_transl": np.tile(motion.root, (3, 1)).astype(np.float32),
        "seg_name": np.repeat(np.array(NAMES), ROWS),
        "frame_id": np.tile(np.arange(ROWS), 3),
        "scene_list": np.array(["a", "b", "never"]),
        "scene_flag": np.repeat([0, 1, 1], ROWS),
        "object_list": np.array(["chair", "sofa"]),
        "bad_frames": np.array([BAD]),
    }
    label = np.zeros((rows, 10), np.float32)
    label[ROWS : ROWS + 30, 1] = 1.0  # squat
    flag = np.full((rows, 2), -1, np.int64)
    flag[:ROWS, 0], flag[ROWS:, 1] = 0, 1  # 0 is a place too
    mat = np.tile(np.eye(4, dtype=np.float32), (rows, 2, 1, 1))
    mat[:, :, :3, 3] = [[1.0, 0.0, 0.5], [-1.0, 0.0, 0.5]]
    arrays |= {"action_label": label, "object_flag": flag, "object_mat": mat}
    for name, values in arrays.items():
        np.save(root / f"{name}.npy", values)
    norm = {"(16, 3)": (np.array([-1.5, -0.1, -1.5]), np.array([1.5, 1.9, 1.5]))}
    np.save(root / "norm.npy", np.array(norm, object), allow_pickle=True)
    _write_things(root, scenes)


def _write_things(root: Path, scenes: bool) -> None:
    things, texts = root / "Object_chairs" / "Object", root / "Actions"
    for folder in (things, texts, root / "Scene"):
        folder.mkdir(parents=True)
    points = np.mgrid[-4:5, 0:10, -4:5].reshape(3, -1).T * 0.05
    np.save(things / "chair.npy", points)
    np.save(things / "sofa.npy", points * [2.0, 1.0, 1.0])
    (texts / f"{NAMES[1]}.txt").write_text("0\t29\tsquat down\n40\t59\tstand up\n")
    if scenes:
        for name in ("a", "b"):
            grid = np.zeros(GRID, bool)
            grid[0], grid[-1], grid[:, :, 0], grid[:, :, -1] = True, True, True, True
            np.save(root / "Scene" / f"{name}.npy", grid)


@cache
def _held() -> tempfile.TemporaryDirectory[str]:
    held = tempfile.TemporaryDirectory(prefix="interleaf-release-")
    write_release(Path(held.name), scenes=False)
    return held


def sample_release() -> Path:
    """Such a folder without grids, until this process ends."""
    return Path(_held().name)
