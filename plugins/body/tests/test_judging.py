"""What the evaluators say of movements whose faults are known."""

from dataclasses import replace

import numpy as np
import pytest

import interleaf
from interleaf_body import judging, skeleton
from interleaf_body import quaternions as quat
from interleaf_body.bvh import read_bvh
from interleaf_body.roles import ROLES
from interleaf_body.samples import sample_motion


def still(frames=30):
    turns = np.broadcast_to(quat.IDENTITY, (frames, 22, 4)).copy()
    return replace(
        sample_motion(frames), rotations=turns, root=np.tile([0, 0.95, 0.0], (frames, 1))
    )


def test_a_pushed_statue_slides_as_fast_as_it_is_pushed():
    motion = still()
    assert judging.sliding(motion, 0.05, 0.2).speed == 0
    pushed = replace(motion, root=motion.root + np.arange(30)[:, None] / 30 * [0.3, 0, 0.4])
    assert judging.sliding(pushed, 0.05, 0.2).speed == pytest.approx(0.5)
    lifted = replace(motion, root=motion.root + np.arange(30)[:, None] / 30 * [0, 3.0, 0])
    assert judging.sliding(lifted, 0.05, 0.2).speed is None


def test_jerk_of_a_cubic_path():
    motion = still()
    cubic = replace(motion, root=(np.arange(30.0)[:, None] / 30) ** 3 * [1, 0, 0])
    assert np.allclose(judging.jerk(cubic), 6.0)
    assert judging.jerk(still(3)) is None


def test_a_longer_leg_and_a_bone_without_length_show():
    motion = still()
    offsets = motion.offsets.copy()
    offsets[ROLES.index("left_knee")] *= 1.5
    offsets[ROLES.index("spine3")] = 0
    spoilt = replace(motion, offsets=offsets)
    report = interleaf.load("body.bones").evaluate(spoilt, motion)
    assert report["bone_asymmetry"].value == pytest.approx(0.4)
    assert report["bones_without_length"].value == 1
    assert report["bone_difference"].value == pytest.approx(0.5)
    assert interleaf.load("body.bones").evaluate(motion)["bone_difference"].value is None


@pytest.mark.parametrize(("role", "axis", "angle", "name"), [
    ("left_knee", 0, -40.0, "left_knee_forward"), ("right_elbow", 1, 175.0, "right_elbow"),
    ("head", 1, 130.0, "head"),
])  # fmt: skip
def test_joints_bent_too_far_are_named(role, axis, angle, name):
    motion = still()
    assert not any(d.any() for d in judging.excess(motion, 10).values())
    motion.rotations[:, ROLES.index(role)] = quat.about(axis, np.radians(angle))
    assert [k for k, d in judging.excess(motion, 10).items() if d.any()] == [name]


def test_real_walks_hardly_slide_and_keep_within_limits(needed):
    files = sorted(needed("motion", "cmu_bvh").glob("cmu_train_walking_[1-9].bvh"))
    for file in files:
        motion = read_bvh(file)
        assert judging.sliding(motion, 0.03, 0.2).speed < 0.3
        worst = {k: float(d.max()) for k, d in judging.excess(motion, 10).items() if d.any()}
        assert not {"left_knee_forward", "right_knee_forward"} & set(worst), (file, worst)
    noisy = replace(
        motion, root=motion.root + np.random.default_rng(0).normal(0, 0.01, motion.root.shape)
    )
    assert judging.jerk(noisy).mean() > 2 * judging.jerk(motion).mean()
    assert skeleton.velocities(motion.root, motion.fps).shape == (len(motion.root) - 1, 3)
