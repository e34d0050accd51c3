"""Meshes as scenes: axes, scale, floors, cells, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_trumans.scenes import occupancy, placing, voxels
from interleaf_trumans.scenes.distances import Distances
from interleaf_trumans.scenes.ground import Ground
from interleaf_trumans.scenes.rooms import boxed, room
from interleaf_trumans.scenes.scene import Scene, read_scene, scene_bytes, scene_of
from interleaf_trumans.scenes.surface import BadScene, Surface

BLOCK = (0.5, 0.0, 0.0, 0.8, 0.6, 0.9)  # middle x, z, low; width, depth, height


def hall() -> Surface:
    return boxed([BLOCK], 6.0, 5.0)


def written(folder: Path, name: str, vertices: np.ndarray, faces: np.ndarray) -> Path:
    file = folder / name
    trimesh.Trimesh(vertices, faces, process=False).export(file)
    return file


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb", ".stl", ".off"])
@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_every_format_axis_and_unit_gives_the_same_place(
    tmp_path: Path, suffix: str, up: str, scale: float
) -> None:
    s = hall()
    if suffix == ".glb" and up == "z":
        pytest.skip("glTF is y-up by definition")
    turned = s.vertices @ np.array(placing.ROTATIONS[up], float) * scale
    scene = read_scene(written(tmp_path, f"a{suffix}", turned, s.faces), voxel=0.1)
    expected = scene_of(s, voxel=0.1)[0]
    low, high = expected.vertices.min(0), expected.vertices.max(0)
    assert np.allclose([scene.vertices.min(0), scene.vertices.max(0)], [low, high], atol=2e-3)
    assert scene.cells.shape == expected.cells.shape
    assert (scene.cells != expected.cells).mean() < 2e-3  # formats keep float32


def touched(triangle: np.ndarray, cell: np.ndarray) -> bool:
    """Separating axes: cell [3] of size 1."""
    t = triangle - (cell + 0.5)
    edges = np.roll(t, -1, 0) - t
    axes = [*np.eye(3), np.cross(edges[0], edges[1])]
    axes += [np.cross(np.eye(3)[i], e) for i in range(3) for e in edges]
    for a in axes:
        p, r = t @ a, 0.5 * np.abs(a).sum()
        if p.min() > r + 1e-12 or p.max() < -r - 1e-12:
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_cells_are_those_that_a_triangle_touches(seed: int) -> None:
    triangle = np.random.default_rng(seed).uniform(0.3, 6.7, (3, 3))
    cells = voxels.voxelised(triangle, np.array([[0, 1, 2]]), np.zeros(3), (7, 7, 7), 1.0)
    expected = [
        [[touched(triangle, np.array([x, y, z], float)) for y in range(7)] for z in range(7)]
        for x in range(7)
    ]
    assert np.array_equal(cells, np.array(expected, np.uint8))


def test_closed_things_are_solid_and_rooms_are_not() -> None:
    scene = scene_of(hall(), voxel=0.05)[0]
    d = scene.distances()
    assert d.at(np.array([0.5, 0.5, 0.0])) < -0.2  # the middle of the block
    assert d.at(np.array([-1.5, 1.0, 1.0])) > 0.4


def test_distances_are_those_to_a_block() -> None:
    scene = scene_of(hall(), voxel=0.04)[0]
    points = np.array([[0.5 + 0.4 + d, 0.5, 0.0] for d in (0.1, 0.2, 0.3, 0.5)])
    value, slope = scene.distances().with_gradient(points)
    assert np.allclose(value, [0.1, 0.2, 0.3, 0.5], atol=0.04)
    assert np.allclose(slope[1:3], [[1, 0, 0]] * 2, atol=0.1)


def test_no_obstacle_is_far_from_everywhere() -> None:
    d = Distances.of(np.zeros((3, 3, 3), np.uint8), np.zeros(3), 0.1)
    assert float(d.at(np.zeros(3))) == pytest.approx(0.6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-4, 4), st.floats(-4, 4), st.floats(-7, 7))
def test_occupancy_equals_its_oracle(seed: int, x: float, z: float, yaw: float) -> None:
    cells = (np.random.default_rng(seed).random((40, 30, 20)) < 0.3).astype(np.uint8)
    origin, box = np.array([-1.6, -0.02, -1.2]), occupancy.Box(n=9)
    places = np.array([[x, 0, z], [x + 1e-6, 0, z], [round(x / 0.08) * 0.08, 0, z]])
    yaws = np.full(3, yaw)
    args = (cells, origin, 0.08, places, yaws, box)
    assert np.array_equal(occupancy.boxes(*args), occupancy.boxes_oracle(*args))


def test_outside_is_occupied_and_what_no_box_sees_changes_nothing() -> None:
    cells = np.zeros((30, 30, 20), np.uint8)
    args = (np.array([-1.5, -0.05, -1.5]), 0.1, np.array([[0, 0, 0], [9, 0, 9]]), np.zeros(2))
    found = occupancy.boxes(cells, *args, occupancy.Box(n=8))
    assert not found[0].any()
    assert found[1].all()
    far = cells.copy()
    far[:2] = 1
    assert np.array_equal(found, occupancy.boxes(far, *args, occupancy.Box(n=8)))


def test_a_box_turns_with_its_yaw() -> None:
    cells = np.zeros((40, 40, 20), np.uint8)
    cells[24:26, 19:21] = 1  # at x = 0.5
    args = (cells, np.array([-2.0, -0.05, -2.0]), 0.1, np.zeros((1, 3)))
    looking = occupancy.boxes(*args, np.array([np.pi / 2]), occupancy.Box(n=13))[0]
    assert looking[5:8, 10:].any()  # ahead
    assert not looking[:, :6].any()


def test_paths_keep_clear_and_go_around() -> None:
    scene = scene_of(hall(), voxel=0.05)[0]
    ground = Ground.of(scene, 0.3)
    path = ground.path(np.array([-1.5, 0.0]), np.array([2.2, 0.0]))
    assert len(path) > 2
    line = np.concatenate([a + (b - a) * np.linspace(0, 1, 50)[:, None] for a, b in pairwise(path)])
    assert ground._clear(line).min() > 0.24
    assert np.allclose(path[[0, -1]], [[-1.5, 0], [2.2, 0]])


def test_what_cannot_be_says_where_it_could() -> None:
    scene = scene_of(hall(), voxel=0.05)[0]
    ground = Ground.of(scene)
    with pytest.raises(BadScene, match="furniture") as caught:
        ground.checked(np.array([0.5, 0.0]), "the goal")
    assert "nearest place" in caught.value.hint
    near = ground.checked(np.array([0.5, 0.0]), "the goal", nearest=True)
    assert ground.stands(near)
    with pytest.raises(BadScene, match="outside"):
        ground.checked(np.array([50.0, 0.0]), "the goal")
    with pytest.raises(BadScene, match="no place"):
        ground.checked(np.array([np.nan, 0.0]), "the goal")


def test_two_rooms_without_a_door_cannot_be_left() -> None:
    wall = (0.0, 0.0, 0.0, 0.1, 5.2, 2.4)
    ground = Ground.of(scene_of(boxed([wall], 6.0, 5.0), voxel=0.05)[0])
    with pytest.raises(BadScene, match="cannot be reached") as caught:
        ground.path(np.array([-2.0, 0.0]), np.array([2.0, 0.0]))
    assert "(-0." in caught.value.hint  # the nearest place is on this side
    path = ground.path(np.array([-2.0, 0.0]), np.array([2.0, 0.0]), nearest=True)
    assert path[-1][0] < 0


def test_bad_meshes_are_refused_in_one_sentence(tmp_path: Path) -> None:
    s = hall()
    for change, words in (
        (
            lambda v: np.where(np.arange(len(v))[:, None] == 5, np.nan, v),
            "not finite numbers, the first is number 5",
        ),
        (lambda v: v * 7.3, "no room in metres"),
        (lambda v: v * 0.01, "no room in metres"),
    ):
        bad = Surface(change(s.vertices), s.faces, s.colors, "y")
        np.savez(tmp_path / "a.npz", vertices=bad.vertices, faces=bad.faces)
        with pytest.raises(BadScene, match=words):
            read_scene(tmp_path / "a.npz", up="y")
    with pytest.raises(BadScene, match="no floor"):
        scene_of(Surface(s.vertices[8:], s.faces[12:] - 8, s.colors[8:], "y"))
    (tmp_path / "broken.ply").write_bytes(
        b"ply\nformat binary_little_endian 1.0\nelement vertex 9\n"
    )
    for name, words in (
        ("broken.ply", "cannot be read"),
        ("gone.obj", "no such file"),
        ("a.txt", "suffix"),
    ):
        if name == "a.txt":
            (tmp_path / name).write_text("x")
        with pytest.raises(BadScene, match=words):
            read_scene(tmp_path / name)


def test_two_floors_are_refused_until_one_is_chosen() -> None:
    s = hall()
    upper = s.vertices + np.array([0, 2.8, 0])
    both = Surface(np.concatenate([s.vertices, upper]), np.concatenate([s.faces, s.faces + len(upper)]),
                   np.concatenate([s.colors, s.colors]), "y")  # fmt: skip
    with pytest.raises(BadScene, match="two floors") as caught:
        scene_of(both)
    assert "--floor 2.80" in caught.value.hint  # its upper side, in metres of the file
    above = scene_of(both, floor=2.8, voxel=0.1)[0]
    assert Ground.of(above).stands(np.array([-1.5, 1.0]))


def test_triangles_without_area_and_points_are_taken(tmp_path: Path) -> None:
    s = hall()
    flat = np.concatenate([s.faces, [[0, 0, 1], [2, 2, 2]]])
    scene = scene_of(Surface(s.vertices, flat, s.colors, "y"), voxel=0.1)[0]
    assert np.array_equal(scene.cells, scene_of(s, voxel=0.1)[0].cells)
    points, _ = trimesh.sample.sample_surface(trimesh.Trimesh(s.vertices, s.faces), 60_000, seed=1)
    np.save(tmp_path / "cloud.npy", points)
    cloud = read_scene(tmp_path / "cloud.npy", up="y", voxel=0.1)
    assert Ground.of(cloud).stands(np.array([-1.5, 1.0]))
    assert not Ground.of(cloud).stands(np.array([0.5, 0.0]))


def test_a_grid_of_the_release_is_a_scene(tmp_path: Path) -> None:
    grid = np.zeros((300, 100, 400), bool)
    grid[:, 0] = True
    grid[[0, -1]] = True
    grid[140:160, :50, 190:210] = True
    np.save(tmp_path / "grid.npy", grid)
    ground = Ground.of(read_scene(tmp_path / "grid.npy", voxel=0.05))
    assert ground.stands(np.array([1.5, 1.5]))
    assert not ground.stands(np.array([0.0, 0.0]))


def test_a_written_scene_comes_back(tmp_path: Path) -> None:
    scene = scene_of(hall(), voxel=0.1)[0]
    (tmp_path / "s.npz").write_bytes(scene_bytes(scene))
    back = read_scene(tmp_path / "s.npz")
    assert isinstance(back, Scene)
    assert np.array_equal(back.cells, scene.cells)
    assert back.voxel == scene.voxel


@pytest.mark.parametrize("seed", range(12))
def test_rooms_are_places_to_walk_in(seed: int) -> None:
    ground = Ground.of(scene_of(room(seed)[0], voxel=0.08)[0])
    assert (ground.areas == 1).sum() * ground.voxel**2 > 3.0


def test_the_house_of_the_shared_data(data: Path) -> None:
    scene = read_scene(data / "motion" / "scenes" / "aws_small_house.ply", voxel=0.08)
    ground = Ground.of(scene)
    assert "up z" in scene.placement
    assert 90 < ground.area() < 125


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
def test_colours_of_vertices_are_kept(tmp_path: Path, suffix: str) -> None:
    s = hall()
    paint = (s.colors * 255).astype(np.uint8)
    trimesh.Trimesh(s.vertices, s.faces, vertex_colors=paint, process=False).export(
        tmp_path / f"a{suffix}"
    )
    scene = read_scene(tmp_path / f"a{suffix}", up="y", voxel=0.1)
    assert np.abs(scene.colors - s.colors).max() < 0.01
