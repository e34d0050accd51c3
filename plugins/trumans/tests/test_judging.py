"""Evaluators on motions whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interleaf.interfaces import Report
from interleaf.pipeline.collection import Collection
from interleaf.values import Motion
from interleaf_trumans.config import JudgeConfig
from interleaf_trumans.examples import example_motion, example_scene, example_walk
from interleaf_trumans.judging import measures
from interleaf_trumans.judging.components import Judge, places
from interleaf_trumans.judging.walk import Walk


def report(*walks: Walk, real: Motion | None = None) -> Report:
    given = {"walks": Collection.of(list(walks)), "scenes": Collection.of([example_scene()])}
    return Judge(JudgeConfig()).evaluate(**given, real=Collection.of([real]) if real else None)


def moved(walk: Walk, root: np.ndarray) -> Walk:
    return replace(walk, motion=replace(walk.motion, root=root))


def test_a_good_walk_is_one() -> None:
    found = report(replace(example_walk(), seams=np.zeros(0, int)), real=example_motion())
    assert found["goal_success"].value == 1.0
    assert found["penetration"].value == 0.0
    assert found["sliding_ratio"].value == pytest.approx(
        1.0, abs=0.1
    )  # the walk ends where it arrives
    assert found["speed"].value == pytest.approx(1.15, abs=0.1)
    assert found.verdict is not None
    assert found.verdict.outcome == "insufficient"  # one walk is no hundred


def test_a_walk_through_the_block_penetrates_for_as_long_as_it_is_inside() -> None:
    walk = example_walk(0.0)
    found = report(walk)
    inside = np.abs(walk.motion.root[:, 2]) < 0.4
    assert abs(float(found["penetration"].value or 0) - inside.mean()) < 0.35
    assert (
        float(found["penetration"].value or 0) > inside.mean()
    )  # limbs enter before the middle does
    assert float(found["deepest"].value or 0) > 0.3


def test_frozen_bodies_fail() -> None:
    walk = example_walk()
    still = np.broadcast_to(walk.motion.root[:1], walk.motion.root.shape).copy()
    frozen = replace(moved(walk, still), goal=walk.start)  # it even stands at its goal
    found = report(frozen)
    assert found["goal_success"].value == 0.0
    assert found.verdict is not None
    assert found.verdict.outcome == "fail"


def test_leaping_bodies_fail_though_they_reach_the_goal() -> None:
    walk = example_walk()
    root = walk.motion.root.copy()
    root[30:] += [0.0, 0.0, 1.0]
    leap = replace(moved(walk, root), goal=root[-1, [0, 2]])
    found = report(leap)
    assert found["goal_success"].value == 0.0
    assert float(found["fastest_joint"].value or 0) > 25
    assert float(found["seam_ratio"].value or 0) > 3.0
    assert found.verdict is not None
    assert found.verdict.outcome == "fail"


@pytest.mark.parametrize("extra", [0.1, 0.3, 0.5])
def test_sliding_is_as_fast_as_the_floor_is_pulled(extra: float) -> None:
    walk = example_motion()
    clean = measures.sliding(places(walk), 30)
    pulled = replace(walk, root=walk.root + np.arange(60)[:, None] / 30 * [extra, 0, 0])
    found = measures.sliding(places(pulled), 30)
    assert clean.speed is not None
    assert found.speed is not None
    assert found.speed == pytest.approx(100 * extra, rel=0.3, abs=clean.speed)


def test_floating_bodies_touch_nothing() -> None:
    high = replace(example_motion(), root=example_motion().root + np.array([0, 0.1, 0]))
    found = measures.sliding(places(high), 30)
    assert found.contact == 0.0
    assert found.speed is None


def test_seams_are_seen_where_they_are_said_to_be() -> None:
    joints = places(example_motion())
    jump = joints.copy()
    jump[30:] += [0.05, 0, 0]
    assert (measures.seam_ratio(jump, np.array([30]), 30) or 0) > 3
    assert (measures.seam_ratio(jump, np.array([10]), 30) or 9) < 1.1
    assert measures.seam_ratio(joints, np.array([], int), 30) is None


def test_no_walks_are_no_evidence() -> None:
    found = report()
    assert found["goal_success"].value is None
    assert found.verdict is not None
    assert found.verdict.outcome == "insufficient"


def test_turning_the_world_changes_no_measure() -> None:
    joints = places(example_motion())
    c, s = np.cos(0.7), np.sin(0.7)
    turned = joints @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) + [3.0, 0, -2.0]
    assert measures.sliding(turned, 30).speed == pytest.approx(measures.sliding(joints, 30).speed)
    assert measures.joint_speed(turned, 30) == pytest.approx(measures.joint_speed(joints, 30))
    assert measures.bone_drift(joints) < 1e-9
