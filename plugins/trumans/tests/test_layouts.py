"""Scans as their data sets lay them out: PROX, Replica (quads), ScanNet, ScanNet++."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from interleaf.errors import InvalidInput
from interleaf_trumans.components import Scenes
from interleaf_trumans.config import ScenesConfig
from interleaf_trumans.scenes import placing
from interleaf_trumans.scenes.ground import Ground
from interleaf_trumans.scenes.rooms import boxed
from interleaf_trumans.scenes.scene import scene_of

BLOCK = (0.5, 0.0, 0.0, 0.8, 0.6, 0.9)
UP_Z = np.array(placing.ROTATIONS["z"], float)


def mesh(path: Path, *, colours: bool = True) -> None:
    s = boxed([BLOCK], 6.0, 5.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    paint = (s.colors * 255).astype(np.uint8) if colours else None
    trimesh.Trimesh(s.vertices @ UP_Z, s.faces, vertex_colors=paint, process=False).export(path)


def quads(path: Path) -> None:
    """As Replica writes them: binary, colours between the corners and their normals, faces of four."""
    path.parent.mkdir(parents=True, exist_ok=True)
    s = boxed([BLOCK], 6.0, 5.0)
    v = s.vertices @ UP_Z
    four = np.c_[s.faces[0::2], s.faces[1::2, 2]]
    assert all(len(set(f)) == 4 for f in four)  # two triangles of every side, one after the other
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(v)}",
            *(f"property float {k}" for k in ("x", "y", "z", "nx", "ny", "nz")),
            *(f"property uchar {k}" for k in ("red", "green", "blue")),
            f"element face {len(four)}", "property list uchar int vertex_indices",
            "end_header", ""]  # fmt: skip
    corner = np.zeros(len(v), [("xyz", "<f4", 3), ("normal", "<f4", 3), ("rgb", "u1", 3)])
    corner["xyz"], corner["rgb"] = v, 200
    side = np.zeros(len(four), [("n", "u1"), ("i", "<i4", 4)])
    side["n"], side["i"] = 4, four
    path.write_bytes("\n".join(head).encode() + corner.tobytes() + side.tobytes())


LAYOUTS = {
    "prox": ("", ["N0Sofa.ply", "BasementSittingBooth.ply"]),
    "replica": ("*/mesh.ply", ["room_0/mesh.ply", "office_1/mesh.ply"]),
    "scannet": ("*/*_vh_clean_2.ply", ["scene0000_00/scene0000_00_vh_clean_2.ply"]),
    "scannet++": ("*/scans/mesh_aligned_0.05.ply",
                  ["0a5c013435/scans/mesh_aligned_0.05.ply", "0a76e06478/scans/mesh_aligned_0.05.ply"]),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scans_are_places_to_walk_in(tmp_path: Path, layout: str) -> None:
    match, names = LAYOUTS[layout]
    for name in names:
        (quads if layout == "replica" else mesh)(tmp_path / name)
    for extra in (
        "scene0000_00/scene0000_00_vh_clean_2.labels.ply",
        "room_0/habitat/mesh_semantic.ply",
    ):
        if match:
            mesh(tmp_path / extra, colours=False)
    scenes = Scenes(ScenesConfig(root=str(tmp_path), match=match, voxel=0.1))
    assert [s.name for s in scenes] == sorted(names)
    wanted = scene_of(boxed([BLOCK], 6.0, 5.0), voxel=0.1)[0]
    for scene in scenes:
        assert "up z" in scene.placement
        assert scene.cells.shape == wanted.cells.shape
        assert (scene.cells != wanted.cells).mean() < 2e-3
        assert Ground.of(scene).area() == pytest.approx(Ground.of(wanted).area(), rel=0.01)


def test_a_pattern_that_fits_nothing_names_what_there_is(tmp_path: Path) -> None:
    mesh(tmp_path / "a.ply")
    with pytest.raises(InvalidInput, match="no scenes fit 'b'"):
        _ = Scenes(ScenesConfig(root=str(tmp_path), match="b")).files
