"""Objects that change, and bodies that touch them still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.values import Motion
from interleaf_body.skeleton import world
from interleaf_trumans.augmenting import Augment
from interleaf_trumans.config import AugmentConfig
from interleaf_trumans.judging.components import places
from interleaf_trumans.judging.measures import bone_drift
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS
from interleaf_trumans.walking.contacts import Solid, touches
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.reach import Hand, Reach

TABLE = {
    "middle": (0.0, 0.475, 0.45),
    "size": (1.2, 0.95, 0.5),
}  # in front of a body at 0 that faces +z
TOUCH = (-0.15, 1.0, 0.26)  # the right hand on its top: 5 cm of hand between


def reaching() -> Motion:
    """120 frames of standing; from second 1 to 3 the right hand is on the table."""
    clip = made_clips()[-1]
    root, turns = np.repeat(clip.root[:1], 150, 0), np.repeat(clip.turns[:1], 150, 0)
    reach = Reach()
    reach.tell(20, Hand("right_wrist", TOUCH))
    reach.tell(80, None)
    return Motion(
        root, reach.apply(0, root, turns, clip.offsets), JOINTS, PARENTS, clip.offsets, FPS
    )


def wrist(motion: Motion, frame: int) -> np.ndarray:
    return np.asarray(world(motion)[1][frame, JOINTS.index("right_wrist")])


@settings(max_examples=8, deadline=None)
@given(
    st.floats(0.7, 1.15),
    st.floats(0.35, 0.6),
    st.floats(-20, 20),
    st.floats(-0.1, 0.1),
    st.floats(-0.1, 0.15),
)
def test_contacts_are_kept_within_a_centimetre(
    height: float, depth: float, yaw: float, x: float, z: float
) -> None:
    motion = reaching()
    config = AugmentConfig(
        **TABLE, to_size=(1.2, height, depth), to_middle=(x, height / 2, 0.45 + z), to_yaw=yaw
    )
    out = Augment(config).apply(motion)
    made, found = out["motion"], out["contacts"]
    assert list(found.columns["joint"]) == ["right_wrist"]
    assert max(found.columns["error"]) < 0.01
    top = wrist(made, 60)[1] - 0.05
    assert abs(top - height) < 0.01  # on the new top, as it was on the old one
    assert bone_drift(places(made)) < 1e-9
    later = np.abs(world(made)[1] - world(motion)[1])[-20:].max((0, 2))
    legs = [j for j, name in enumerate(JOINTS) if name.split("_")[-1] in ("knee", "ankle", "foot")]
    assert np.delete(later, legs).max() < 1e-4  # long after: as it was
    assert later[legs].max() < 0.06  # but for feet, which stand where they stepped
    toes = world(made)[1][:, [JOINTS.index("left_foot"), JOINTS.index("right_foot")]]
    assert np.abs(np.diff(toes[..., 1], axis=0)).max() < 0.03


def test_nothing_changes_when_the_object_does_not() -> None:
    motion = reaching()
    made = Augment(AugmentConfig(**TABLE)).apply(motion)["motion"]
    assert np.abs(world(made)[1] - world(motion)[1]).max() < 1e-9


def test_a_lower_seat_takes_the_body_with_it_and_leaves_the_feet() -> None:
    clip = made_clips()[-1]
    root, turns = np.repeat(clip.root[:1], 90, 0), np.repeat(clip.turns[:1], 90, 0)
    top = float(root[0, 1]) - 0.12
    motion = Motion(root, turns, JOINTS, PARENTS, clip.offsets, FPS)
    box = {"middle": (0.0, top / 2, 0.0), "size": (0.4, top, 0.4)}
    out = Augment(AugmentConfig(**box, to_size=(0.4, top - 0.1, 0.4))).apply(motion)
    made = out["motion"]
    assert np.allclose(made.root[:, 1], root[:, 1] - 0.1, atol=1e-6)
    feet = [JOINTS.index("left_ankle"), JOINTS.index("right_ankle")]
    assert np.abs(world(made)[1][:, feet] - world(motion)[1][:, feet]).max() < 5e-3
    assert max(out["contacts"].columns["error"]) < 1e-6


@given(st.tuples(*[st.floats(-2, 2)] * 3), st.floats(-3, 3))
def test_the_nearest_point_of_a_box_is_on_it_and_nearest(
    point: tuple[float, ...], yaw: float
) -> None:
    box = Solid(np.array([0.3, 0.5, -0.2]), np.array([0.8, 1.0, 0.6]), yaw)
    share, out, far = box.nearest(np.array([point]))
    on = box.world(share * box.size / 2)
    assert np.linalg.norm(on - point) == pytest.approx(abs(far[0]), abs=1e-9)
    assert np.abs(share).max() == pytest.approx(1.0)
    assert np.allclose(box.world(share * box.size / 2 + out * far[:, None]), [point], atol=1e-9)


def test_who_walks_past_does_not_sit() -> None:
    motion = reaching()
    beside = Solid(np.array([0.35, 0.5, 0.0]), np.array([0.4, 1.0, 0.4]))  # 15 cm from the middle
    assert not [t for t in touches(motion, beside, beside, 0.05) if t.joint == "pelvis"]
