"""Things that move: their trees, their cells, what they do to walks, files."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from interleaf.pipeline.collection import Collection
from interleaf_trumans.drawing import page_of, video_frames
from interleaf_trumans.examples import example_motion, example_scene, example_walk
from interleaf_trumans.judging.components import Judge, places
from interleaf_trumans.judging.measures import depths
from interleaf_trumans.scenes.gltf import glb
from interleaf_trumans.scenes.scene import Scene, read_scene, scene_bytes
from interleaf_trumans.scenes.surface import BadScene
from interleaf_trumans.scenes.thing_files import things_of
from interleaf_trumans.scenes.things import Thing
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.matcher import Matcher
from interleaf_trumans.walking.session import Session

DOOR = {
    "name": "door",
    "parts": [
        {"name": "leaf", "box": [1.0, 2.0, 0.1], "middle": [0.5, 1.0, 0], "turn": "y"},
        {"name": "handle", "parent": "leaf", "box": [0.1, 0.1, 0.2], "at": [0.9, 1.0, 0]},
        {"name": "bolt", "parent": "handle", "box": [0.02, 0.02, 0.1], "at": [0, 0, 0.1], "slide": "x"},
    ],
    "keys": [{"at": 0, "place": [1.0, 0, 2.0], "yaw": 90}, {"at": 1, "leaf": 90, "bolt": 0.05}, {"at": 2}],
}  # fmt: skip


def cart(
    keys: list[dict[str, object]], size: tuple[float, float, float] = (0.8, 1.0, 0.8)
) -> Thing:
    told = {"name": "cart", "parts": [{"name": "box", "box": list(size), "middle": [0, size[1] / 2, 0]}],
            "keys": keys}  # fmt: skip
    return things_of({"things": [told]}, Path())[0]


def gate(shut: tuple[float, float], frames: float = 20.0) -> Thing:
    """A block that fills the way between the block of the hall and its wall, and goes up within 0.3 s."""
    keys: list[dict[str, object]] = [{"at": 0, "place": [0, 0, 0]}, {"at": shut[1], "place": [0, 0, 0]},
                                     {"at": shut[1] + 0.3, "place": [0, 5, 0]}, {"at": frames}]  # fmt: skip
    return cart(keys, (6.0, 2.0, 0.4))


def test_parts_move_with_what_they_hang_on() -> None:
    door = things_of({"things": [DOOR]}, Path())[0]
    assert len(door) == 61

    def middle(part: int, frame: int) -> np.ndarray:
        return np.asarray(door.poses[frame, part, :3, 3])

    assert np.allclose(middle(1, 0), [1.0, 1.0, 1.1])  # yaw 90: x goes to −z
    assert np.allclose(middle(1, 30), [0.1, 1.0, 2.0])  # and with the leaf open to −x
    assert np.allclose(middle(2, 30) - middle(1, 30), [-0.05, 0, -0.1])
    assert np.allclose(middle(1, 15)[[0, 2]], [1 - 0.9 * np.sqrt(0.5), 2 - 0.9 * np.sqrt(0.5)])
    assert np.array_equal(door.poses[door.frame(10**6)], door.poses[-1])
    assert door.moves(0, 5)
    assert not door.moves(31, 999)


def test_cells_are_those_of_the_surface_as_it_stands() -> None:
    scene = example_scene(voxel=0.05)
    thing = cart([{"at": 0, "place": [1.5, 0, -1.0]}, {"at": 2, "place": [1.5, 0, 1.0], "yaw": 30}])
    for frame in (0, 30, 60):
        now = replace(scene, things=(thing,)).during([frame])
        middles = (np.argwhere(now.cells > scene.cells)[:, [0, 2, 1]] + 0.5) * 0.05 + scene.origin
        pose = thing.poses[frame, 0]
        own = (middles - pose[:3, 3]) @ pose[:3, :3]
        outside = np.abs(own - [0, 0.5, 0]) - [0.4, 0.5, 0.4]
        assert (
            np.linalg.norm(np.maximum(outside, 0), axis=1).max() < 0.05 * np.sqrt(3) / 2
        )  # touches
        rng = np.random.default_rng(0)
        inner = rng.uniform([-0.4, 0, -0.4], [0.4, 1, 0.4], (500, 3)) @ pose[:3, :3].T + pose[:3, 3]
        at = np.floor((inner - scene.origin) / 0.05).astype(int)
        assert now.cells[at[:, 0], at[:, 2], at[:, 1]].all()
    both = replace(scene, things=(thing,)).during([0, 60])
    assert both.cells.sum() > now.cells.sum()


def test_depth_is_that_of_the_cells_and_follows_the_thing() -> None:
    thing = cart([{"at": 0, "place": [0, 0, 0]}, {"at": 1, "place": [2, 0, 0], "yaw": 45}])
    points = np.array([[0.0, 0.5, 0.0], [0.35, 0.5, 0.0], [2.0, 0.5, 0.0], [2.5, 0.5, 0.0]])
    for frame, wanted in ((0, [0.4, 0.05, 0, 0]), (30, [0, 0, 0.4, 0.4 - 0.5 / np.sqrt(2)])):
        assert np.abs(thing.depth(points, frame) - wanted).max() < 0.03


def test_bodies_wait_at_what_is_in_the_way_and_go_on() -> None:
    walker = Matcher(made_clips())
    open_, shut = example_scene(), replace(example_scene(), things=(gate((0, 4.0)),))

    def crossed(scene: Scene) -> tuple[int, Session]:
        s = Session(scene, walker, start=(1.5, -2.0), yaw=0.0)
        s.set(goal=(1.5, 2.0))
        while not s.arrived and s.frame < 600:
            s.step(10)
        return s.frame, s

    free, _ = crossed(open_)
    held, s = crossed(shut)
    assert free < 150 < held < 400
    joints = places(s.motion)
    deep = depths(joints, open_.distances(), shut.things)
    assert (deep > 0.02).mean() < 0.01
    wait = slice(60, 110)
    assert np.ptp(joints[wait, 0, 2]) < 0.15  # stands before it
    through = replace(open_, things=(cart([{"at": 0, "place": [1.5, 0, 0]}], (1.2, 1.0, 0.4)),))
    plain = crossed(open_)[1].motion
    assert (depths(places(plain), open_.distances(), through.things) > 0.05).any()


def test_who_stands_in_the_way_steps_aside() -> None:
    walker = Matcher(made_clips())
    rolls = cart([{"at": 0, "place": [1.5, 0, 2.4]}, {"at": 2, "place": [1.5, 0, 2.4]},
                  {"at": 7, "place": [1.5, 0, -2.4]}], (0.6, 1.0, 0.6))  # fmt: skip
    s = Session(replace(example_scene(), things=(rolls,)), walker, start=(1.5, -1.0), yaw=0.0)
    s.step(240)
    deep = depths(places(s.motion), example_scene().distances(), (rolls,))
    assert (deep > 0.02).mean() < 0.01
    stood = np.tile(places(s.motion)[:1], (240, 1, 1))
    assert (depths(stood, example_scene().distances(), (rolls,)) > 0.1).any()  # it would have hit


def test_frames_given_stay_while_things_move() -> None:
    scene = replace(example_scene(), things=(gate((0, 2.0)),))
    walker = Matcher(made_clips())
    one, many = (Session(scene, walker, start=(1.5, -2.0), yaw=0.0) for _ in range(2))
    for s in (one, many):
        s.set(goal=(1.5, 2.0))
    whole = one.step(150)
    for count in (7, 40, 1, 62, 40):
        many.step(count)
    assert whole.rotations.tobytes() == many.motion.rotations.tobytes()
    assert whole.root.tobytes() == many.motion.root.tobytes()
    many.truncate(33)
    many.step(20)
    assert many.motion.root[:33].tobytes() == whole.root[:33].tobytes()


def test_the_judge_sees_things() -> None:
    scene, walk = example_scene(), example_walk(1.2)
    place = [float(v) for v in walk.motion.root[30]]
    hit = replace(scene, things=(cart([{"at": 0, "place": [place[0], 0, place[2]]}]),))
    told = []
    for s in (scene, hit):
        report = Judge(Judge.Config()).evaluate(Collection.of([walk]), Collection.of([s]))
        told.append({m.name: m.value for m in report.measures})
    assert told[0]["penetration"] == 0
    assert told[1]["penetration"] is not None
    assert told[1]["penetration"] > 0.1


def test_files_keep_things(tmp_path: Path) -> None:
    door = things_of({"things": [DOOR]}, Path())[0]
    scene = replace(example_scene(), things=(door,))
    (tmp_path / "s.npz").write_bytes(scene_bytes(scene))
    again = read_scene(tmp_path / "s.npz").things[0]
    assert [p.name for p in again.parts] == ["leaf", "handle", "bolt"]
    assert np.array_equal(again.poses, door.poses)
    data = glb(scene.vertices, scene.faces, scene.colors, scene.things)
    loaded = trimesh.load(io.BytesIO(data), file_type="glb")
    assert set(loaded.graph.nodes_geometry) == {"scene", "leaf", "handle", "bolt"}
    (tmp_path / "s.glb").write_bytes(data)
    colors = read_scene(tmp_path / "s.glb").colors
    assert len(colors) == len(scene.vertices) + 24
    assert np.ptp(colors, axis=0).min() > 0.2
    for j, name in enumerate(("leaf", "handle", "bolt")):
        assert np.allclose(loaded.graph.get(name)[0], door.poses[0, j], atol=1e-6)
    import json

    told = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    assert len(told["animations"][0]["channels"]) == 2  # the leaf turns, the bolt slides
    view = told["bufferViews"][
        told["accessors"][told["animations"][0]["samplers"][0]["output"]]["bufferView"]
    ]
    start = 28 + int.from_bytes(data[12:16], "little") + view["byteOffset"]
    turns = np.frombuffer(data, "<f4", view["byteLength"] // 4, start).reshape(-1, 4)
    assert np.allclose(
        np.abs(turns[[0, 30, 60]]),
        [[0, 0, 0, 1], *[[0, np.sqrt(0.5), 0, np.sqrt(0.5)]] * 2],
        atol=1e-6,
    )


def test_they_are_drawn_where_they_are() -> None:
    motion = example_motion(2)
    moving = cart([{"at": 0, "place": [1.0, 0, 0]}, {"at": 1 / 30, "place": [-1.0, 0, 0]}])
    plain = example_scene()
    told = [list(video_frames(s, motion, body="capsule", width=80, height=60))
            for s in (plain, replace(plain, things=(moving,)))]  # fmt: skip
    changed = [(np.abs(a.astype(int) - b) > 8).any(2) for a, b in zip(*told, strict=True)]
    assert 20 < changed[0].sum() < 2000
    assert (changed[0] & changed[1]).mean() < 0.5 * changed[0].mean()
    page = page_of(replace(plain, things=(moving,)), motion, body="capsule")
    assert "cart.box" in page
    assert "cart.box" not in page_of(plain, motion, body="capsule")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "x"}, "things.0."),
        ({**DOOR, "parts": []}, "parts"),
        ({**DOOR, "parts": [{"name": "a"}]}, "parts.0.: .*a"),
        ({**DOOR, "parts": [{"name": "a", "box": [1, 1, 0]}]}, "a box of"),
        ({**DOOR, "parts": [{"name": "a", "box": [1, 1, 1], "parent": "b"}]}, "no part 'b'"),
        ({**DOOR, "parts": [{"name": "a", "box": [1, 1, 1], "turn": "w"}]}, "turn w"),
        ({**DOOR, "parts": [{"name": "a", "mesh": "no.obj"}]}, "no such file"),
        ({**DOOR, "keys": [{"at": 0, "lid": 3}]}, "keys.0."),
        ({**DOOR, "keys": [{"at": 1}, {"at": 1}]}, "at 1 s"),
        ({**DOOR, "keys": [{"at": 0, "place": [0, float("nan"), 0]}]}, "place"),
    ],
)  # fmt: skip
def test_things_that_make_no_sense(change: object, words: str) -> None:
    with pytest.raises(BadScene, match=words) as caught:
        things_of({"things": [change]}, Path())
    assert caught.value.hint
