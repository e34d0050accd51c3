"""Acclaim skeletons and motions."""

import numpy as np
import pytest

from interleaf.errors import InvalidInput
from interleaf_body import quaternions as quat
from interleaf_body import skeleton
from interleaf_body.amc_writing import format_amc, format_asf
from interleaf_body.files import read_motion
from interleaf_body.samples import sample_motion

ASF = """:version 1.10
:name body
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name femur
     direction 0 -1 0
     length 4.5
     axis 0 0 20 XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
  begin
     id 2
     name tibia
     direction 0 -1 0
     length 4.5
     axis 0 0 20 XYZ
     dof rx
  end
:hierarchy
  begin
    root femur
    femur tibia
  end
"""
AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 4.5 9 0 0 90 0
femur 10 20 30
tibia 40
2
root 4.5 9 0 0 90 0
femur 11 21 31
tibia 41
"""


def written(folder, asf=ASF, amc=AMC):
    (folder / "body.asf").write_text(asf)
    (folder / "body_01.amc").write_text(amc)
    return folder / "body_01.amc"


def test_bones_turn_about_their_own_axes(tmp_path):
    motion = read_motion(written(tmp_path))
    assert motion.joints == ("root", "femur", "tibia") and motion.fps == 120.0
    assert np.allclose(motion.root[0], [0.254, 0.508, 0])
    assert np.allclose(motion.offsets[2], [0, -0.254, 0])
    axes = quat.about(2, np.radians(20.0))
    turn = quat.from_euler(np.radians([30.0, 20.0, 10.0]), "ZYX")  # x first, then y, then z
    expected = quat.multiply(quat.multiply(axes, turn), quat.inverse(axes))
    assert np.allclose(quat.to_matrix(motion.rotations[0, 1]), quat.to_matrix(expected))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("femur 11 21 31", "femur 11 21", "body_01.amc:10:"),
        ("femur 11 21 31", "femur 11 21 nan", "body_01.amc:10:"),
        ("femur 11 21 31\n", "", "body_01.amc:10:"),
        ("tibia 41", "elbow 41", "body_01.amc:11:"),
    ],
)
def test_faults_are_found_at_their_line(tmp_path, old, new, where):
    with pytest.raises(InvalidInput) as caught:
        read_motion(written(tmp_path, amc=AMC.replace(old, new)))
    assert where in str(caught.value)


def test_a_skeleton_is_needed_and_must_be_a_tree(tmp_path):
    with pytest.raises(InvalidInput, match=r"body.asf:\d+: no bone 'femor'"):
        read_motion(written(tmp_path, asf=ASF.replace("root femur", "root femor")))
    file = written(tmp_path)
    (tmp_path / "body.asf").unlink()
    with pytest.raises(InvalidInput, match=r"name the \.asf file"):
        read_motion(file)


def test_what_is_written_is_read(tmp_path):
    motion = sample_motion(5)
    again = read_motion(written(tmp_path, format_asf(motion), format_amc(motion)), fps=30.0)
    places = [again.joints.index(name) for name in ("root", *motion.joints[1:])]
    _, expected = skeleton.world(motion)
    assert np.allclose(skeleton.world(again)[1][:, places], expected, atol=1e-5)
