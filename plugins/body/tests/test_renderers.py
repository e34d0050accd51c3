"""Pages, maps and pictures of moving bodies, and the commands that make them."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import interleaf
from interleaf.errors import InvalidInput
from interleaf.values import Mesh
from interleaf_body import commands, quaternions, viewing
from interleaf_body.backends import body_model
from interleaf_body.bvh import read_bvh
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.config import CameraConfig
from interleaf_body.identity import expressions
from interleaf_body.picturing import cameras, smoothed
from interleaf_body.retarget import onto
from interleaf_body.samples import sample_motion
from interleaf_body.values import Face


def data_of(text):
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text, re.DOTALL)[1])


def widened(told):
    whole = np.frombuffer(base64.b64decode(told["values"]), "<u2").reshape(-1, 3)
    return np.array(told["low"]) + np.array(told["step"]) * whole


def test_a_page_holds_the_motion_and_asks_for_nothing():
    body = body_model("capsule").bake()
    motion = onto(sample_motion(7), body)
    posed = body.posed(motion)
    text = viewing.page(body, posed, motion.fps, title="a <b>walk</b>")
    assert "http" not in re.sub(r"<script id=.*?</script>", "", text, flags=re.DOTALL).replace(
        "http-equiv", ""
    )
    assert "a &lt;b&gt;walk&lt;/b&gt;" in text and "<b>walk" not in text
    data = data_of(text)
    assert data["frames"] == 7 and data["names"] == list(motion.joints)
    assert np.allclose(widened(data["places"]), posed.joints[..., :3, 3].reshape(-1, 3), atol=1e-4)
    # posed again from the page's own numbers, as the browser does
    turns = np.frombuffer(base64.b64decode(data["turns"]), "<i2").reshape(7, 22, 4) / 32767
    shifts = widened(data["shifts"]).reshape(7, 22, 3)
    bones, weights = (
        np.frombuffer(base64.b64decode(data["mesh"][k]), np.uint8).reshape(-1, viewing.MOST)
        for k in ("bones", "weights")
    )
    assert (weights.astype(int).sum(1) == 255).all()
    rest = widened(data["mesh"]["vertices"])
    for t in (0, 6):
        q = quaternions.normalised(turns[t])[bones]
        moved = quaternions.rotate(q, rest[:, None]) + shifts[t][bones]
        again = (moved * (weights / 255)[..., None]).sum(1)
        assert np.abs(again - posed.vertices[t]).max() < 2e-3


def test_matrices_become_quaternions_of_the_same_turn():
    q = quaternions.normalised(np.random.default_rng(0).normal(0, 1, (200, 4)))
    again = viewing.quaternions(quaternions.to_matrix(q))
    assert np.allclose(np.abs(np.sum(q * again, -1)), 1)


def test_expressions_and_scenes_go_into_the_page():
    body = body_model("capsule").bake()
    motion = onto(sample_motion(2), body)
    expr = expressions(body, Face(np.array([[0.0], [1.0]], np.float32), ("jawOpen",)), 2)
    floor = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]]), np.ones((3, 3)))
    data = data_of(viewing.page(body, body.posed(motion), 30.0, expr=expr, scene=floor))
    assert data["face"]["count"] == 6 and "scene" in data
    with pytest.raises(InvalidInput):
        bad = Mesh(np.full((3, 3), np.nan, np.float32), np.array([[0, 1, 2]]))
        viewing.page(body, body.posed(motion), 30.0, scene=bad)


def test_faces_are_told_by_name_and_a_closed_mouth_needs_an_open_jaw():
    body = body_model("capsule").bake()
    with pytest.raises(InvalidInput, match="no expression 'wink'"):
        expressions(body, Face(np.zeros((1, 1)), ("wink",)), 1)
    with pytest.raises(InvalidInput, match="finite"):
        expressions(body, Face(np.full((1, 1), np.nan), ("jawOpen",)), 1)
    held = expressions(body, Face(np.array([[0.2], [0.7]]), ("jawOpen",)), 4)
    assert np.allclose(held[:, 0], [0.2, 0.7, 0.7, 0.7])


def test_a_camera_that_follows_sees_the_whole_body_all_the_time():
    body = body_model("capsule").bake()
    motion = onto(sample_motion(60), body)
    walking = replace(motion, root=motion.root + np.arange(60)[:, None] * [0.05, 0, 0.02])
    views = cameras(walking, body, CameraConfig(width=100, height=80))
    vertices = body.posed(walking).vertices
    for view, points in list(zip(views, vertices, strict=True))[10:50:5]:
        pixels = view.project(points)
        assert pixels.min() >= -1 and (pixels <= [101, 81]).all()
    assert np.allclose(smoothed(np.ones((5, 3)), 30.0), 1)


@pytest.mark.parametrize("name", ["normals", "part", "uv", "depth", "template"])
def test_maps_are_frames_in_range(name):
    frames = interleaf.load("body.maps", map=name, width=48, height=40).render(sample_motion(2))
    assert frames.pixels.shape == (2, 40, 48, 3) and frames.pixels.dtype == np.float32
    assert frames.pixels.min() >= 0 and frames.pixels.max() <= 1
    assert 0.02 < (frames.pixels.max(-1) > 0).mean() < 0.8


def test_pictures_show_a_body_on_its_floor():
    frames = interleaf.load("body.mesh_video", width=64, height=64, yaw=0.0).render(
        sample_motion(2)
    )
    assert frames.pixels.dtype == np.uint8 and frames.fps == 30
    centre, corner = frames.pixels[0, 32, 32].astype(int), frames.pixels[0, 2, 2].astype(int)
    assert np.abs(centre - corner).max() > 15
    bones = interleaf.load("body.mesh_video", style="skeleton", width=64, height=64).render(
        sample_motion(1)
    )
    blue = (bones.pixels[0].astype(int) @ [-1, 0, 1]) > 60
    assert blue.sum() > 50


def run(name, *words):
    import typer

    app = typer.Typer()
    app.command()(getattr(commands, name))
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def clip(tmp_path):
    file = tmp_path / "clip.bvh"
    file.write_text(format_bvh(sample_motion(4), unit="cm"))
    return file


def test_commands_make_what_they_say(clip, tmp_path):
    pytest.importorskip("av")
    body = ("--body", "capsule")
    assert run("view", clip, "-o", tmp_path / "a.html", *body).exit_code == 0
    assert data_of((tmp_path / "a.html").read_text())["title"] == "clip"
    done = run("render", clip, "-o", tmp_path / "a.mp4", "--map", "depth", "--size", "64x48", *body)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
    assert run("retarget", clip, "-o", tmp_path / "b.bvh", *body).exit_code == 0
    assert "left_knee" in read_bvh(tmp_path / "b.bvh").joints
    for name in ("c.amc", "c.npz", "c.bvh"):
        assert run("convert", clip, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "c.asf").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("render", "-o", "x.mp4", "--map", "heat"), "no map 'heat'"),
        (("render", "-o", "x.mp4", "--size", "big"), "no size 'big'"),
        (
            ("render", "-o", "x.mp4", "--map", "depth", "--near", "5", "--far", "2"),
            "depth from 5 to 2",
        ),
        (("view", "-o", "x.png"), "writes .html files"),
        (("view", "-o", "x.html", "--frames", "9:12"), "has no frames 9:12"),
        (("view", "-o", "x.html", "--frames", "one"), "no frames 'one'"),
        (("view", "-o", "x.html", "--shape", "tall"), "'tall' is no shape parameter"),
        (("view", "-o", "x.html", "--body", "smpl"), "no body 'smpl'"),
        (("convert", "-o", "x.fbx"), "unknown suffix"),
    ],
)
def test_commands_say_what_is_wrong_and_leave_nothing(words, what, clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(words[0], clip, *words[1:])
    assert isinstance(done.exception, InvalidInput) and what in str(done.exception)
    assert not list(tmp_path.glob("x.*"))
