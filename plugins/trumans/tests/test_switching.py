"""A classifier of actions, and how long a body takes to do what it is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interleaf.errors import InvalidInput
from interleaf.interfaces import ModelHandle
from interleaf_trumans.config import SwitchingConfig
from interleaf_trumans.judging.actions import balanced, fitted, rows_of
from interleaf_trumans.judging.switching import Switching, _wait, switches
from interleaf_trumans.walking.clips import Clip
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.matcher import Matcher


def with_bows(actor: str = "rule", depth: float = 0.9) -> list[Clip]:
    """The walks made by rule, and bows: the trunk goes down and up again."""
    from interleaf_body import quaternions as quat
    from interleaf_body.roles import ROLES

    still = made_clips()[-1]
    turns = np.tile(still.turns[:1], (60, 1, 1))
    swing = depth * np.sin(np.linspace(0.2, np.pi - 0.2, 60))
    turns[:, ROLES.index("spine1")] = quat.from_rotvec(np.stack([swing, 0 * swing, 0 * swing], 1))
    bow = replace(
        still, name="bow", action="bow", turns=turns, root=np.tile(still.root[:1], (60, 1))
    )
    return [replace(c, actor=actor) for c in (*made_clips()[:-1], bow)]


def test_the_classifier_tells_actors_that_it_has_not_seen() -> None:
    names = ("bow", "walk")
    classifier = fitted(*rows_of(with_bows(), names), names)
    rows, labels = rows_of(with_bows("other", 0.7), names)
    found = classifier.told(rows)
    right = balanced(found, labels, 2)
    assert right is not None
    assert right > 0.95
    assert balanced(1 - found, labels, 2) == pytest.approx(1 - right)
    assert balanced(found[:0], labels[:0], 2) is None


def test_agreement_is_a_run_of_frames_after_the_command() -> None:
    found = np.zeros(100, int)
    found[54] = 1  # alone: no agreement
    found[60:] = 1
    assert _wait(found, 50, 106, 1) == pytest.approx((60 + 3 - (50 - 6)) / 30)
    assert _wait(found, 50, 60, 1) is None
    assert _wait(np.zeros(100, int), 0, 100, 1) is None


def test_a_matcher_does_what_it_is_told_and_a_deaf_one_does_not() -> None:
    names = ("bow", "walk")
    clips = with_bows()
    classifier = fitted(*rows_of(clips, names), names)
    waits = switches(Matcher(clips), classifier, 8, seed=1)
    assert len(waits) == 8
    assert all(w is not None and w < 1.2 for w in waits)

    class Deaf(Matcher):
        def advance(self, state, steer, count, rng):  # type: ignore[no-untyped-def]
            return super().advance(state, replace(steer, action="stand", path=None), count, rng)

    deaf = switches(Deaf(clips), classifier, 8, seed=1)
    assert sum(w is None for w in deaf) >= 3


def test_actions_that_nobody_has_are_named() -> None:
    handle = ModelHandle("trumans.matching", {}, None, "by rule")
    report = Switching(SwitchingConfig(commands=2)).evaluate(handle)
    by = {m.name: m for m in report.measures}
    assert by["action_accuracy"].value is None
    assert by["action_accuracy"].reason
    with pytest.raises(InvalidInput, match="no clips of dance"):
        Switching(SwitchingConfig(actions=("walk", "dance"))).evaluate(handle)
