"""Teacher data: lips by rule, sentences by espeak-ng, and what is kept out of training."""

from __future__ import annotations

import numpy as np
import pytest

from interleaf_vlogger import espeak, judging
from interleaf_vlogger.config import HELD_VOICES, VOICES
from interleaf_vlogger.example import teacher
from interleaf_vlogger.murmur import murmur
from interleaf_vlogger.pairs import Teacher
from interleaf_vlogger.teacher import ACTIONS, LIPS, actions, blinking, gap_of_curves, lips

spoken = pytest.mark.skipif(not espeak.installed(), reason="the espeak-ng library is not installed")


@pytest.mark.parametrize("seed", range(5))
def test_lips_meet_for_what_they_must_and_open_for_vowels(seed):
    said = murmur(14, np.random.default_rng(seed))
    gap = gap_of_curves(lips(said.phonemes, int(len(said.samples) / said.rate * 25), 25.0))
    met, opened = judging.seen(gap, said.phonemes, 25.0)
    assert all(met) and np.mean(opened) > 0.8
    assert gap[:3].max() < 0.05  # silence


def test_what_closes_never_passes_what_is_open():
    curves = np.random.default_rng(0).uniform(-0.2, 1.2, (50, len(LIPS))).astype(np.float32)
    amounts = actions(curves)
    jaw, close = ACTIONS.index("jawOpen"), ACTIONS.index("mouthClose")
    assert (amounts[:, close] <= amounts[:, jaw]).all() and amounts.min() >= 0


def test_blinks_depend_on_the_frame_alone():
    whole = blinking(0, 500, 25.0, np.random.default_rng(1))
    parts = [blinking(a, a + 100, 25.0, np.random.default_rng(1)) for a in range(0, 500, 100)]
    assert np.allclose(whole, np.concatenate(parts)) and 0 < (whole > 0.5).mean() < 0.2


def test_parts_share_no_word_and_no_voice():
    train, held = (Teacher(teacher(part=p))._words for p in ("train", "held"))
    assert not set(train) & set(held) and len(held) > 100
    assert not set(VOICES) & set(HELD_VOICES)


def test_parts_share_no_movement():
    whole = Teacher(teacher(held=1e-9))._clips[0][1]
    (a,), (b,) = (Teacher(teacher(part=p))._clips for p in ("train", "held"))
    assert len(a[1]) > 3 * len(b[1])
    assert np.array_equal(np.concatenate([a[1], b[1]]), whole)


def test_gestures_are_chosen_to_follow_the_voice():
    def follows(tries):
        pairs = list(Teacher(teacher(utterances=6, tries=tries)))
        from interleaf_vlogger import sound

        return np.mean(
            [judging.beat(p.body, sound.loudness(p.samples, len(p.lips), p.fps)) for p in pairs]
        )

    assert follows(30) > follows(1)


@spoken
def test_espeak_tells_when_each_phoneme_begins():
    said = espeak.say("Bob may pay.", espeak.Voice("en-us"))
    names = [n for _, n in said.phonemes]
    starts = [t for t, _ in said.phonemes]
    assert names[0] == names[2] == "b" and "m" in names and "p" in names
    assert starts == sorted(starts) and starts[-1] <= len(said.samples) / said.rate + 0.1


@spoken
def test_every_voice_of_both_parts_is_known():
    for name in (*VOICES, *HELD_VOICES):
        assert len(espeak.say("hello", espeak.Voice(name)).samples)


@spoken
def test_a_sentence_is_the_same_each_time():
    data = Teacher(teacher(speech="espeak", utterances=2, words=(4, 6)))
    first, again = data[1], Teacher(data.config)[1]
    assert first.text == again.text and np.array_equal(first.samples, again.samples)
    assert np.array_equal(first.lips, again.lips) and first.voice in VOICES


@spoken
def test_an_unknown_voice_is_named():
    from interleaf.errors import InvalidInput

    with pytest.raises(InvalidInput, match="no voice 'xx-nobody'"):
        espeak.say("hello", espeak.Voice("xx-nobody"))
