"""The paper's control maps: shapes, meaning, and what they say of a photo that keeps still."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interleaf.errors import InvalidInput
from interleaf_body.model import PARTS
from interleaf_vlogger.controlling import REGIONS, Controller, Controls, pictured
from interleaf_vlogger.controls import ControlMaps
from interleaf_vlogger.example import example_person, example_photo, example_turns
from interleaf_vlogger.video_config import ControlsConfig

PERSON = example_person(160, 120)
PHOTO = example_photo(160, 120)


@pytest.fixture(scope="module")
def controller():
    return Controller(PHOTO.pixels, PERSON)


def posed(controller, turn=0.0):
    rotvec = PERSON.rotvec.copy()
    rotvec[0, controller.body.topology.joint_names.index("head"), 1] = turn
    return controller.body(rotvec, None, PERSON.transl[None]).vertices


def test_shapes_are_the_papers(controller):
    found = controller(np.concatenate([posed(controller, t) for t in (0.0, 0.1, 0.3)]))
    assert found.dense.shape == (3, 120, 160, 3) and found.dense.dtype == np.float32
    assert found.regions.shape == (3, 120, 160, 7) and found.warp.shape == (3, 120, 160, 3)
    assert found.stacked.shape == (3, 120, 160, 14) and found.stacked.dtype == np.float32
    assert found.stacked.min() >= 0 and found.stacked.max() <= 1
    assert pictured(found).shape == (3, 120, 480, 3)


def test_each_pixel_has_one_region_and_the_background_nothing_else(controller):
    found = controller(posed(controller, 0.2))
    assert (found.regions.sum(-1) == 1).all()
    away = found.regions[..., REGIONS.index("background")]
    assert 0.05 < away.mean() < 0.95
    assert (
        not found.dense[away].any() and not found.warp[away].any() and not found.valid[away].any()
    )
    assert found.regions[..., REGIONS.index("head")].any()


def test_a_body_that_keeps_still_carries_the_photo(controller):
    found = controller(posed(controller))
    body = ~found.regions[..., 0]
    assert found.valid[body].mean() > 0.97
    off = np.abs(found.warp.astype(int) - PHOTO.pixels)[found.valid]
    assert np.quantile(off, 0.99) <= 2


def test_a_point_keeps_its_place_and_colour_when_the_head_turns(controller):
    still, turned = (controller(posed(controller, t)) for t in (0.0, 0.15))
    head = REGIONS.index("head")
    a, b = (f.valid[0] & f.regions[0, ..., head] for f in (still, turned))
    from scipy.spatial import cKDTree

    near, which = cKDTree(still.dense[0][a]).query(turned.dense[0][b])
    close = near < 0.008
    assert close.mean() > 0.5
    off = np.abs(still.warp[0][a][which].astype(int) - turned.warp[0][b])[close]
    assert np.median(off) <= 4
    moved = np.abs(turned.dense - still.dense)[:, a].max()
    assert moved > 0.05


def test_other_sizes_show_the_same(controller):
    half = Controller(PHOTO.pixels, PERSON, (80, 60))(posed(controller, 0.1))
    full = controller(posed(controller, 0.1))
    small = full.regions[0, 1::2, 1::2].argmax(-1)
    assert (half.regions[0].argmax(-1) == small).mean() > 0.96


def test_the_component_draws_each_map():
    call = {"image": PHOTO, "person": PERSON, "motion": example_turns()}
    for name, shape, kind in (
        ("dense", (2, 120, 160, 3), "float32"), ("regions", (2, 120, 160, 1), "uint8"),
        ("warp", (2, 120, 160, 3), "uint8"), ("all", (2, 120, 480, 3), "uint8"),
    ):  # fmt: skip
        frames = ControlMaps(ControlsConfig(map=name)).render(**call)
        assert (
            frames.pixels.shape == shape and str(frames.pixels.dtype) == kind and frames.fps == 25
        )
    with pytest.raises(InvalidInput, match="10×20"):
        ControlMaps().render(PHOTO, replace(PERSON, size=(10, 20)), example_turns())


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match="regions"):
        Controls(
            np.zeros((1, 4, 5, 3)),
            np.zeros((1, 4, 5, 2)),
            np.zeros((1, 4, 5, 3)),
            np.zeros((1, 4, 5)),
        )


def test_every_part_has_a_region():
    from interleaf_vlogger.controlling import REGION_OF_PART

    named = {p: REGIONS[REGION_OF_PART[i]] for i, p in enumerate(PARTS)}
    assert named["eye.L"] == named["eye.R"] == "eyes" and named["tongue"] == "mouth"
    assert named["hand.L"] == "hand.L" and named["foot.R"] == "body"


def test_the_command_writes_arrays_and_a_video(tmp_path, monkeypatch):
    import scipy.io.wavfile

    import interleaf_vlogger.controls_command as command
    from interleaf.values import Image
    from interleaf_media.videos import open_video
    from interleaf_media.writing import encode_png
    from interleaf_vlogger.components import TalkingMotion
    from interleaf_vlogger.config import MotionConfig

    class Small(TalkingMotion):
        def __init__(self, config=None):
            super().__init__(MotionConfig(body="capsule", width=16, layers=1, components=4))
            self.initialise(0)

    monkeypatch.setattr(command, "TalkingMotion", Small)
    monkeypatch.setattr(command, "fit", lambda *_: PERSON)
    photo, voice, points = (tmp_path / n for n in ("a.png", "a.wav", "a.yaml"))
    photo.write_bytes(encode_png(Image(PHOTO.pixels)))
    scipy.io.wavfile.write(voice, 16_000, np.zeros(3200, np.int16))
    points.write_text("{left_eye: [90, 40], right_eye: [70, 40], nose: [80, 50], chin: [80, 75]}")
    command.controls(photo, voice, tmp_path / "c.npz", points, 64, 0, 2)
    held = np.load(tmp_path / "c.npz")
    assert held["dense"].shape == (5, 48, 64, 3) and held["regions"].shape == (5, 48, 64, 7)
    assert held["names"].tolist() == list(REGIONS) and held["fps"] == 25
    command.controls(photo, voice, tmp_path / "c.mp4", points, 64, 0, 2)
    info = open_video(tmp_path / "c.mp4").info
    assert (info.width, info.height, info.n_frames) == (192, 48, 5)
    with pytest.raises(InvalidInput, match="ending"):
        command.controls(photo, voice, tmp_path / "c.txt", points)
