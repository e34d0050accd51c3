"""Phrases, squares, fields, splatting, rendering, clicks: one by one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_followclick import phrases
from interleaf_followclick.canonical import GRID, Square, folded, speed_of, spread
from interleaf_followclick.captions import reduced
from interleaf_followclick.diffusion import mirrored
from interleaf_followclick.drawing import Gaussian, Retrieval, Rigid
from interleaf_followclick.evaluating.scenes import overlap, scenes
from interleaf_followclick.fields import (
    PLANES,
    Statistics,
    decode,
    encode,
    path_of,
    rigid,
    settled,
    statistics,
    unfolded,
)
from interleaf_followclick.flowwarp import Region, animate
from interleaf_followclick.learning import example_windows
from interleaf_followclick.rendering import filled
from interleaf_followclick.segmenting import grabcut
from interleaf_followclick.splatting import splat, splat_reference
from interleaf_followclick.windows import Followed, Limits, windows

KNOWN = Statistics(np.full(PLANES, 0.5, np.float32), 10.0)


def disc_mask(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width]
    return (xs - x) ** 2 + (ys - y) ** 2 < radius**2


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize(
    ("said", "kind", "angle", "sign"),
    [
        ("left", "shift", math.pi, 1), ("moves slowly to the Left!", "shift", math.pi, 1),
        ("up right", "shift", -math.pi / 4, 1), ("falls", "shift", math.pi / 2, 1),
        ("turn left", "turn", 0, -1), ("rotate clockwise", "turn", 0, 1), ("spin", "turn", 0, 1),
        ("come closer", "grow", 0, 1), ("zoom out", "grow", 0, -1), ("away", "grow", 0, -1),
        ("still", "still", 0, 1), ("stay where you are", "still", 0, 1),
    ],
)  # fmt: skip
def test_phrases_are_understood(said: str, kind: str, angle: float, sign: int) -> None:
    assert phrases.understood(said) == phrases.Movement(kind, pytest.approx(angle), sign)


@pytest.mark.parametrize("said", ["", "pour", "lefft", "left and right"])
def test_what_names_no_movement_is_refused_with_what_is_near(said: str) -> None:
    with pytest.raises(phrases.UnknownPhrase) as caught:
        phrases.understood(said)
    assert caught.value.near and (said != "lefft" or "left" in caught.value.near)


@given(st.sampled_from(phrases.COMPASS))
def test_flipping_twice_and_reversing_twice_change_nothing(phrase: str) -> None:
    assert phrases.mirrored(phrases.mirrored(phrase)) == phrase
    assert phrases.opposite(phrases.opposite(phrase)) == phrase
    there, back = phrases.understood(phrase), phrases.understood(phrases.opposite(phrase))
    assert math.cos(there.angle - back.angle) == pytest.approx(-1)
    assert phrases.named(there.angle) == phrase


@given(st.floats(-math.pi, math.pi), st.integers(4, 30), st.integers(4, 30))
@settings(max_examples=30, deadline=None)
def test_a_square_holds_its_thing_and_vectors_come_back(angle: float, w: int, h: int) -> None:
    mask = np.zeros((80, 100), bool)
    mask[30 : 30 + h, 40 : 40 + w] = True
    square = Square.around(mask, angle)
    inside = square.inside(mask)
    cell = square.side / GRID
    assert inside.sum() * cell**2 == pytest.approx(mask.sum(), rel=0.25)
    assert max(inside[i].max() for i in (0, -1)) < 0.1 > max(inside[:, i].max() for i in (0, -1))
    vectors = np.random.default_rng(0).normal(size=(3, 2, GRID, GRID))
    np.testing.assert_allclose(square.to_pixels(square.to_cells(vectors)), vectors, atol=1e-4)
    right = square.to_pixels(rigid(1.0)[0])
    assert math.atan2(right[1, 0, 0], right[0, 0, 0]) == pytest.approx(angle, abs=1e-4)


def test_planes_and_fields_are_the_same_thing() -> None:
    field = np.random.default_rng(0).normal(1, 0.3, (7, 2, GRID, GRID)).astype(np.float32)
    std = np.linspace(0.4, 2, PLANES).astype(np.float32)
    np.testing.assert_allclose(decode(encode(field, 0.8, std), 0.8, std), field, atol=1e-4)
    assert not encode(rigid(2.0), 2.0, std).any()


@given(st.integers(0, 2**31), st.floats(0.2, 4), st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_a_drawn_path_has_the_speed_asked_for_and_does_not_fold(
    seed: int, speed: float, frames: int
) -> None:
    weight = disc_mask(GRID, GRID, 15, 16, 10).astype(np.float32)
    field = Gaussian(KNOWN)(None, weight, speed, 0.0, np.random.default_rng(seed))  # type: ignore[arg-type]
    assert speed_of(field, weight) == pytest.approx(speed, rel=1e-4)
    path = unfolded(path_of(field, frames, weight), weight)
    end = (path[-1] * weight).sum((-2, -1)) / weight.sum()
    np.testing.assert_allclose(end, [speed * (frames - 1), 0], atol=0.02 * speed * frames)
    assert folded(path[-1], weight) <= 0.02 and not path[0].any()


def test_flex_scales_what_is_not_the_mean() -> None:
    weight = np.ones((GRID, GRID), np.float32)
    field = np.random.default_rng(0).normal(1, 1, (7, 2, GRID, GRID)).astype(np.float32)
    whole, half = (settled(field, weight, 1.0, 0, f) for f in (1.0, 0.5))
    np.testing.assert_allclose(half - rigid(1.0), 0.5 * (whole - rigid(1.0)), atol=1e-5)


def test_statistics_see_variance_and_smoothness() -> None:
    weight = np.ones((GRID, GRID), np.float32)
    rng = np.random.default_rng(0)
    drawn = [Gaussian(KNOWN, smooth=0)(None, weight, 1.0, 0.0, rng) for _ in range(12)]  # type: ignore[arg-type]
    found = statistics(drawn, [weight] * 12)
    assert 0.3 < float(found.std.mean()) < 0.6 and 5 < found.length < 16


def test_retrieval_finds_the_window_it_was_shown() -> None:
    known = example_windows(6)
    w = known[3]
    found = Retrieval(known, nearest=1)(
        w.picture, w.mask, w.speed, w.square.angle, np.random.default_rng(0)
    )
    inner = w.mask > 0.5
    np.testing.assert_allclose(found.mean(0)[0][inner], w.field.mean(0)[0][inner], atol=0.05)


def test_spreading_keeps_constants_and_ignores_what_lies_outside() -> None:
    weight = disc_mask(GRID, GRID, 16, 16, 8).astype(np.float32)
    field = np.where(weight > 0, 3.0, 100.0)
    assert spread(field, weight, 1.5)[16, 16] == pytest.approx(3.0, abs=0.05)


def test_mirroring_twice_changes_nothing_and_flips_the_pull_of_gravity() -> None:
    import torch

    torch.manual_seed(0)
    given = (
        torch.randint(0, 255, (2, 64, 64, 3), dtype=torch.uint8), torch.rand(2, 32, 32),
        torch.randn(2, PLANES, 32, 32), torch.randn(2, 3),
    )  # fmt: skip
    which = torch.tensor([True, False])
    once = mirrored(*given, which)
    assert all(torch.equal(a, b) for a, b in zip(mirrored(*once, which), given, strict=True))
    assert once[3][0, 1] == -given[3][0, 1] and once[3][0, 2] == given[3][0, 2]
    assert torch.equal(once[2][1], given[2][1])


@given(st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_compiled_splatting_is_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    h, w = rng.integers(1, 9, 2)
    color = rng.uniform(0, 255, (h, w, 2)).astype(np.float32)
    weight = np.where(rng.random((h, w)) < 0.3, 0, rng.random((h, w))).astype(np.float32)
    moved = rng.normal(0, 3, (2, h, w)).astype(np.float32)
    ours, expected = (f(color, weight, moved, (2, 1), (11, 12)) for f in (splat, splat_reference))
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


def test_splatting_without_motion_gives_the_weights_back() -> None:
    color = np.full((6, 7, 3), 50, np.float32)
    out, total = splat(
        color, np.ones((6, 7), np.float32), np.zeros((2, 6, 7), np.float32), (3, 2), (12, 14)
    )
    assert total[3:7, 4:9] == pytest.approx(1) and total.sum() == pytest.approx(42)
    np.testing.assert_allclose(out[4, 6] / total[4, 6], 50)


@given(
    st.sampled_from([*phrases.VOCABULARY]), st.floats(0, 8), st.integers(1, 6), st.integers(0, 99)
)
@settings(max_examples=25, deadline=None)
def test_frame_0_is_the_photo_and_what_is_not_reached_stays(
    phrase: str, strength: float, count: int, seed: int
) -> None:
    photo, mask = textured(61, 83), disc_mask(61, 83, 40, 30, 12)
    made = animate(photo, [Region(mask, phrase, strength)], Gaussian(KNOWN), count=count, seed=seed)
    frames = list(made.frames)
    assert len(frames) == count and all(f.shape == photo.shape for f in frames)
    assert np.array_equal(frames[0], photo)
    if strength == 0 or phrase == "still":
        assert all(np.array_equal(f, photo) for f in frames)
    for t, frame in enumerate(frames):
        far = ~mask.copy()
        for thing in made.moving:
            steps = np.linalg.norm(thing.square.to_pixels(thing.path[t]), axis=0).max()
            radius = math.ceil(float(steps)) + 4
            near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)) > 0
            far &= ~near
        assert np.array_equal(frame[far], photo[far])


def test_several_things_move_apart_and_a_still_mask_holds() -> None:
    photo, still = textured(80, 120), np.zeros((80, 120), bool)
    still[:, 110:] = True
    a, b = disc_mask(80, 120, 30, 40, 12), disc_mask(80, 120, 85, 40, 12)
    regions = [Region(a, "up", 2.0), Region(b, "right", 3.0)]
    made = animate(photo, regions, Rigid(), count=6, still=still)
    last = list(made.frames)[-1]
    np.testing.assert_allclose(last[23:29, 27:33], photo[33:39, 27:33], atol=2)
    np.testing.assert_allclose(last[36:44, 97:103], photo[36:44, 82:88], atol=2)
    assert np.array_equal(last[still], photo[still])


def test_the_same_seed_gives_the_same_frames_and_another_others() -> None:
    photo, mask = textured(50, 50), disc_mask(50, 50, 25, 25, 10)

    def run(seed: int) -> np.ndarray:
        made = animate(photo, [Region(mask, "left", 2.0)], Gaussian(KNOWN), count=4, seed=seed)
        return np.stack(list(made.frames))

    assert np.array_equal(run(1), run(1)) and not np.array_equal(run(1), run(2))


def test_holes_are_filled_from_around_them_and_nothing_else_changes() -> None:
    photo = np.full((40, 50, 3), (10, 120, 200), np.uint8)
    holes = disc_mask(40, 50, 25, 20, 8)
    photo[holes] = 255
    out = filled(photo, holes)
    np.testing.assert_allclose(
        out[holes], np.broadcast_to((10, 120, 200), out[holes].shape), atol=3
    )
    assert np.array_equal(out[~holes], photo[~holes])
    whole = np.ones((40, 50), bool)
    assert np.array_equal(filled(photo, whole), photo)


def test_windows_see_where_a_thing_goes_and_how_fast() -> None:
    frames = []
    background, thing = textured(120, 160, 1), textured(120, 160, 2)
    for t in range(9):
        frame, x = background.copy(), 50 + 3 * t
        mask = disc_mask(120, 160, x, 60, 18)
        moved = cv2.warpAffine(thing, np.float32([[1, 0, 3 * t], [0, 1, 0]]), (160, 120))
        frame[mask] = moved[mask]
        frames.append(frame)
    found = list(windows(Followed(np.stack(frames)), [1], 1, Limits()))
    assert found
    w = found[0]
    assert math.degrees(abs(w.square.angle)) < 8
    assert w.speed * w.square.side / GRID == pytest.approx(3.0, rel=0.4)  # DIS is slow at edges
    assert abs(w.square.x - 50) < 5 and abs(w.square.y - 60) < 5


def test_clicks_find_their_things_on_composites() -> None:
    pictures = [textured(300, 300, s) // 2 + np.uint8(s * 30) for s in range(5)]
    found = []
    for scene in scenes(pictures, 6, 192, seed=1):
        for mask, click in zip(scene.masks, scene.clicks, strict=True):
            masks, scores = grabcut(scene.photo, [click])
            assert sorted(scores, reverse=True) == scores and masks[0].shape == mask.shape
            found.append(overlap(masks[0], mask))
    assert np.mean(found) > 0.6


def test_a_click_that_excludes_takes_a_part_away() -> None:
    photo = np.full((100, 160, 3), 30, np.uint8)
    photo[30:70, 20:140] = (220, 60, 60)
    whole = grabcut(photo, [(60, 50)])[0][0]
    part = grabcut(photo, [(40, 50)], [(120, 50)])[0][0]
    assert whole[50, 60] and part[50, 40] and not part[50, 120]


@pytest.mark.parametrize(
    ("caption", "phrase"),
    [
        ("A man in a red coat is walking slowly to the left of the street", "walking slowly to the left"),
        ("A dog running through a field", "running"),
        ("Evening in the city, cars driving away from the camera", "driving away"),
        ("The ship is sailing", "sailing"), ("Sunset", "sunset"), ("", ""),
    ],
)  # fmt: skip
def test_captions_become_short_phrases(caption: str, phrase: str) -> None:
    assert reduced(caption) == phrase
