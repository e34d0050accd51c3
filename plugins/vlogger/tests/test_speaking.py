"""The compositor and the commands."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from interleaf.errors import InvalidInput
from interleaf_body.model import PARTS
from interleaf_vlogger.compositor import COARSE, Compositor
from interleaf_vlogger.example import example_person, example_photo, example_turns
from interleaf_vlogger.layers import push_pull, sampled
from interleaf_vlogger.speaking import Composite, Manner, poses

PERSON = example_person(160, 160)
PHOTO = example_photo(160, 160).pixels


@pytest.fixture(scope="module")
def compositor():
    return Compositor(PHOTO, PERSON)


def posed(compositor, **turns):
    rotvec = PERSON.rotvec.copy()
    names = compositor.body.topology.joint_names
    for name, turn in turns.items():
        rotvec[0, names.index(name), 1] = turn
    return compositor.body(rotvec, None, PERSON.transl[None]).vertices[0]


def test_a_body_that_keeps_still_is_the_photo(compositor):
    assert np.array_equal(compositor.frame(posed(compositor)), PHOTO)


def test_a_head_that_turns_takes_its_pixels_along_and_leaves_what_is_far(compositor):
    moved = compositor.frame(posed(compositor, head=0.25))
    head = compositor.part == PARTS.index("head")
    changed = (moved != PHOTO).any(-1)
    assert changed[head].mean() > 0.5
    near = np.kron(compositor.far > 0, np.ones((COARSE, COARSE), bool))
    near = ndimage.binary_dilation(near, iterations=2 * COARSE)
    assert (~near).mean() > 0.05 and not changed[~near].any()


def test_what_the_photo_shows_is_found_again(compositor):
    # a point of the surface keeps its colour: compare along the body's own offsets
    vertices = posed(compositor, head=0.1)
    offsets, sure, part = compositor._offsets(vertices[None])
    inside = sure & (part == PARTS.index("head"))
    field = offsets - compositor.still * sure[..., None]
    assert inside.sum() > 100
    found = compositor.frame(vertices)[inside].astype(float)
    assert np.median(np.abs(found - sampled(PHOTO, field)[inside])) <= 2


def test_no_offset_is_the_photo_and_whole_offsets_are_whole_pixels():
    field = np.zeros((*PHOTO.shape[:2], 2), np.float32)
    assert np.array_equal(sampled(PHOTO, field), PHOTO)
    field[..., 0] = 3
    assert np.array_equal(sampled(PHOTO, field)[:, :-3], PHOTO[:, 3:])


def test_holes_are_filled_from_around():
    known = np.ones((40, 30), np.float32)
    known[10:30, 8:20] = 0
    values = np.stack([np.full((40, 30), 2.0), np.full((40, 30), -1.0)], -1) * known[..., None]
    assert np.allclose(push_pull(values.astype(np.float32), known), [2.0, -1.0], atol=1e-4)


def test_arms_stay_unless_asked_and_liveliness_scales(compositor):
    turns = np.full((1, 39), 0.2)
    names = compositor.body.topology.joint_names
    still = poses(compositor, turns, Manner())[0]
    assert np.allclose(still[names.index("left_elbow")], 0)
    assert np.allclose(still[names.index("head")], 0.1, atol=1e-6)
    assert np.allclose(
        poses(compositor, turns, Manner(1.0, True))[0, names.index("left_elbow")], 0.2, atol=1e-6
    )


def test_a_person_of_another_photo_is_refused():
    person = replace(PERSON, size=(10, 20))
    with pytest.raises(InvalidInput, match="10×20"):
        Composite().apply(example_photo(160, 160), person, example_turns())


def test_commands_refuse_other_endings(tmp_path):
    from interleaf_vlogger.commands import motion, speak

    with pytest.raises(InvalidInput, match="mp4"):
        speak(tmp_path / "a.png", tmp_path / "a.wav", tmp_path / "a.avi")
    with pytest.raises(InvalidInput, match="ending"):
        motion(tmp_path / "a.wav", tmp_path / "a.txt")


def test_a_photo_says_a_sound_with_marks(tmp_path, monkeypatch):
    """The whole way, on the body without dependencies and a model of random weights."""
    import scipy.io.wavfile

    import interleaf_vlogger.commands as commands
    from interleaf.values import Image
    from interleaf_media.videos import open_video
    from interleaf_media.writing import encode_png
    from interleaf_vlogger.components import TalkingMotion
    from interleaf_vlogger.config import MotionConfig
    from interleaf_vlogger.example import example_pairs

    small = MotionConfig(body="capsule", width=16, layers=1, components=4)

    class Small(TalkingMotion):
        def __init__(self, config=None):
            super().__init__(small)
            self.initialise(0)

    monkeypatch.setattr(commands, "TalkingMotion", Small)
    monkeypatch.setattr(commands, "fit", lambda *_: PERSON)
    photo, voice, points = (tmp_path / n for n in ("a.png", "a.wav", "a.yaml"))
    photo.write_bytes(encode_png(Image(PHOTO)))
    samples = example_pairs(1)[0].samples[:20_000]
    scipy.io.wavfile.write(voice, 16_000, samples)
    points.write_text("{left_eye: [90, 60], right_eye: [70, 60], nose: [80, 70], chin: [80, 95]}")
    with pytest.raises(InvalidInput, match="no renderer 'paint'"):
        commands.speak(photo, voice, tmp_path / "a.mp4", points, renderer="paint")
    commands.speak(
        photo, voice, tmp_path / "out.mp4", points, 0, 2, 0.5, False, None, True, "compositor"
    )
    info = open_video(tmp_path / "out.mp4").info
    assert (info.width, info.height, info.n_frames) == (160, 160, round(20_000 / 16_000 * 25))
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["renderer"] == "compositor"
    assert told["mark"].startswith("synthetic") and len(told["video_sha256"]) == 64
    assert b"synthetic" in (tmp_path / "out.mp4").read_bytes()
