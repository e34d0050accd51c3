"""The photo's own mouth: found where it is drawn, closed over its teeth, opened over what is painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from interleaf_body.values import Face
from interleaf_vlogger.inside import PARTS_INSIDE
from interleaf_vlogger.smile import found
from interleaf_vlogger.speaking import closing
from interleaf_vlogger.teacher import ACTIONS

SKIN, LIP, TOOTH = (205, 160, 135), (170, 80, 85), (235, 225, 215)
SIDE = 200


def drawn(line=0.2, apart=0.0, half=30, bow=0.1):
    """Skin with lips around a line ``line`` half mouths below the middle, ``apart`` of them open."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    u, v = (x - SIDE / 2) / half, (y - SIDE / 2) / half
    middle, inside = line - bow * u**2, np.abs(u) < 1
    open_to = apart * np.clip(1 - u**2, 0, 1)
    lips = inside & (np.abs(v - middle) < open_to / 2 + 0.28 * np.clip(1 - u**2, 0, 1))
    between = inside & (np.abs(v - middle) < open_to / 2)
    photo = np.where(lips[..., None], LIP, SKIN)
    photo = np.where((inside & (np.abs(v - middle) < 0.04))[..., None], (110, 50, 50), photo)
    photo = np.where(between[..., None], TOOTH, photo).astype(float)
    return ndimage.gaussian_filter(photo, (0.7, 0.7, 0)).astype(np.uint8), between


def corners(turn=0.0, half=30):
    along = half * np.array([np.cos(turn), np.sin(turn)])
    middle = np.array([SIDE / 2, SIDE / 2])
    return middle + along, middle - along


@given(st.floats(0.0, 0.4), st.floats(-0.2, 0.2), st.floats(-0.1, 0.2))
@settings(max_examples=15, deadline=None)
def test_the_line_of_closed_lips_is_found_near_to_where_it_was_guessed(line, off, bow):
    photo, _ = drawn(line=line, bow=bow)
    mouth = found(photo, *corners(), line + off, False)
    near = np.abs(mouth.columns) < 0.8
    assert not mouth.opened
    assert np.abs(mouth.line - (line - bow * mouth.columns**2))[near].max() < 0.12


@given(st.floats(0.2, 0.5), st.floats(0.0, 0.3))
@settings(max_examples=15, deadline=None)
def test_teeth_between_lips_are_found(apart, line):
    photo, _ = drawn(line=line, apart=apart)
    mouth = found(photo, *corners(), line, False)
    at = np.abs(mouth.columns) < 0.5
    assert mouth.opened
    truth = apart * (1 - mouth.columns**2)
    assert np.abs((mouth.lower - mouth.upper) - truth)[at].max() < 0.14


def test_a_mouth_that_leans_is_found_along_its_own_axis():
    photo, _ = drawn(apart=0.4)
    turned = ndimage.rotate(photo, -20, reshape=False, mode="nearest", order=1)
    mouth = found(turned, *corners(np.radians(20)), 0.2, False)
    assert mouth.opened and abs(np.interp(0, mouth.columns, mouth.line) - 0.2) < 0.12


def test_a_plain_wall_has_no_teeth():
    wall = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    assert not found(wall, *corners(), 0.2, True).opened


@pytest.fixture(scope="module")
def smiling():
    """anny's bust, drawn with lips and teeth where the fitted mouth is."""
    pytest.importorskip("anny")
    from interleaf_body.backends import body_model
    from interleaf_body.values import Person
    from interleaf_vlogger.compositor import Compositor

    rotvec = np.zeros((1, len(body_model("anny").topology.joint_names), 3), np.float32)
    body = body_model("anny").bake()
    top = float(body(rotvec).vertices[0][:, 1].max())
    place = np.array([0.0, 0.13 - top, -0.5], np.float32)
    person = Person("anny", {}, rotvec, place, (420.0, 420.0, 128, 128), (256, 256), 0.0, True)
    skin = np.full((256, 256, 3), SKIN, np.uint8)
    known = Compositor(skin, person)
    at = known.camera.project(known.body(rotvec, None, place[None]).vertices[0])
    left, right = (at[body.topology.landmarks[n][0]].mean(0) for n in ("left_mouth", "right_mouth"))
    half, (cx, cy) = (left[0] - right[0]) / 2, (left + right) / 2
    y, x = np.mgrid[:256, :256] + 0.5
    u, v = (x - cx) / half, (y - cy) / half - 0.2
    arc = np.clip(1 - u**2, 0, 1)
    photo = np.where(((np.abs(v) < 0.5 * arc) & (arc > 0))[..., None], LIP, skin)
    teeth = (np.abs(v) < 0.2 * arc) & (arc > 0)
    photo = np.where(teeth[..., None], TOOTH, photo).astype(float)
    photo = ndimage.gaussian_filter(photo, (0.7, 0.7, 0)).astype(np.uint8)
    return photo, teeth, Compositor(photo, person)


def pale(frame):
    """Where teeth are seen."""
    return frame[..., 1] > 190


def posed(compositor, **actions):
    from interleaf_body.identity import expressions

    face = Face(np.array([[actions.get(a, 0.0) for a in ACTIONS]], np.float32), ACTIONS)
    p = compositor.person
    amounts = expressions(compositor.body, face, 1)
    vertices = compositor.body(p.rotvec, amounts, p.transl[None]).vertices[0]
    return compositor.frame(vertices, closing(face, compositor)[0])


def test_a_smile_that_says_nothing_is_the_photo(smiling):
    photo, _, compositor = smiling
    assert compositor.brought.mouth.opened
    off = np.abs(posed(compositor).astype(int) - photo)
    assert off.max() <= 2


def test_lips_that_meet_cover_the_teeth(smiling):
    photo, _, compositor = smiling
    frame = posed(compositor, jawOpen=0.2, mouthClose=0.2)
    assert pale(frame).sum() < 0.2 * pale(photo).sum()


def test_a_jaw_that_opens_leaves_the_teeth_above_in_one_row_and_shows_dark_below(smiling):
    _, teeth, compositor = smiling
    frame = posed(compositor, jawOpen=0.6)
    shown = pale(frame)
    rows = np.flatnonzero(teeth.any(1))
    column = np.flatnonzero(teeth.any(0)).mean().astype(int)
    below = frame[rows[-1] + 3 : rows[-1] + 12, column].mean(-1)
    assert shown[teeth].mean() > 0.5  # they stay
    assert not shown[rows[-1] + 3 :, column - 12 : column + 12].any()  # and none goes down
    assert below.min() < 80


def test_closed_lips_that_open_show_teeth_and_dark(smiling):
    from interleaf_vlogger.compositor import Compositor

    photo, _, compositor = smiling
    closed = np.where(pale(photo)[..., None], LIP, photo).astype(np.uint8)
    known = Compositor(closed, compositor.person)
    assert not known.brought.mouth.opened
    assert np.abs(posed(known).astype(int) - closed).max() <= 2
    opened = posed(known, jawOpen=0.7)
    hole = np.isin(known.part, PARTS_INSIDE)
    assert hole.sum() < 20 and (opened.mean(-1) < 80).sum() > 50 > (closed.mean(-1) < 80).sum()


def test_a_lid_that_closes_hides_the_eye_and_shows_lashes(smiling):
    photo, _, compositor = smiling
    eyes = np.isin(compositor.part, [7, 8])
    drawn_eyes = np.where(eyes[..., None], (250, 250, 250), photo).astype(np.uint8)
    from interleaf_vlogger.compositor import Compositor

    known = Compositor(drawn_eyes, compositor.person)
    shut = posed(known, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    near = ndimage.binary_dilation(eyes, iterations=3)
    assert (shut[near].min(-1) > 235).mean() < 0.05
    assert (shut[near].mean(-1) < 0.75 * np.mean(SKIN)).sum() > 5
    assert (posed(known)[eyes] == 250).all()
