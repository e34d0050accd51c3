"""The judge against movement whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleaf_body.backends import body_model
from interleaf_vlogger import judging, sound
from interleaf_vlogger.example import example_pairs
from interleaf_vlogger.mouth import Lips
from interleaf_vlogger.steadiness import lateness, stillness

RNG = np.random.default_rng(0)
TEACHER = np.abs(np.convolve(RNG.normal(0, 1, 300), np.ones(3) / 3, "same"))
ALL = slice(0, 300)


def test_the_teacher_itself_is_in_sync_and_its_shifts_are_not():
    same, shifted, lag = judging.sync(TEACHER, TEACHER, ALL)
    assert same == pytest.approx(1) and abs(shifted) < 0.1 and lag == 0


@given(st.integers(-5, 5))
def test_a_late_mouth_is_found_to_be_late(by):
    assert judging.sync(np.roll(TEACHER, by), TEACHER, ALL)[2] == by


def test_a_mouth_that_does_not_move_scores_nothing():
    assert judging.sync(np.full(300, 0.3), TEACHER, ALL)[:2] == (0.0, 0.0)
    assert judging.retrieved([np.ones(50)] * 4, [RNG.normal(0, 1, 50) for _ in range(4)]) <= 0.25


def test_a_mouth_that_only_follows_loudness_is_not_retrieved_by_words():
    bump = np.sin(np.linspace(0, np.pi, 100))
    teachers = [bump * np.abs(RNG.normal(1, 0.5, 100)) for _ in range(20)]
    assert judging.retrieved(teachers, teachers) == 1.0
    assert judging.retrieved([bump] * 20, teachers) <= 0.1


def test_lips_that_never_meet_are_told():
    phonemes = [(0.0, "_"), (0.4, "a"), (0.6, "m"), (0.7, "a"), (0.9, "_")]
    wide = np.full(30, 1.0)
    assert judging.seen(wide, phonemes, 25.0)[0] == [False]
    shut = wide.copy()
    shut[15:18] = 0
    assert judging.seen(shut, phonemes, 25.0) == ([True], [True, True])


def test_shaking_and_freezing_show():
    smooth = np.sin(np.arange(200) / 8.0)[:, None] * np.ones(4)
    assert judging.jerk(smooth + RNG.normal(0, 0.05, smooth.shape)) > 5 * judging.jerk(smooth)
    assert judging.jerk(np.ones((50, 4))) == judging.amplitude(np.ones((50, 4))) == 0
    assert judging.spread(np.stack([smooth, smooth])) == 0


def test_a_jump_between_blocks_shows():
    smooth = np.cumsum(RNG.normal(0, 0.01, (256, 4)), 0)
    jumping = smooth + (np.arange(256) // 32 % 2)[:, None]
    assert judging.seam(jumping, 32) > 5 and judging.seam(smooth, 32) < 2


def test_speech_is_from_the_first_to_the_last_loud_frame():
    loud = np.zeros(50)
    loud[10:40] = 1
    assert judging.active(loud) == slice(10, 40) and judging.active(np.zeros(5)) == slice(0, 5)


def test_the_gap_is_that_of_posed_lips():
    body = body_model("capsule").bake()
    lips, names = Lips.of(body), body.topology.expression_names
    amounts = np.zeros((3, len(names)), np.float32)
    amounts[:, names.index("jawOpen")] = (0, 0.5, 1)
    gap = lips.gap(body(np.zeros((3, len(body.heads), 3), np.float32), amounts).vertices)
    assert gap[0] == pytest.approx(0, abs=1e-6) and gap[2] > gap[1] > 0.003


def loud(samples):
    return sound.loudness(samples, sound.frames_of(samples, 25.0), 25.0)


def test_lips_that_follow_are_as_late_as_the_sound_and_still_when_it_pauses():
    voice = example_pairs(1)[0].samples
    assert abs(lateness(loud, voice, 25.0)) <= 0.04
    assert stillness(loud, voice, 25.0) < 0.05


def test_lips_that_keep_to_a_clock_are_found_out():
    clock = np.abs(RNG.normal(0, 1, 500))
    voice = example_pairs(1)[0].samples

    def ticking(samples):
        return clock[: sound.frames_of(samples, 25.0)]

    assert lateness(ticking, voice, 25.0) == pytest.approx(-0.4)
    assert stillness(ticking, voice, 25.0) > 0.2
