"""Drawn people, what the compositor gains on them, and gaps between groups."""

from __future__ import annotations

import numpy as np
import pytest

from interleaf.interfaces import Context
from interleaf.pipeline.collection import Collection
from interleaf_vlogger.components import TalkingMotion
from interleaf_vlogger.config import JudgeConfig, MotionConfig
from interleaf_vlogger.example import example_pairs
from interleaf_vlogger.judge import Judge
from interleaf_vlogger.portraits import PHENOTYPES, TONES, Portrait
from interleaf_vlogger.portrayal import by_group


def test_twenty_four_people_are_all_groups_combined():
    found = {tuple(Portrait._groups(i).values()) for i in range(24)}
    assert len(found) == 24 == len(TONES) * 2 ** len(PHENOTYPES)


def test_a_portrait_shows_the_skin_its_group_names():
    def face(tone):
        one = Portrait(list(TONES).index(tone), "capsule", 96)
        assert one.groups["tone"] == tone
        p = one.person
        picture, part = one.draw(one.body(p.rotvec, None, p.transl[None]).vertices[0])
        return picture[part == 2].mean()

    assert face("light") > face("medium") + 20 > face("dark") + 40


def test_the_gap_is_what_the_worst_group_lies_below_all():
    rows = [("voice", "a", 1.0), ("voice", "a", 0.8), ("voice", "b", 0.3), ("tone", "dark", 2.0)]
    found = {m.group or m.name: m for m in by_group("sync", rows)}
    assert found["voice a"].value == pytest.approx(0.9) and found["voice a"].n == 2
    assert found["sync_gap_voice"].value == pytest.approx(0.7 - 0.3)
    assert found["sync_gap_tone"].value is None and "one group" in found["sync_gap_tone"].reason


def test_the_judge_tells_the_videos_gain_and_every_group():
    model = TalkingMotion(MotionConfig(body="capsule", width=16, layers=1, components=4))
    model.initialise(0)
    config = JudgeConfig(body="capsule", steps=2, samples=2, people=6, frames=3, side=96)
    report = Judge(config).evaluate(model, Collection.of(example_pairs(3)), ctx=Context(seed=1))
    told = {(m.name, m.group): m for m in report.measures}
    gain = told["video_gain", ""]
    assert gain.n == 6 and gain.value == pytest.approx(
        np.mean([told["video_gain", f"tone {t}"].value for t in TONES])
    )
    assert ("sync", "voice murmur 0") in told and told["sync_gap_voice", ""].value >= 0
    none = Judge(JudgeConfig(body="capsule", steps=2, samples=2))
    quiet = {m.name: m for m in none.evaluate(model, Collection.of(example_pairs(2))).measures}
    assert quiet["video_gain"].value is None and quiet["video_gain"].reason
