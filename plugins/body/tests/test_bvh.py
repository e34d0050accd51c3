"""BVH in and out: every clip there is, every fault at its line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body import skeleton
from interleaf_body.bvh import parse_bvh, read_bvh
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.files import read_motion
from interleaf_body.lines import Lines
from interleaf_body.roles import ROLES, roles_of

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT LeftUpLeg
  {
    OFFSET 0.1 -0.1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT LeftLeg
    {
      OFFSET 0 -0.7 0
      CHANNELS 3 Yrotation Xrotation Zrotation
      End Site
      {
        OFFSET 0 -0.7 0
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 2 3 10 20 30 0 0 0 5 6 7
1 2 3 11 21 31 0 0 0 6 7 8
"""


def parsed(text, **options):
    return parse_bvh(Lines(text, "clip.bvh"), **options)


def test_all_clips_load_on_their_skeletons(needed):
    for folder, count, joints in ((("motion",), 306, 25), (("gesture_bvh",), 37, 31)):
        files = sorted(needed(*folder).rglob("*.bvh"))
        assert len(files) == count
        for file in files:
            motion = skeleton.check(read_bvh(file))
            assert (len(motion.joints), motion.fps) == (joints, 30.0), file
            assert set(roles_of(motion)) == set(ROLES), file
            head = skeleton.world(skeleton.selected(motion, slice(0, 1)))[1]
            assert 0.3 < np.ptp(head[0, :, 1]) < 2.2, file


def test_a_joint_turns_about_its_channels_in_their_order():
    motion = parsed(BVH, unit="m")
    assert motion.joints == ("Hips", "LeftUpLeg", "LeftLeg") and motion.parents == (-1, 0, 1)
    assert np.allclose(motion.root, [[1, 2, 3]] * 2) and motion.fps == 30.0
    x, y, z = (quat.about(axis, np.radians(a)) for axis, a in ((0, 6.0), (1, 5.0), (2, 7.0)))
    expected = quat.multiply(y, quat.multiply(x, z))
    assert np.allclose(motion.rotations[0, 2], expected)


def test_ends_on_request_and_files_without_any():
    assert parsed(BVH, unit="m", ends=True).joints[-1] == "LeftLeg_end"
    start, stop = BVH.index("      End Site"), BVH.index("    }\n  }\n}\nMOTION")
    assert parsed(BVH[:start] + BVH[stop:], unit="m").joints == parsed(BVH, unit="m").joints


@pytest.mark.parametrize(
    ("step", "fps"), [("0.0416667", 24.0), ("0.00833333", 120.0), ("0.03336667", 29.97)]
)
def test_frame_rates(step, fps):
    assert parsed(BVH.replace("0.0333333", step), unit="m").fps == pytest.approx(fps, rel=1e-4)


def test_crlf_one_frame_and_lower_case_channels():
    motion = parsed(BVH, unit="m")
    for text in (BVH.replace("\n", "\r\n"), BVH.replace("Xrotation", "xrotation")):
        assert np.array_equal(parsed(text, unit="m").rotations, motion.rotations)
    single = BVH.replace("Frames: 2", "Frames: 1").rsplit("\n", 2)[0]
    assert len(parsed(single, unit="m").root) == 1


@pytest.mark.parametrize(
    ("unit", "factor"), [("m", 1), ("cm", 100), ("inch", 1 / 0.0254), ("mm", 1000)]
)
def test_units_are_told_by_the_size_of_the_body(unit, factor):
    motion = parsed(BVH, unit="m")
    assert np.allclose(parsed(format_bvh(motion, unit=unit)).offsets, motion.offsets, atol=1e-5)
    scaled = BVH.replace("0.7", str(0.7 * factor)).replace("0.1", str(0.1 * factor))
    assert np.allclose(parsed(scaled).offsets, motion.offsets, atol=1e-9)


def test_a_size_that_no_person_has_is_refused():
    with pytest.raises(InvalidInput, match="say the unit"):
        parsed(BVH.replace("0.7", "0.0007").replace("0.1", "0"))


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("1 2 3 11 21", "1 2 nan 11 21", 25, "'nan'"),
        ("1 2 3 10 20", "1 2 x 10 20", 24, "'x' is no number"),
        ("6 7 8", "6 7", 25, "11 numbers"),
        ("Frames: 2", "Frames: 3", 25, "but 2 rows"),
        ("Frames: 2", "Frames: two", 22, "Frames: <how many>"),
        ("0.0333333", "0,0333333", 23, "write 0.0333333"),
        ("0.0333333", "0", 23, "positive"),
        (
            "OFFSET 0 -0.7 0\n      CHANNELS",
            "OFFSET 0 -0.7\n      CHANNELS",
            12,
            "3 finite numbers",
        ),
        ("CHANNELS 3 Y", "CHANNELS 4 Y", 13, "CHANNELS <how many>"),
        ("3 Yrotation", "3 Wrotation", 13, "channel 'Wrotation'"),
        ("3 Yrotation", "3 Xrotation", 13, "channel 'Xrotation'"),
        ("JOINT LeftLeg", "JOINT Hips", 10, "a second joint"),
        ("JOINT LeftLeg", "BONE LeftLeg", 10, "'BONE'"),
        ("}\nMOTION", "MOTION", 20, "close every {"),
        ("HIERARCHY", "HELLO", 1, "HIERARCHY"),
    ],
)
def test_faults_are_found_at_their_line(old, new, line, what):
    assert old in BVH
    with pytest.raises(InvalidInput) as caught:
        parsed(BVH.replace(old, new, 1), unit="m")
    assert f"clip.bvh:{line}:" in str(caught.value)
    assert what in str(caught.value)


def test_every_bad_row_is_listed():
    text = BVH.replace("1 2 3 10", "NaN 2 3 10").replace("1 2 3 11", "1 inf 3 11")
    with pytest.raises(InvalidInput, match="line 24: 'NaN'; line 25: 'inf'"):
        parsed(text)


@given(st.integers(0, len(BVH)), st.integers(0, len(BVH)), st.text(max_size=3))
def test_any_damage_is_an_error_or_a_sound_motion(a, b, word):
    try:
        skeleton.check(parsed(BVH[: min(a, b)] + word + BVH[max(a, b) :], unit="m"))
    except InvalidInput:
        pass


def test_foreign_files(tmp_path):
    for name, content, what in (
        ("a.bvh", b"", "empty"), ("b.bvh", b"\0\1\2", "not a text"), ("c.fbx", b"x", "not a motion"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=what):
            read_motion(tmp_path / name)
    with pytest.raises(InvalidInput, match="No such file"):
        read_motion(tmp_path / "none.bvh")


def test_moving_bones_are_refused_and_still_ones_are_offsets():
    text = BVH.replace("CHANNELS 3 Zrotation", "CHANNELS 6 Xposition Yposition Zposition Zrotation")
    rows = ["1 2 3 10 20 30 0.2 -0.1 0 0 0 0 5 6 7", "1 2 3 10 20 30 0.2 -0.1 0 0 0 0 5 6 7"]
    head = text[: text.index("1 2 3 10")]
    assert np.allclose(parsed(head + "\n".join(rows), unit="m").offsets[1], [0.2, -0.1, 0])
    moved = [rows[0], rows[1].replace("0.2 -0.1", "0.5 -0.1")]
    with pytest.raises(InvalidInput, match="keep their length"):
        parsed(head + "\n".join(moved), unit="m")


ANGLES = arrays(np.float64, (3, 4, 3), elements=st.floats(-3.2, 3.2))


@given(ANGLES, st.sampled_from(["XYZ", "ZXY", "YZX"]))
def test_what_is_written_is_read(turns, order):
    offsets = np.array([[0, 0, 0], [0, 0.4, 0], [0.1, 0.5, 0.2], [0, 0.3, 0]])
    parents = (-1, 0, 1, 0)
    motion = Motion(
        turns[:, 0] / 3, quat.from_rotvec(turns), ("a", "b", "b_end", "c d"), parents, offsets, 24
    )
    again = parsed(format_bvh(motion, order=order), unit="m", ends=True)
    assert again.joints == (*motion.joints, "c d_end") and again.fps == 24
    _, expected = skeleton.world(motion)
    assert np.allclose(skeleton.world(again)[1][:, :4], expected, atol=1e-5)


def test_resampling_keeps_what_it_passes_through():
    motion = parsed(BVH, unit="m")
    twice = skeleton.resample(motion, 60.0)
    assert len(twice.root) == 3
    assert np.allclose(twice.rotations[::2], motion.rotations, atol=1e-6)
    assert np.allclose(skeleton.resample(twice, 30.0).root, motion.root)
