"""The authors' data, in a folder of their layout that we made up: windows, recordings, objects."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from interleaf.errors import InterleafError, InvalidInput
from interleaf_body.skeleton import world
from interleaf_trumans.components import Scenes
from interleaf_trumans.config import RecordingsConfig, ReleaseConfig, ScenesConfig
from interleaf_trumans.examples import example_motion
from interleaf_trumans.release.components import Recordings, Release
from interleaf_trumans.release.files import Folder
from interleaf_trumans.release.norms import read_norm
from interleaf_trumans.release.objects import Objects, marked
from interleaf_trumans.release.sample import BAD, NAMES, ROWS, write_release
from interleaf_trumans.scenes.surface import BadScene


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    write_release(folder)
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    write_release(tmp_path, scenes=False)
    return tmp_path


def test_windows_lie_in_one_recording_and_touch_no_bad_frame(root: Path) -> None:
    data = Release(ReleaseConfig(root=str(root), every=1))
    need = 15 * 3 + 1
    assert len(data) == 2 * (ROWS - need + 1) + (3 * ROWS - BAD - need)  # a bad one in the third
    for row in data.rows:
        assert row // ROWS == (row + need - 1) // ROWS
        assert not row <= BAD < row + need
    one = data[1]
    assert one.joints.shape == (16, 24, 3)
    assert one.name == f"{NAMES[0]}:1"
    held = np.load(root / "human_joints.npy")
    assert np.array_equal(one.joints, held[1 : 1 + need : 3])
    assert (one.scene, one.text) == ("a", "")
    assert next(iter(data.ids())) == f"{NAMES[0]}:0"


def test_where_windows_begin_may_be_told(copy: Path) -> None:
    np.save(copy / "idx_start.npy", np.array([3, ROWS - 5, ROWS + 2, BAD - 4, 10**6]))
    assert Release(ReleaseConfig(root=str(copy))).rows.tolist() == [3, ROWS + 2]


def test_words_and_actions_of_frames(root: Path) -> None:
    data = Release(ReleaseConfig(root=str(root), every=1, scenes=("b",), window=4))
    at = {w.name: w for w in data}
    assert at[f"{NAMES[1]}:10"].text == "squat down"
    assert at[f"{NAMES[1]}:33"].text == ""  # a gap between the rows
    assert at[f"{NAMES[2]}:50"].text == "stand up"  # a copy: the words of its original
    assert at[f"{NAMES[1]}:0"].actions[:, 1].tolist() == [1, 1, 1, 1]
    assert {w.scene for w in at.values()} == {"b"}


def test_objects_stand_where_the_loader_puts_them(root: Path) -> None:
    data = Release(ReleaseConfig(root=str(root), every=1))
    chair = np.load(root / "Object_chairs" / "Object" / "chair.npy")
    assert np.allclose(data[0].objects, chair + np.array([1.0, 0.0, 0.5]))  # the flag 0 is a place
    assert len(Release(ReleaseConfig(root=str(root), objects=False))[0].objects) == 0
    turned = Objects(Folder(root))
    mats = np.array(np.load(root / "object_mat.npy"))
    mats[0, 0, :3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    turned.folder._rows["object_mat"] = mats
    assert np.allclose(turned.points(0), chair @ mats[0, 0, :3, :3] + [1.0, 0.0, 0.5])


def test_padding_marks_the_cell_at_the_origin(root: Path) -> None:
    folder = Folder(root)
    grid, points = folder.grid("a"), np.array([[1.01, 0.5, -1.0], [99.0, 0, 0]])
    plain, padded = marked(grid, points), marked(grid, points, padded=True)
    assert plain.shape == (300, 400, 100)
    assert np.argwhere(plain != padded).tolist() == [[150, 200, 0]]
    assert np.argwhere(plain != grid.transpose(0, 2, 1)).tolist() == [[200, 150, 25]]


def test_recordings_are_the_motions_they_are_of(root: Path) -> None:
    data = Recordings(RecordingsConfig(root=str(root), least=20))
    assert list(data.ids()) == [f"{NAMES[0]}:0", f"{NAMES[1]}:0", f"{NAMES[2]}:11"]
    assert len(data[2].root) == 3 * ROWS - BAD - 1
    heads = world(example_motion(ROWS))[1]
    assert np.abs(world(data[0])[1] - heads).max() < 1e-5
    with pytest.raises(InvalidInput, match="no recording"):
        len(Recordings(RecordingsConfig(root=str(root), least=1000)))


def test_grids_of_the_release_are_scenes(root: Path) -> None:
    scene = Scenes(ScenesConfig(root=str(root / "Scene"), match="a.npy"))[0]
    assert np.isclose(scene.vertices[:, 0].max(), 2.99)


def test_the_fingerprint_is_of_every_byte(copy: Path) -> None:
    def told() -> str:
        return Release(ReleaseConfig(root=str(copy))).fingerprint()

    first = told()
    for name in ("human_joints.npy", "object_mat.npy", "Object_chairs/Object/sofa.npy"):
        data = bytearray((copy / name).read_bytes())
        data[-1] ^= 1
        (copy / name).write_bytes(data)
        assert told() != first
        first = told()


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("human_joints", None, "human_joints.npy is missing"),
        ("human_joints", lambda a: a[:, :23], "expected N×24×3"),
        ("action_label", lambda a: a[:-1], "179"),
        ("scene_flag", lambda a: a + 7, "scene 7"),
        ("object_flag", lambda a: a + 5, "places object"),
        ("object_flag", lambda a: np.tile(a, (1, 3)), "2 objects"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(
    copy: Path, name: str, change: object, words: str
) -> None:
    file = copy / f"{name}.npy"
    if callable(change):
        np.save(file, change(np.load(file)))
    else:
        file.unlink()
    with pytest.raises(InterleafError) as caught:
        data = Release(ReleaseConfig(root=str(copy)))
        list(data)
        if name == "scene_flag":
            data.folder.scene(0)
    assert words in str(caught.value) or name == "scene_flag"
    assert caught.value.hint


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("evil"),)


def test_pickles_are_read_as_plain_values_alone(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norm = read_norm(copy / "norm.npy")
    assert np.array_equal(norm.low, [-1.5, -0.1, -1.5])
    monkeypatch.chdir(copy)
    np.save(copy / "norm.npy", np.array({"(16, 3)": Evil()}, object), allow_pickle=True)
    with pytest.raises(BadScene, match="plain values"):
        read_norm(copy / "norm.npy")
    assert not (copy / "evil").exists()
    (copy / "norm.npy").write_bytes(pickle.dumps({"(16, 3)": 1}))
    for told, words in (
        (None, "plain values"),
        ({"(8, 3)": 0}, r"no '\(16, 3\)'"),
        ({"(16, 3)": 3}, "no pair"),
    ):
        if told is not None:
            np.save(copy / "norm.npy", np.array(told, object), allow_pickle=True)
        with pytest.raises(BadScene, match=words):
            read_norm(copy / "norm.npy")


def test_names_may_be_objects(copy: Path) -> None:
    names = np.load(copy / "seg_name.npy").astype(object)
    np.save(copy / "seg_name.npy", names, allow_pickle=True)
    assert [s.name for s in Folder(copy).spans] == list(NAMES)


def test_rows_cost_no_memory(tmp_path: Path) -> None:
    write_release(tmp_path, scenes=False)
    rows = 300_000
    for name, shape in (("human_joints", (24, 3)), ("human_orient", (3,)), ("object_mat", (5, 4, 4)),
                        ("action_label", (10,))):  # fmt: skip
        np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", np.float32, (rows, *shape))
    flags = np.lib.format.open_memmap(tmp_path / "object_flag.npy", "w+", np.int8, (rows, 2))
    flags[:] = -1
    np.save(tmp_path / "seg_name.npy", np.repeat(["one", "two"], rows // 2))
    np.save(tmp_path / "frame_id.npy", np.arange(rows))
    np.save(tmp_path / "scene_flag.npy", np.zeros(rows, np.int8))
    tracemalloc.start()
    data = Release(ReleaseConfig(root=str(tmp_path), every=1000))
    assert data[len(data) - 1].joints.shape == (16, 24, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(data) == 300
    assert peak < 20e6  # the files are 200 MB
