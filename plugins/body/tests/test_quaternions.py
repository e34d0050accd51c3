"""Algebra of rotations, held to matrices and to itself."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from interleaf_body import quaternions as quat

ORDERS = ["".join(p) for p in itertools.permutations("XYZ")]
VECTORS = arrays(np.float64, 3, elements=st.floats(-4, 4))


def same(a, b, atol=1e-9):
    return np.allclose(quat.to_matrix(a), quat.to_matrix(b), atol=atol)


@given(VECTORS, VECTORS, VECTORS)
def test_products_and_turned_vectors_are_those_of_matrices(a, b, v):
    p, q = quat.from_rotvec(a), quat.from_rotvec(b)
    product = quat.to_matrix(p) @ quat.to_matrix(q)
    assert np.allclose(quat.to_matrix(quat.multiply(p, q)), product, atol=1e-9)
    assert np.allclose(quat.rotate(p, v), quat.to_matrix(p) @ v, atol=1e-9)


@given(VECTORS)
def test_rotation_vectors_come_back(v):
    again = quat.to_rotvec(quat.from_rotvec(v))
    assert np.linalg.norm(again) <= np.pi + 1e-9
    assert same(quat.from_rotvec(again), quat.from_rotvec(v))


@pytest.mark.parametrize("order", ORDERS)
@example(v=np.array([0.01, 2.21692223, 2.21692223]))  # axes that all but coincide
@given(v=VECTORS)
def test_angles_come_back_in_any_order(order, v):
    q = quat.from_rotvec(v)
    assert same(quat.from_euler(quat.to_euler(q, order), order), q, atol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("middle", [90.0, -90.0])
def test_angles_come_back_where_axes_coincide(order, middle):
    q = quat.from_euler(np.radians([20.0, middle, 35.0]), order)
    assert same(quat.from_euler(quat.to_euler(q, order), order), q, atol=1e-6)


@given(VECTORS, VECTORS)
def test_between_turns_the_one_to_the_other(a, b):
    q = quat.between(a, b)
    assert np.isfinite(q).all()
    if min(np.linalg.norm(a), np.linalg.norm(b)) > 1e-6:
        turned = quat.rotate(q, a / np.linalg.norm(a))
        assert np.allclose(turned, b / np.linalg.norm(b), atol=1e-4)


@given(VECTORS)
def test_swing_and_twist_make_the_whole(v):
    q, axis = quat.from_rotvec(v), np.array([0.0, 1.0, 0.0])
    twist = quat.twist(q, axis)
    swing = quat.multiply(q, quat.inverse(twist))
    assert same(quat.multiply(swing, twist), q)
    assert np.allclose(quat.rotate(twist, axis), axis, atol=1e-9)


def test_slerp_keeps_its_ends_and_goes_the_short_way():
    a, b = quat.from_rotvec(np.array([0.1, 0, 0])), -quat.from_rotvec(np.array([0.5, 0, 0]))
    assert same(quat.slerp(a, b, 0.0), a) and same(quat.slerp(a, b, 1.0), b)
    assert same(quat.slerp(a, b, 0.5), quat.from_rotvec(np.array([0.3, 0, 0])))
