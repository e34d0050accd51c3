"""The learned walker: what it learns from, its network twice, and how it walks."""

from __future__ import annotations

import numpy as np
import pytest

from interleaf_trumans.motion import frames, material, seeing
from interleaf_trumans.motion.cleaning import SAME, apart, distinct, wrong
from interleaf_trumans.walking.clips import Clip, mirrored
from interleaf_trumans.walking.gait import made_clips


def walk(speed: str = "1.15") -> Clip:
    return next(c for c in made_clips() if c.name.endswith(speed))


def test_clips_with_broken_frames_and_sideways_ones_are_not_learnt_from() -> None:
    good = walk()
    root = good.root.copy()
    root[60:, 1] += 0.3
    broken = Clip("broken", "walk", "?", root, good.turns, good.offsets)
    side = Clip("side", "walk", "?", good.root[:, [2, 1, 0]], good.turns, good.offsets)
    still = Clip("still", "walk", "?", good.root * [1, 1, 0], good.turns, good.offsets)
    assert wrong(good) == ""
    assert "broken frames" in wrong(broken)
    assert "faces" in wrong(side) and "toes touch in 0%" in wrong(still)
    assert "shorter" in wrong(
        Clip("short", "walk", "?", good.root[:30], good.turns[:30], good.offsets)
    )


def test_another_take_of_a_held_out_walk_is_found_though_it_begins_later() -> None:
    good = walk()
    moved = good.root[20:] + np.array([3.0, 0.0, 1.0])
    later = Clip("later", "walk", "?", moved, good.turns[20:], good.offsets)
    other = walk("0.6")
    assert apart(later, good) < SAME < apart(other, good)
    assert [c.name for c in distinct([later, other], [good])] == [other.name]


def test_frames_are_72_numbers_and_come_back() -> None:
    own = material._own(walk())
    mean = frames.mean_turns(own.turns)
    back = frames.poses(own.rows(mean), mean)
    assert own.rows(mean).shape == (len(own), frames.SIZE)
    assert np.abs(np.abs((back.turns * own.turns).sum(-1)) - 1).max() < 1e-9
    assert np.array_equal(back.step, own.step) and np.array_equal(back.height, own.height)


def test_the_path_of_steps_is_where_the_clip_went() -> None:
    clip = walk()
    own = material._own(clip)
    place, _ = frames.path(own.step)
    gone = clip.root[:, [0, 2]] - clip.root[0, [0, 2]]
    assert np.abs(place - gone).max() < 0.05  # turned by what the body faced at first


@pytest.mark.parametrize("seed", range(6))
def test_copies_that_go_around_a_box_stay_clear_of_it_and_their_feet_stand(seed: int) -> None:
    clip = walk()
    own = material.timed(material._own(clip), 1.1)
    copy = material.detoured(own, clip.offsets, np.random.default_rng(seed))
    assert copy.box is not None
    off = np.abs(copy.place - copy.box[:2]) - copy.box[3:]
    assert np.hypot(*np.maximum(off, 0).T).min() > 0.12
    assert np.abs(copy.lane[:, 0]).max() == 0  # the lane goes straight through it
    assert len(copy.poses) == len(copy.place) == len(copy.at)


def test_mirrored_clips_bend_to_the_other_side() -> None:
    clip, turn = walk(), np.full(len(walk().root), 0.01)
    for one, sign in ((clip, 1), (mirrored(clip), -1)):
        _, place, yaw = material.placed(material._own(one), sign * turn, clip.offsets)
        assert np.sign(place[-1, 0]) == sign and np.sign(yaw[-1]) == sign


def test_what_is_drawn_for_training_is_what_is_seen_of_such_a_scene() -> None:
    from interleaf_trumans.scenes.rooms import boxed
    from interleaf_trumans.scenes.scene import scene_of

    scene = scene_of(boxed([(0.3, 1.4, 0.0, 0.6, 0.8, 0.8)], 12, 12), voxel=0.02)[0]
    seen = seeing.seen(scene, np.zeros(2), 0.0) > 0
    rect = np.array([[[0.3, 1.4, 0.0, 0.3, 0.4]]], np.float32)
    drawn = seeing.drawn(rect, np.zeros((1, 1)), np.full((1, 1), 0.8))[0]
    assert drawn[:2].any() and not drawn[2:].any()
    assert (seen != drawn).mean() < 0.01
    turned = seeing.seen(scene, np.zeros(2), np.pi) > 0
    assert not turned.any()  # it is behind
    assert not seeing.seen(None, np.zeros(2), 0.0).any()


def test_given_frames_go_on_by_themselves_smoothly() -> None:
    rows = np.zeros((6, frames.SIZE))
    rows[:, 10] = np.arange(6) * 0.01
    on = frames.ahead(rows, 24)
    assert on[0, 10] == pytest.approx(0.05 + 0.01 * 3 * (1 - np.exp(-1 / 3)))
    assert np.all(np.diff(on[:, 10]) > 0) and on[-1, 10] < 0.081
    assert np.array_equal(on[:, 3], np.zeros(24))


def _random_walker(seed: int = 0) -> object:
    torch = pytest.importorskip("torch")
    from interleaf_trumans.motion.diffusion import Walker

    torch.manual_seed(seed)
    made = Walker(64, 2)
    for p in (*made.parameters(), *made.buffers()):
        p.data += torch.randn_like(p) * 0.05
    return made


def test_the_network_in_numpy_gives_the_numbers_of_the_one_in_torch() -> None:
    torch = pytest.importorskip("torch")
    from interleaf_trumans.motion.plain import LATENT, Net, shapes

    made = _random_walker()
    state = {k: v.numpy() for k, v in made.state_dict().items()}
    assert {k: v.shape for k, v in state.items()} == shapes(64, 2)
    rng = np.random.default_rng(1)
    before = rng.normal(0, 1, (6, 72)).astype("f")
    where, cells = rng.normal(0, 1, 9).astype("f"), rng.random((4, 32, 32)) > 0.7
    noise = np.random.default_rng(3).standard_normal(LATENT, np.float32)
    net = Net(state)

    def theirs(cells: np.ndarray) -> np.ndarray:
        told = (torch.from_numpy(np.float32(v))[None] for v in (before, where, cells, noise))
        return made.sample(*told, 5)[0].numpy()

    ours, blind = net.sample(before, where, cells, np.random.default_rng(3), 5)
    assert np.abs(ours - theirs(cells)).max() < 1e-4
    assert np.abs(blind - theirs(0 * cells)).max() < 1e-4 < np.abs(ours - blind).max()


def test_what_seeing_changes_can_be_made_more_or_nothing_of() -> None:
    from interleaf_trumans.motion.plain import Net

    net = Net({k: v.numpy() for k, v in _random_walker().state_dict().items()})
    rng = np.random.default_rng(1)
    before, where = rng.normal(0, 1, (6, 72)), rng.normal(0, 1, 9)
    cells = rng.random((4, 32, 32)) > 0.7

    def made(seeing: float, cells: np.ndarray = cells) -> tuple[np.ndarray, np.ndarray]:
        return net.sample(before, where, cells, np.random.default_rng(3), 5, seeing)

    once, blind = made(1.0)
    assert np.abs(made(0.0)[0] - blind).max() < 1e-4
    assert np.abs(made(2.0)[0] - blind).mean() > 1.3 * np.abs(once - blind).mean() > 0
    assert np.array_equal(*made(2.0, 0 * cells))


def test_a_way_is_free_where_no_cell_on_it_is_full() -> None:
    rect = np.array([[[0.3, 1.4, 0.0, 0.3, 0.4]]], np.float32)
    cells = seeing.drawn(rect, np.zeros((1, 1)), np.full((1, 1), 0.8))[0]
    ahead = np.arange(0.1, 1.7, 0.1)
    straight, aside = (np.stack([np.full(16, x), ahead], 1) for x in (0.2, -0.3))
    assert not seeing.free(cells, straight)
    assert seeing.free(cells, straight[:8]) and seeing.free(cells, aside)
    assert seeing.free(cells, np.array([[50.0, 50.0]]))  # what is not seen


def test_a_drawing_begins_as_the_last_one_went_on() -> None:
    from interleaf_trumans.motion.walker import FADE, Learned

    old = np.arange(30.0)[:, None]
    new = np.full((24, 1), 100.0)
    joined = Learned._joined(old, 21.0, new)
    assert joined[0, 0] == pytest.approx(22, abs=2) and joined[1, 0] == pytest.approx(23, abs=8)
    assert np.array_equal(joined[FADE - 1 :], new[FADE - 1 :])
    assert Learned._joined(None, 0.0, new) is new


def test_kinematics_of_the_losses_are_those_of_motions() -> None:
    torch = pytest.importorskip("torch")
    from interleaf.values import Motion
    from interleaf_body import quaternions as quat
    from interleaf_body.skeleton import world
    from interleaf_trumans.motion.kinematics import Body
    from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS

    clip = walk()
    own = material._own(clip)
    mean = frames.mean_turns(own.turns)
    places = Body(clip.offsets, mean)(torch.from_numpy(own.rows(mean)).float()[None])[0].numpy()
    at, yaw = frames.path(own.step)
    turns = own.turns.copy()
    turns[:, 0] = quat.multiply(quat.about(1, yaw), own.turns[:, 0])
    root = np.stack([at[:, 0], own.height, at[:, 1]], 1)
    real = world(Motion(root, turns, JOINTS, PARENTS, clip.offsets, FPS))[1]
    assert np.abs(places - real).max() < 1e-5


def test_training_learns_goes_on_after_a_stop_with_the_same_bits_and_keeps_takes_out(
    tmp_path,
) -> None:
    pytest.importorskip("interleaf_training")
    from dataclasses import replace

    from interleaf.interfaces import Context
    from interleaf_trumans.config import MotionConfig
    from interleaf_trumans.examples import example_clips
    from interleaf_trumans.motion.components import Motion

    model = Motion(MotionConfig(width=32, depth=1))
    options = {"batch": 8, "copies": 1, "precision": "float32", "ema": 0.0}
    whole = model.fit(example_clips(), steps=40, **options)
    assert np.isfinite(whole.log.columns["loss"][-1])
    folder = tmp_path / "resume"
    folder.mkdir()
    ctx = replace(Context(), resume=folder)
    model.fit(example_clips(), steps=40, ctx=ctx, **options)
    again = model.fit(example_clips(), steps=40, ctx=ctx, **options)
    for name, values in whole.model.weights.items():
        assert np.array_equal(values, again.model.weights[name]), name


def test_a_guess_knows_where_in_its_stride_a_body_is_and_nothing_where_legs_rest() -> None:
    plane = np.zeros((433, 2), np.float32)
    plane[4, 0] = plane[5, 1] = 1.0
    given = np.zeros((3, 432), np.float32)
    given[1, 4], given[2, 5] = 5.0, 50.0
    swing = frames.gait(given, plane, np.concatenate)
    assert np.array_equal(swing[0], np.zeros(4))
    assert swing[1] == pytest.approx([1, 0, 1, 0], abs=0.1)
    assert swing[2] == pytest.approx([0, 1, -1, 0], abs=0.02)
    told = frames.terms(given, np.ones((3, 9), "f"), np.ones((432, 96), "f"), plane, np.concatenate)
    assert told.shape == (3, frames.TERMS)


def test_shown_steps_keep_standing_feet_in_their_place_and_on_the_floor() -> None:
    from interleaf_trumans.motion.footing import STANDS, footing
    from interleaf_trumans.walking.legs import leg_chain

    clip = walk()
    own = material._own(clip)
    mean = frames.mean_turns(own.turns)
    rows = own.rows(mean)[20:80]
    wrong_rows = rows.copy()
    wrong_rows[:, 0] *= 0.8  # the root is too slow for its feet, and too high
    wrong_rows[:, frames.HEIGHT] += 0.05

    def slip(rows: np.ndarray) -> tuple[float, float]:
        at, yaw = frames.path(rows[:, :3])
        toes = leg_chain(frames.poses(rows, mean).turns, clip.offsets)[2][3]
        s, c = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
        x = at[:, None, 0] + toes[..., 0] * c + toes[..., 2] * s
        z = at[:, None, 1] + toes[..., 2] * c - toes[..., 0] * s
        moved = np.hypot(np.diff(x, axis=0), np.diff(z, axis=0))
        stands = rows[1:, frames.CONTACT] > 0.5
        high = (toes[1:, :, 1] + rows[1:, frames.HEIGHT, None])[stands]
        return float(moved[stands].mean()), float(np.abs(high - STANDS).mean())

    more = footing(wrong_rows, mean, clip.offsets)
    shown = wrong_rows.copy()
    shown[:, :2] += more[:, :2]
    shown[:, frames.HEIGHT] += more[:, 2]
    assert slip(shown)[0] < 0.5 * slip(wrong_rows)[0]
    assert slip(shown)[1] < 0.5 * slip(wrong_rows)[1]


def test_the_shipped_weights_walk_to_their_goals_and_on_their_feet() -> None:
    import interleaf
    from interleaf.interfaces import ModelHandle

    rooms = interleaf.load("trumans.rooms", count=3, first=20)
    model = ModelHandle("trumans.motion", {}, None, "shipped")
    walks = interleaf.load("trumans.walks", pairs=9, seed=3).apply(walker=model, scenes=rooms)
    told = interleaf.load("trumans.judge").evaluate(walks=walks, scenes=rooms)
    found = {m.name: m.value for m in told.measures}
    assert found["goal_success"] >= 8 / 9
    assert found["penetration"] < 0.02
    assert found["sliding"] < 30 and 0.3 < found["contact"] < 0.65
    assert found["seam_ratio"] < 1.2 and found["bone_drift"] < 1e-6


def test_what_is_made_of_a_box_in_the_way_is_asked_frame_by_frame(tmp_path) -> None:
    import interleaf
    from interleaf.errors import InvalidInput
    from interleaf_trumans.motion.walker import Learned
    from interleaf_trumans.scenes.ground import Ground
    from interleaf_trumans.scenes.rooms import boxed
    from interleaf_trumans.scenes.scene import scene_of
    from interleaf_trumans.walking.session import Session

    scene = scene_of(boxed([(0.0, 0.0, 0.0, 0.7, 0.7, 1.4)], 8, 8))[0]
    model = interleaf.load("trumans.motion")

    def walked(seeing: float, seen: bool = True) -> tuple[np.ndarray, list[int]]:
        asked: list[int] = []
        walker = Learned(model.walker.net, seeing=lambda frame: asked.append(frame) or seeing)
        bare = Ground.of(scene, 0.32).bare()
        s = Session(scene, walker, start=(0.1, -2.5), yaw=0.0, seed=1, ground=bare, seen=seen)
        s.set(action="walk", goal=(0.1, 2.5))
        return s.step(100).root, asked

    (more, asked), (none, _) = walked(2.0), walked(0.0)
    never = walked(2.0, seen=False)[1]
    assert asked == sorted(set(asked)) and 0 < asked[0] < 60 and not never
    assert np.abs(more - none).max() > 0.05

    file = tmp_path / "walk.yaml"
    walk = "{from: 0, to: 3, do: walk, goal: [2.0, 2.5]}"
    file.write_text(f"version: 1\nstart: [0.1, -2.5]\nfacing: 0\nactions: [{walk}]\n")
    timeline = interleaf.load("trumans.timeline", file=str(file))
    schedule = interleaf.load("core.constant", value=2.0, unit="frame")
    told = model.generate(scene, timeline, seeing=schedule)
    assert np.array_equal(told.root, model.generate(scene, timeline).root)
    paper = interleaf.load("trumans.motion", preset="paper", weights=str(file))
    with pytest.raises(InvalidInput, match="takes no 'seeing'"):
        paper.generate(scene, timeline, seeing=schedule)


def test_training_says_which_folder_is_missing(tmp_path) -> None:
    from interleaf.errors import InvalidInput
    from interleaf_trumans.motion.commands import train

    for motion, told in (
        (tmp_path / "nowhere", "nowhere: no such folder"),
        (tmp_path, "no meshes"),
    ):
        with pytest.raises(InvalidInput, match=told):
            train(motion, tmp_path / "out")
