"""Sessions, timelines, feet, hands: what is emitted stays, goals are met, feet stand still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.skeleton import world
from interleaf_trumans.examples import example_scene
from interleaf_trumans.judging import measures
from interleaf_trumans.judging.components import places
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import BadScene
from interleaf_trumans.walking import legs
from interleaf_trumans.walking.cleaning import SHAKEN, shaken, whole
from interleaf_trumans.walking.clips import (
    JOINTS,
    Clip,
    Library,
    canonical,
    facing,
    library,
    mirrored,
    plain,
)
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.matcher import Matcher
from interleaf_trumans.walking.playing import play
from interleaf_trumans.walking.reach import Hand
from interleaf_trumans.walking.session import Session, lost
from interleaf_trumans.walking.timeline import timeline_of
from interleaf_trumans.walking.walker import Steer


@pytest.fixture(scope="module")
def walker() -> Matcher:
    return Matcher(made_clips())


@pytest.fixture(scope="module")
def scene() -> Scene:
    return example_scene()


def session(scene: Scene, walker: Matcher, seed: int = 0) -> Session:
    return Session(scene, walker, start=(1.5, -2.0), yaw=0.0, seed=seed)


def same(a: Motion, b: Motion) -> bool:
    return a.root.tobytes() == b.root.tobytes() and a.rotations.tobytes() == b.rotations.tobytes()


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 25),
        st.sampled_from([
            {"goal": (1.5, 2.0)}, {"goal": (-1.5, 1.0)}, {"goal": "anywhere"}, {"goal": None},
            {"action": "stand"},
            {"hand": Hand("right_wrist", (1.2, 1.2, -1.5))}, {"hand": Hand("left_wrist", (1.9, 1.0, -1.2))},
            {"hand": None}, {"goal": (-1.5, -1.5), "speed": 0.7, "hand": None},
        ]),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(CHANGES, st.integers(0, 3))
def test_emitted_frames_never_change(
    changes: list[tuple[int, dict[str, object]]], seed: int
) -> None:
    walker, scene = Matcher(made_clips()), example_scene()
    s = session(scene, walker, seed)
    s.set(goal=(1.5, 2.0))
    given_: list[tuple[bytes, bytes]] = []
    chunks = []
    for count, change in changes:
        chunk = s.step(count)
        chunks.append(chunk)
        given_.append((chunk.root.tobytes(), chunk.rotations.tobytes()))
        s.set(**change)
    chunks.append(s.step(10))
    given_.append((chunks[-1].root.tobytes(), chunks[-1].rotations.tobytes()))
    for chunk, (root, turns) in zip(chunks, given_, strict=True):
        assert chunk.root.tobytes() == root
        assert chunk.rotations.tobytes() == turns
        assert not chunk.root.flags.writeable
    whole = s.motion
    assert np.array_equal(whole.root, np.concatenate([c.root for c in chunks]))
    assert np.array_equal(whole.rotations, np.concatenate([c.rotations for c in chunks]))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_frames_do_not_depend_on_how_they_are_asked_for(counts: list[int]) -> None:
    walker, scene = Matcher(made_clips()), example_scene()
    one, many = session(scene, walker), session(scene, walker)
    for s in (one, many):
        s.set(goal=(-1.5, 1.5), hand=Hand("right_wrist", (0.0, 1.1, 0.0)))
    whole = one.step(sum(counts))
    for count in counts:
        many.step(count)
    assert same(whole, many.motion)


def test_a_change_is_a_change_of_what_follows_alone(scene: Scene, walker: Matcher) -> None:
    plain_, changed = session(scene, walker), session(scene, walker)
    for s in (plain_, changed):
        s.set(goal=(1.5, 2.0))
        s.step(37)
    changed.set(goal=(-1.5, -1.5))
    a, b = plain_.step(40), changed.step(40)
    assert same(Motion(plain_.motion.root[:37], plain_.motion.rotations[:37], *rest(a)),
                Motion(changed.motion.root[:37], changed.motion.rotations[:37], *rest(a)))  # fmt: skip
    assert not same(a, b)


def rest(m: Motion) -> tuple[object, ...]:
    return m.joints, m.parents, m.offsets, m.fps


def test_truncate_goes_back_and_on_again(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    s.set(goal=(1.5, 2.0))
    s.step(50)
    s.set(goal=(-1.5, -1.5))
    s.step(30)
    before = s.motion
    s.truncate(33)
    assert s.frame == 33
    assert same(s.motion, Motion(before.root[:33], before.rotations[:33], *rest(before)))
    again = s.step(40)  # as asked then: towards the first goal
    s.truncate(33)
    assert same(s.step(40), again)
    with pytest.raises(BadScene, match="cannot go back"):
        s.truncate(99)


def test_goals_are_met_without_leaps_or_sliding(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    for goal in ((-1.5, 1.5), (1.5, 1.0), (-1.5, -1.5), (1.5, -2.0)):
        s.set(goal=goal)
        s.step(270)
        assert s.arrived, goal
    joints = places(s.motion)
    assert measures.joint_speed(joints, 30) < 8.0
    assert measures.bone_drift(joints) < 1e-9
    assert (measures.depths(joints, scene.distances()) > 0.02).mean() < 0.01
    slid = measures.sliding(joints, 30)
    assert slid.speed is not None
    assert slid.speed < 15.0
    assert slid.contact is not None
    assert slid.contact > 0.3


def test_bodies_come_to_stand_on_their_goals(scene: Scene, walker: Matcher) -> None:
    off = []
    for seed in range(12):
        s = session(scene, walker, seed)
        s.set(action="walk", goal="anywhere")
        for _ in range(100):
            s.step(6)
            if s.arrived:
                break
        s.step(24)
        off.append(float(np.linalg.norm(s.place - s.wish.goal)))
    assert max(off) < 0.2 and np.mean(off) < 0.06, off


def test_a_body_beside_the_end_of_its_way_seeks_another_and_one_on_it_does_not() -> None:
    end, long = np.array([[0.0, 0.0], [0.0, 0.1]]), np.array([[0.0, 0.0], [0.0, 3.0]])
    assert lost(end, 0.25) and not lost(end, 0.1)
    assert lost(long, 0.7) and not lost(long, 0.25)


def test_a_body_that_comes_to_stand_is_kept_off_things_too(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    s.set(action="walk", goal="anywhere")
    s.step(40)
    rng = np.random.default_rng(0)

    def coasts(room: object) -> float:
        _, after = walker.advance(s.state, Steer("stand", room=room), 12, rng)
        return float(np.linalg.norm(after.place - s.state.place))

    assert coasts(None) > 0.1
    assert coasts(lambda place, moves: 0 * moves) == 0


def test_a_body_that_stands_moves_little_and_feet_stay(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    s.set(goal=(1.5, 0.0))
    s.step(200)
    toes = world(s.step(60))[1][:, legs.TOES]
    assert np.ptp(toes, axis=0)[:, [0, 2]].max() < 0.01


def test_hands_reach_what_is_near_and_point_at_what_is_far(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    s.step(10)
    near = Hand("right_wrist", (1.25, 1.2, -1.65))
    s.set(hand=near)
    s.step(30)
    wrist = JOINTS.index("right_wrist")
    assert np.linalg.norm(world(s.step(1))[1][0, wrist] - near.at) < 0.01
    s.set(hand=Hand("right_wrist", (9.0, 1.2, -1.65)))
    heads = world(s.step(30))[1][-1]
    arm = heads[wrist] - heads[JOINTS.index("right_shoulder")]
    assert np.linalg.norm(arm) > 0.48  # stretched
    s.set(hand=None)
    free = world(s.step(40))[1][-1, wrist]
    assert free[1] < 1.1


def test_wishes_that_cannot_be_change_nothing(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    s.set(goal=(1.5, 2.0))
    s.step(11)
    wish = s.wish
    bad = ({"action": "wlak"}, {"goal": (0.0, 0.0)}, {"goal": "there"}, {"hand": "left"}, {"speed": -1.0},
           {"hand": Hand("nose", (0, 0, 0))}, {"goal": (np.nan, 1.0)})  # fmt: skip
    for change in bad:
        with pytest.raises(BadScene) as caught:
            s.set(**change)  # type: ignore[arg-type]
        assert caught.value.hint
        assert s.wish is wish
    with pytest.raises(BadScene, match="furniture"):
        Session(scene, walker, start=(0.0, 0.0))


def test_a_session_without_memory_stays_small(scene: Scene, walker: Matcher) -> None:
    s = Session(scene, walker, start=(1.5, -2.0), keep=False)
    for _ in range(40):
        if s.arrived:
            s.set(goal="anywhere")
        s.step(30)
    assert len(s.pieces) <= 3
    assert s.past.count == 0


def test_an_empty_timeline_is_standing(scene: Scene, walker: Matcher) -> None:
    s = session(scene, walker)
    play(s, timeline_of({"actions": []}))
    m = s.step(90)
    assert np.ptp(m.root[:, [0, 2]], axis=0).max() < 0.02


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"actions": [{"from": 0, "to": 4, "do": "walk"}, {"from": 3, "to": 5, "do": "stand"}]},
            "overlap",
        ),
        ({"actions": [{"from": 0, "to": 4, "do": "walk", "goal": [1]}]}, r"actions\[0\]: goal.*"),
        ({"actions": [{"from": 4, "to": 4, "do": "walk"}]}, "from 4 s to 4 s"),
        ({"actions": [{"from": 0, "to": 4, "do": "walk", "gaol": 1}]}, "unknown key 'gaol'"),
        ({"actions": [{"from": 0, "do": "walk"}]}, "no 'to'"),
        ({"actions": [{"from": 0, "to": float("nan"), "do": "walk"}]}, "to"),
        ({"actions": 3}, "no list"),
        ({"version": 2, "actions": []}, "version 2"),
        (
            {
                "actions": [
                    {"from": 0, "to": 1, "do": "stand", "hand": {"joint": "nose", "at": [0, 0, 0]}}
                ]
            },
            "hand",
        ),
    ],
)
def test_timelines_that_make_no_sense(told: dict[str, object], words: str) -> None:
    with pytest.raises(BadScene, match=words):
        timeline_of(told)


def test_unknown_actions_and_goals_are_said_before_anything_is_made(
    scene: Scene, walker: Matcher
) -> None:
    s = session(scene, walker)
    for told, words in (
        ({"do": "wlak"}, "no action 'wlak'"), ({"do": "walk", "goal": [0.0, 0.0]}, r"actions\[0\]: the goal"),
    ):  # fmt: skip
        with pytest.raises(BadScene, match=words):
            play(s, timeline_of({"actions": [{"from": 0, "to": 2, **told}]}))
        assert s.frame == 0


def test_timeline_as_a_table() -> None:
    t = timeline_of({"actions": [{"from": 1, "to": 3, "do": "walk"}]})
    found = t.table([0, 29, 30, 60, 89, 90, 1e9])
    assert found["walk"].tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert found["stand"].tolist() == [1, 1, 0, 0, 0, 1, 1]
    assert found["progress"][3] == 0.5


def test_clips_can_be_put_together_again() -> None:
    clip = made_clips()[1]
    lib: Library = library([clip], mirror=False)
    yaw, place, track = 0.0, np.zeros(2), []
    for forward, left, turn in lib.step:
        yaw += turn
        s, c = np.sin(yaw), np.cos(yaw)
        place = place + np.array([forward * s + left * c, forward * c - left * s])
        track.append(place)
    moved = (clip.root - clip.root[0])[:, [0, 2]]
    first = facing(
        clip.turns[:1], world(Motion(clip.root[:1], clip.turns[:1], *rest(motion_of(clip))))[1]
    )[0]
    s, c = np.sin(-first), np.cos(-first)
    turned = np.stack([moved[:, 0] * c + moved[:, 1] * s, -moved[:, 0] * s + moved[:, 1] * c], 1)
    assert np.abs(np.array(track) - turned).max() < 0.05


def motion_of(clip: Clip) -> Motion:
    from interleaf_trumans.components import motion_of as made

    return made(clip)


def test_a_mirror_twice_is_nothing() -> None:
    clip = made_clips()[2]
    back = mirrored(mirrored(clip))
    assert np.allclose(back.turns, clip.turns)
    a, b = places(motion_of(clip)), places(motion_of(mirrored(clip)))
    assert np.allclose(a[:, 0] * [-1, 1, 1], b[:, 0])
    assert np.allclose(a[:, legs.TOES[0]] * [-1, 1, 1], b[:, legs.TOES[1]])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_legs_bring_feet_where_they_can(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clip = made_clips()[2]
    turns = clip.turns[rng.integers(len(clip.turns), size=4)]
    shift = rng.uniform(-0.12, 0.12, (4, 2, 3)) * [1, 0.5, 1] + [0, 0.06, 0]
    out = legs.stepped(turns, clip.offsets, shift)
    _, before, now = legs.leg_chain(turns, clip.offsets)
    _, after, then = legs.leg_chain(out, clip.offsets)
    reach = np.linalg.norm(now[2] + shift - now[0], axis=-1)
    near = reach < 0.8
    assert np.abs(then[2] - now[2] - shift)[near].max(initial=0) < 5e-4  # half a millimetre
    same_turn = np.abs((before[2] * after[2]).sum(-1))
    assert np.allclose(same_turn, 1)  # feet are turned as before
    assert np.allclose(np.linalg.norm(out, axis=-1), 1)
    knee = quat.to_rotvec(out[:, legs.KNEE])[..., 0]
    assert knee.min() > -0.05  # no knee bends forward


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("squat1Reps", "squat"),
        ("walking", "walk"),
        ("grabHighR", "grab_high_r"),
        ("jogLeftCircle4StepsR", "jog_left_circle"),
    ],
)
def test_names_of_actions(name: str, word: str) -> None:
    assert plain(name) == word


def test_any_file_becomes_a_clip(data: Path) -> None:
    from interleaf_body.files import read_motion

    clip = canonical(read_motion(data / "motion" / "cmu_bvh" / "cmu_02_01.bvh"))
    heads = world(Motion(clip.root, clip.turns, *rest(motion_of(clip))))[1]
    assert abs(np.percentile(heads[:, legs.TOES, 1].min(1), 10) - 0.02) < 0.005


def test_walks_with_broken_frames_are_not_walked_with() -> None:
    good = made_clips()
    bad = replace(good[1], name="bad", root=good[1].root.copy())
    bad.root[20] += [0.0, 0.4, 0.0]
    assert max(shaken(c) for c in good) < SHAKEN < shaken(bad)
    kick = replace(bad, action="kick")
    kept, broken = whole([*good, bad, kick])
    assert [c.name for c in broken] == ["bad"]
    assert [c.action for c in kept] == [*(c.action for c in good), "kick"]
    assert whole([bad]) == ([bad], [])  # better than nobody
