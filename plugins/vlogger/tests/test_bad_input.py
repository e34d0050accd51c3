"""Photos and sounds as people have them: odd encodings, no face, two faces, silence."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
import scipy.io.wavfile
from PIL import Image as Pictures

import interleaf_vlogger.commands as commands
from interleaf.errors import InvalidInput
from interleaf.values import Audio
from interleaf_media.videos import open_video
from interleaf_vlogger.components import TalkingMotion
from interleaf_vlogger.config import MotionConfig
from interleaf_vlogger.example import example_person, example_photo

PHOTO = example_photo(160, 160).pixels
POINTS = "{left_eye: [90, 60], right_eye: [70, 60], nose: [80, 70], chin: [80, 95]}"
SMALL = MotionConfig(body="capsule", width=16, layers=1, components=4)


class Small(TalkingMotion):
    """A model of random weights on the body without dependencies."""

    def __init__(self, config=None):
        super().__init__(SMALL)
        self.initialise(0)


def encoded(kind):
    """The photo as bytes of a file, and its ending."""
    held, picture = io.BytesIO(), Pictures.fromarray(PHOTO)
    if kind == "alpha":
        picture.putalpha(255)
        picture.save(held, "PNG")
    elif kind == "cmyk":
        picture.convert("CMYK").save(held, "JPEG", quality=95)
    else:
        exif = Pictures.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees clockwise
        picture.rotate(90).save(held, "JPEG", quality=95, exif=exif)
    return held.getvalue(), ".png" if kind == "alpha" else ".jpg"


@pytest.mark.parametrize("kind", ["alpha", "cmyk", "exif"])
def test_photos_of_other_encodings_are_shown_upright_and_whole(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "TalkingMotion", Small)
    monkeypatch.setattr(commands, "fit", lambda *_: example_person(160, 160))
    data, ending = encoded(kind)
    photo, voice, points = tmp_path / f"a{ending}", tmp_path / "a.wav", tmp_path / "a.yaml"
    photo.write_bytes(data)
    points.write_text(POINTS)
    noise = np.random.default_rng(0).normal(0, 3000, (1600, 2))  # 0.2 s, stereo, 8 kHz
    scipy.io.wavfile.write(voice, 8000, noise.astype(np.int16))
    commands.speak(photo, voice, tmp_path / "out.mp4", points, 0, 2, 0.0, False, None, True)
    video = open_video(tmp_path / "out.mp4")
    assert (video.info.width, video.info.height, video.info.n_frames) == (160, 160, 5)
    with av.open(tmp_path / "out.mp4") as held:
        shown = next(held.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    assert np.median(np.abs(shown - PHOTO)) < 8
    assert np.median(np.abs(np.rot90(shown) - PHOTO)) > 20


def test_a_photo_without_a_frontal_face_asks_for_keypoints_and_writes_nothing(tmp_path):
    photo, voice, out = tmp_path / "a.png", tmp_path / "a.wav", tmp_path / "out.mp4"
    Pictures.fromarray(PHOTO).save(photo)
    scipy.io.wavfile.write(voice, 16_000, np.zeros(3200, np.int16))
    with pytest.raises(InvalidInput, match="no frontal face") as told:
        commands.speak(photo, voice, out)
    assert "keypoints" in str(told.value.hint)
    assert not out.exists() and not out.with_suffix(".json").exists()


def test_of_several_faces_the_user_is_told():
    data = pytest.importorskip("skimage.data")
    from interleaf_body.keypoints import detect

    face = data.astronaut()[20:190, 140:310]
    found = detect(np.hstack([face, face]))
    assert "faces were found" in found.notes[0] and found.guessed
    assert detect(face).notes == ()


BEHIND = "{left_shoulder: [50, 140], right_shoulder: [110, 140], chin: [80, 95], nose: [80, 70]}"
PROFILE = "{left_eye: [95, 60], nose: [105, 70], left_mouth: [97, 84], chin: [92, 95]}"


@pytest.mark.parametrize("points", [BEHIND, PROFILE], ids=["behind", "profile"])
def test_whoever_turns_away_is_shown_whole_where_keypoints_say_where(points):
    pytest.importorskip("anny")
    from interleaf_body.backends import body_model
    from interleaf_body.keypoints import read_points
    from interleaf_body.photo import fit
    from interleaf_vlogger.compositor import Compositor

    person = fit(body_model("anny"), "anny", read_points(points, (160, 160)), (160, 160))
    compositor = Compositor(PHOTO, person)
    still = compositor.body(person.rotvec, None, person.transl[None]).vertices[0]
    assert np.abs(compositor.frame(still).astype(float) - PHOTO).mean() < 1
    turned = person.rotvec.copy()
    turned[0, compositor.body.topology.joint_names.index("head"), 2] = 0.2
    moved = compositor.frame(compositor.body(turned, None, person.transl[None]).vertices[0])
    assert moved.shape == PHOTO.shape and (moved != PHOTO).any()


def test_music_moves_the_mouth_within_its_bounds_and_lasts_as_long():
    t = np.arange(3 * 44_100) / 44_100
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330, 440)) / 4
    drums = np.random.default_rng(0).normal(0, 1, len(t)) * (t % 0.5 < 0.03)
    music = Audio(np.stack([chord, 0.5 * chord + drums], 1).astype(np.float32), 44_100)
    found = Small().generate(music, steps=2)
    amounts = found["face"].amounts
    assert len(amounts) == 75 and np.isfinite(found["motion"].rotations).all()
    assert amounts.min() >= 0 and amounts.max() <= 1


def test_ten_minutes_come_whole():
    rng = np.random.default_rng(0)
    second = rng.normal(0, 0.05, (8000, 1)).astype(np.float32)
    found = Small().generate(Audio(np.tile(second, (600, 1)), 8000), steps=1, draws=1)
    assert len(found["face"].amounts) == len(found["motion"].root) == 15_000
    assert np.isfinite(found["face"].amounts).all() and np.isfinite(found["motion"].rotations).all()


def test_silence_closes_the_mouth_and_sound_opens_it():
    pytest.importorskip("anny")
    model, rng = TalkingMotion(MotionConfig()), np.random.default_rng(0)

    def jaw(samples):
        sound = Audio(samples.astype(np.float32)[:, None], 16_000)
        face = model.generate(sound, steps=5)["face"]
        return face.amounts[:, face.names.index("jawOpen")]

    quiet = jaw(np.zeros(32_000))
    t = np.arange(32_000) / 16_000  # a sung vowel, on and off
    pulses = np.sign(np.sin(2 * np.pi * 120 * t)) * (np.sin(2 * np.pi * 2 * t) > 0)
    loud = jaw(0.2 * pulses + rng.normal(0, 0.002, len(t)))
    assert np.quantile(quiet[10:], 0.9) < 0.15 * np.quantile(loud, 0.9)
