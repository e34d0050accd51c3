"""Edits change what they name and nothing else, bit for bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf.values import Frames, Image
from interleaf_body.model import PARTS
from interleaf_vlogger.editing import edited, read
from interleaf_vlogger.edits import Edit, landmarks
from interleaf_vlogger.example import example_person, example_photo
from interleaf_vlogger.pursuing import pursued
from interleaf_vlogger.video_config import EditConfig

ACTIONS = ("jawOpen", "mouthSmileLeft")
PERSON = example_person(160, 160)
PHOTO = example_photo(160, 160).pixels


def test_edits_are_read():
    half = read("mouth=x0.5@3-7", ACTIONS)
    assert half.scaled and half.value == 0.5
    assert [half.at(t) for t in (2, 3, 7, 8)] == [False, True, True, False]
    assert read("gaze=0.5,-1", ACTIONS).other == -1
    assert read("mouthSmileLeft=0.4", ACTIONS).at(10**6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("mouth", "no edit"), ("mouht=1", "no target 'mouht'"), ("mouth=2", "out of range"),
        ("eyes=x0.5", "out of range"), ("eyes=0.1,0.2", "out of range"), ("jawOpen=-1", "out of range"),
    ],
)  # fmt: skip
def test_what_is_no_edit_is_told(words, told):
    with pytest.raises(InvalidInput, match=told):
        read(words, ACTIONS)


@given(st.floats(0.2, 1.0), st.integers(0, 5), st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_outside_of_the_mask_every_bit_is_the_pictures(amount, grow, seed):
    noise = np.random.default_rng(seed).integers(0, 256, PHOTO.shape).astype(np.uint8)
    made, mask = edited(noise, PERSON, [read(f"jawOpen={amount}", ACTIONS)], grow)
    assert mask.any() and mask.mean() < 0.5
    assert np.array_equal(made[~mask], noise[~mask])
    assert (made != noise).any()


def test_a_mask_of_the_users_holds_too_and_no_change_is_no_change():
    asked = [read("jawOpen=1", ACTIONS)]
    whole, mask = edited(PHOTO, PERSON, asked)
    left = np.zeros(PHOTO.shape[:2], np.uint8)
    left[:, : np.flatnonzero(mask.any(0)).mean().astype(int)] = 255
    made, narrow = edited(PHOTO, PERSON, asked, within=left)
    assert np.array_equal(narrow, mask & (left > 0)) and narrow.any()
    assert np.array_equal(made[left == 0], PHOTO[left == 0]) and (made != PHOTO).any()
    still, none = edited(PHOTO, PERSON, [read("jawOpen=0", ACTIONS)])
    assert not none.any() and np.array_equal(still, PHOTO) and (whole != PHOTO).any()


def test_only_the_frames_named_are_changed():
    still = Frames(np.repeat(PHOTO[None], 4, 0), Fraction(25))
    found = Edit(EditConfig(operations=("jawOpen=0.8@1-2",))).apply(still, PERSON)
    changed = (found["frames"].pixels != PHOTO).any((1, 2, 3))
    assert changed.tolist() == [False, True, True, False]
    outside = found["masks"].pixels[..., 0] == 0
    assert np.array_equal(found["frames"].pixels[outside], still.pixels[outside])


def test_pictures_and_masks_of_other_sizes_are_refused():
    with pytest.raises(InvalidInput, match="160×160"):
        Edit(EditConfig()).apply(Frames(example_photo().pixels[None], Fraction(25)), PERSON)
    with pytest.raises(InvalidInput, match="the mask is 72×64"):
        Edit(EditConfig()).apply(Frames(PHOTO[None], Fraction(25)), PERSON, example_photo())


def test_points_are_pursued_where_a_picture_moves():
    shifts = [(0, 0), (2, 1), (5, 2), (7, 4)]
    big = np.random.default_rng(0).random((40, 40, 3))
    big = np.kron(big, np.ones((8, 8, 1)))
    from scipy import ndimage

    big = (255 * ndimage.gaussian_filter(big, (3, 3, 0))).astype(np.uint8)
    frames = np.stack([big[60 - y : 220 - y, 60 - x : 220 - x] for x, y in shifts])
    points = landmarks(PERSON)
    _, at = pursued(frames, points)
    assert np.nanmax(np.abs(at - at[0] - np.array(shifts)[:, None])) < 0.3
    assert np.isfinite(at).mean() > 0.9


@pytest.fixture(scope="module")
def face():
    """anny's bust drawn with eyes and lips, and its compositor."""
    pytest.importorskip("anny")
    from interleaf_vlogger.portraits import Portrait

    person = Portrait(0)
    photo, part = person.draw(
        person.body(person.person.rotvec, None, person.person.transl[None]).vertices[0]
    )
    return photo, part, person


def test_eyes_that_are_closed_hide_at_least_85_percent_of_the_eyes(face):
    photo, part, person = face
    eyes = np.isin(part, [PARTS.index("eye.L"), PARTS.index("eye.R")])
    asked = [read("eyes=1", person.body.topology.expression_names)]
    made, mask = edited(photo, person.person, asked)
    white = photo.astype(int).min(-1) > 0.8 * photo[eyes].min(-1).mean()
    still_white = made.astype(int).min(-1) > 0.8 * photo[eyes].min(-1).mean()
    assert (white & eyes).sum() > 20
    assert (still_white & eyes).sum() <= 0.15 * (white & eyes).sum()
    assert np.array_equal(made[~mask], photo[~mask]) and mask.mean() < 0.1


def test_the_commands_write_a_photo_and_a_video_without_loss_outside_of_the_mask(
    tmp_path, monkeypatch
):
    import interleaf_vlogger.edit_command as commands
    from interleaf_media.encoding import encode_video
    from interleaf_media.reading import read_image
    from interleaf_media.videos import read_clip
    from interleaf_media.writing import encode_png

    monkeypatch.setattr(commands, "fit", lambda *_: PERSON)
    points = tmp_path / "a.yaml"
    points.write_text("{left_eye: [90, 60], right_eye: [70, 60], nose: [80, 70], chin: [80, 95]}")
    photo, film = tmp_path / "a.png", tmp_path / "a.mkv"
    photo.write_bytes(encode_png(Image(PHOTO)))
    film.write_bytes(encode_video(np.repeat(PHOTO[None], 3, 0), Fraction(25), "ffv1"))
    for source, out, shown in ((photo, "b.png", "m.png"), (film, "b.mkv", "m.mkv")):
        commands.edit(source, tmp_path / out, do=["jawOpen=0.7"], keypoints=points,
                      masks=tmp_path / shown)  # fmt: skip
    read_still = [read_image(tmp_path / n).pixels for n in ("b.png", "m.png")]
    read_film = [read_clip(tmp_path / n).clip.frames.pixels for n in ("b.mkv", "m.mkv")]
    for made, mask in (read_still, read_film):
        outside = mask[..., 0] == 0
        truth = np.broadcast_to(PHOTO, made.shape)
        assert np.array_equal(made[outside], truth[outside]) and (made != truth).any()
    with pytest.raises(InvalidInput, match="nothing to change"):
        commands.edit(photo, tmp_path / "c.png")
    with pytest.raises(InvalidInput, match=r"out\.png of a photo"):
        commands.edit(photo, tmp_path / "c.mp4", mouth="0", keypoints=points)
