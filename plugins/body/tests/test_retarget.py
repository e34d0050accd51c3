"""Motions onto other skeletons: limbs point where they pointed, feet stand where they stood."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interleaf.errors import InvalidInput
from interleaf_body import anny_body, contacts, judging, skeleton
from interleaf_body import quaternions as quat
from interleaf_body.backends import body_model
from interleaf_body.bvh import read_bvh
from interleaf_body.retarget import LIMBS, limb_errors, onto
from interleaf_body.roles import ROLES, roles_of
from interleaf_body.samples import sample_motion

CLIPS = (
    "gesture_bvh/train_walking_01", "gesture_bvh/train_running_01", "gesture_bvh/train_basketball_01",
    "gesture_bvh/train_directing_traffic_01", "motion/cmu_bvh/cmu_test_jumping_1",
    "motion/cmu_bvh/cmu_train_walking_13", "motion/hdm05_bvh/hdm_mm_squat1Reps_037",
)  # fmt: skip


@pytest.fixture(scope="module", params=["capsule", "anny"])
def body(request):
    if request.param == "anny" and not anny_body.prepared():
        pytest.skip("anny is not installed, or was never used here: its first use takes a minute")
    return body_model(request.param).bake()


@pytest.mark.parametrize("clip", CLIPS)
def test_limbs_point_where_they_pointed_and_feet_stay_above_the_floor(body, clip, needed):
    source = read_bvh(needed(f"{clip}.bvh"))
    result = onto(source, body)
    errors = limb_errors(source, result)
    assert set(errors) == set(LIMBS)
    assert max(e.max() for e in errors.values()) < 5
    assert result.joints == body.topology.joint_names
    skeleton.check(result)
    some = skeleton.selected(result, slice(0, None, 5))
    lowest = body.posed(some).vertices[..., 1].min(1)
    assert -0.12 < lowest.min() < 0.06


SLID = (  # without contacts: up to four times as fast as before
    "hdm05_bvh/hdm_bk_throwBasketball_004", "hdm05_bvh/hdm_dg_squat1Reps_030", "cmu_bvh/cmu_01_02",
    "hdm05_bvh/hdm_mm_kickLFront1Reps_023", "hdm05_bvh/hdm_bd_hopBothLegs1hops_001",
    "cmu_bvh/cmu_train_walking_19", "cmu_bvh/cmu_train_walking_32",
)  # fmt: skip


@pytest.mark.parametrize("clip", SLID)
def test_feet_slide_no_more_than_they_did(body, clip, needed):
    source = read_bvh(needed("motion", f"{clip}.bvh"))
    result = onto(source, body)
    before, after = (judging.sliding(m, 0.03, 0.2).speed for m in (source, result))
    assert after <= 1.1 * before
    assert max(e.max() for e in limb_errors(source, result).values()) < 5
    loose = judging.sliding(onto(source, body, contacts=False), 0.03, 0.2).speed
    assert after <= loose + 1e-9


@given(move=arrays(np.float64, (4, 3), elements=st.floats(-0.3, 0.3)))
def test_legs_keep_their_length_whatever_is_asked(move):
    a = np.tile([0.1, 0.9, 0.0], (4, 1))
    b, c = (a + np.array(v) for v in ([0.02, -0.42, 0.05], [0.0, -0.82, -0.05]))
    bent, end = contacts._solved(a, b, c, c + move, np.tile([0.0, 0.0, 1.0], (4, 1)))
    for new, old in ((bent - a, b - a), (end - bent, c - b)):
        lengths = [np.linalg.norm(v, axis=1) for v in (new, old)]
        assert np.allclose(*lengths, atol=1e-9)
    near = np.linalg.norm(c + move - a, axis=1) < 0.81
    assert np.allclose(end[near], (c + move)[near], atol=1e-9)
    same = contacts._solved(a, b, c, c, np.tile([0.0, 0.0, 1.0], (4, 1)))
    assert np.allclose(same[0], b, atol=1e-3) and np.allclose(same[1], c, atol=1e-9)


def test_a_body_of_other_size_walks_in_its_own_steps(needed):
    source = read_bvh(needed("gesture_bvh", "train_walking_01.bvh"))
    tall, small = (body_model("capsule").bake({"height": h}) for h in (1.0, 0.0))
    paths = [np.linalg.norm(np.diff(onto(source, b).root[[0, -1]], axis=0)) for b in (tall, small)]
    assert paths[0] > 1.4 * paths[1]
    kept = onto(source, small, scale_path=False).root
    assert np.allclose(np.diff(kept[[0, -1], 0]), np.diff(source.root[[0, -1], 0]), atol=0.1)


def test_twist_is_shared_and_keeps_the_hand(body):
    if "upperarm02.L" not in body.topology.joint_names:
        pytest.skip("this body has one joint a limb")
    source = sample_motion(2)
    turns = np.broadcast_to(quat.IDENTITY, source.rotations.shape).copy()
    twist = quat.from_rotvec(np.array([1.0, 0, 0]))  # about the forearm, which points along x
    turns[:, ROLES.index("left_elbow")] = twist
    result = onto(replace(source, rotations=turns), body)
    world = skeleton.world(result)[0][0]
    names = result.joints
    angles = [
        np.linalg.norm(quat.to_rotvec(quat.multiply(quat.inverse(world[names.index("upperarm02.L")]),
                                                    world[names.index(n)])))
        for n in ("lowerarm01.L", "lowerarm02.L", "wrist.L")
    ]  # fmt: skip
    assert angles[0] < angles[1] and angles[1] == pytest.approx(angles[2], abs=1e-6)


def test_a_motion_on_the_body_stays_as_it_is(body):
    motion = onto(sample_motion(3), body)
    assert onto(motion, body) is motion


@pytest.mark.parametrize("prefix", ["mixamorig:", ""])
def test_names_of_usual_skeletons_are_known(prefix):
    names = ["Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "RightUpLeg", "RightLeg", "RightFoot",
             "RightToeBase", "Spine", "Spine1", "Spine2", "Neck", "Head", "LeftShoulder", "LeftArm",
             "LeftForeArm", "LeftHand", "RightShoulder", "RightArm", "RightForeArm", "RightHand"]  # fmt: skip
    parents = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 12, 11, 14, 15, 16, 11, 18, 19, 20)
    motion = sample_motion(1)
    renamed = replace(motion, joints=tuple(prefix + n for n in names), parents=parents)
    found = {role: names[j] for role, j in roles_of(renamed).items()}
    assert found["left_hip"] == "LeftUpLeg" and found["right_ankle"] == "RightFoot"
    assert found["left_collar"] == "LeftShoulder" and found["left_shoulder"] == "LeftArm"
    assert [found[f"spine{n}"] for n in (1, 2, 3)] == ["Spine", "Spine1", "Spine2"]
    assert set(found) == set(ROLES)


def test_skeletons_without_known_names_are_refused():
    motion = replace(sample_motion(1), joints=tuple(f"joint{n}" for n in range(22)))
    with pytest.raises(InvalidInput, match="no joints known as left_hip"):
        onto(motion, body_model("capsule").bake())
