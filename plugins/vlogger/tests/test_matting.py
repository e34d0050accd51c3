"""What moves with a person, and what stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from interleaf_body.model import PARTS
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.example import example_person
from interleaf_vlogger.layers import background
from interleaf_vlogger.matting import matte

SIDE = 240
PERSON = example_person(SIDE, SIDE)


@pytest.fixture(scope="module")
def scene():
    """A person with a crown of dark hair before a wall of stripes, drawn over the fitted mesh."""
    known = Compositor(np.zeros((SIDE, SIDE, 3), np.uint8), PERSON)
    head = ndimage.binary_dilation(
        known.part == PARTS.index("head"), iterations=round(known.head * 0.12)
    )
    body = known.part > 0
    columns = np.arange(SIDE)[None, :, None]
    wall = np.array([90, 140, 180]) + 20 * np.sin(columns / 9.0) + np.zeros((SIDE, 1, 3))
    photo = np.where(head[..., None], [60, 35, 20], wall)
    photo = np.where(body[..., None], [205, 160, 135], photo).astype(np.uint8)
    return photo, body, head & ~body, known


def test_hair_is_the_persons_and_the_wall_is_not(scene):
    photo, body, hair, known = scene
    found = matte(photo, body, known.head)
    beside = ndimage.binary_dilation(body | hair, iterations=6)
    assert (found[body] == 1).all() and found[hair].mean() > 0.85
    assert found[~beside].mean() < 0.01


def test_the_wall_beside_a_head_that_turns_stays(scene):
    photo, body, hair, _ = scene
    compositor = Compositor(photo, PERSON)
    rotvec = PERSON.rotvec.copy()
    rotvec[0, compositor.body.topology.joint_names.index("head"), 2] = 0.2
    frame = compositor.frame(compositor.body(rotvec, None, PERSON.transl[None]).vertices[0])
    dark = frame.mean(-1) < 70
    assert (frame != photo).any(-1)[hair].mean() > 0.1  # the crown moves
    assert dark[~body].sum() > 0.6 * hair.sum()  # and is still there
    far = ~ndimage.binary_dilation(body | hair | dark, iterations=12)
    assert far.mean() > 0.3 and np.array_equal(frame[far], photo[far])


def test_what_is_behind_has_none_of_the_person(scene):
    photo, body, hair, known = scene
    behind = background(photo, matte(photo, body, known.head), 2)
    assert not (behind.mean(-1) < 100)[hair].any()


def test_of_a_face_that_fills_the_picture_all_moves():
    body = np.zeros((60, 80), bool)
    body[:, 15:65] = True
    photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    assert (matte(photo, body, 58.0) == 1).all()
    assert not (matte(photo, body, 8.0) == 1).all()


@given(st.integers(0, 2**32), st.integers(3, 60), st.integers(3, 60))
@settings(max_examples=20, deadline=None)
def test_any_picture_has_shares(seed, height, width):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    body = rng.random((height, width)) < rng.random()
    found = matte(photo, body, float(rng.uniform(0.1, 100)))
    assert (
        found.shape == body.shape
        and found.min() >= 0
        and found.max() <= 1
        and (found[body] == 1).all()
    )
