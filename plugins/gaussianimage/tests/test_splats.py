"""The compiled sums against the definition, and against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_gaussianimage.drawing import gradients, render
from interleaf_gaussianimage.splats import (
    CUTOFF,
    Splats,
    cholesky_from_rotation_scale,
    gradients_reference,
    render_reference,
)


def some(n, height, width, channels, seed=0, dtype=np.float64, largest=4.0):
    rng = np.random.default_rng(seed)
    mu = rng.uniform(-3, [width + 3, height + 3], (n, 2))
    chol = rng.uniform(0.3, largest, (n, 3)) * rng.choice([-1, 1], (n, 3))
    return Splats(
        *(a.astype(dtype) for a in (mu, chol, rng.normal(0, 1, (n, channels)))), height, width
    )


SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4))


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(0, 30), st.integers(0, 2**32))
def test_compiled_equals_the_definition(size, n, seed):
    splats = some(n, *size, seed=seed)
    assert np.abs(render(splats) - render_reference(splats)).max(initial=0) < 1e-11
    g = np.random.default_rng(seed).normal(0, 1, (size[0], size[1], size[2]))
    for ours, theirs in zip(gradients(splats, g), gradients_reference(splats, g), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_single_precision_is_close(channels):
    splats = some(200, 61, 53, channels, dtype=np.float32)
    exact = render_reference(splats)
    assert render(splats).dtype == np.float32
    # a term at the cut may fall on either side of it: 1/255 of a colour
    far = np.abs(render(splats) - exact) > 2e-5
    assert far.mean() < 1e-3 and np.abs(render(splats) - exact).max() < 4 / 255


@pytest.mark.parametrize("name", ["mu", "chol", "color"])
def test_gradients_equal_finite_differences(name):
    # wide Gaussians around a small picture: no sample lies beyond the cut
    rng = np.random.default_rng(3)
    parts = {
        "mu": rng.uniform(0, 6, (5, 2)),
        "chol": np.column_stack(
            [rng.uniform(4, 6, 5), rng.uniform(-1, 1, 5), rng.uniform(4, 6, 5)]
        ),
        "color": rng.normal(0, 1, (5, 3)),
    }
    weights = rng.normal(0, 1, (7, 6, 3))
    gradient = dict(
        zip(parts, gradients(Splats(**parts, height=7, width=6), weights), strict=True)
    )[name]

    def loss(moved):
        return (render(Splats(**{**parts, name: moved}, height=7, width=6)) * weights).sum()

    for at in np.ndindex(parts[name].shape):
        step = np.zeros_like(parts[name])
        step[at] = 1e-6
        slope = (loss(parts[name] + step) - loss(parts[name] - step)) / 2e-6
        assert slope == pytest.approx(gradient[at], rel=1e-6, abs=1e-7)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_window_is_the_crop_and_threads_change_nothing(data):
    splats = some(25, 33, 47, 3, seed=data.draw(st.integers(0, 999)), dtype=np.float32)
    scale = data.draw(st.sampled_from([0.5, 1.0, 1.7, 3.0]))
    whole = render(splats, scale=scale, threads=1)
    height, width = whole.shape[:2]
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    threads = data.draw(st.integers(1, 5))
    part = render(splats, (x, y, w, h), scale, threads=threads)
    assert np.array_equal(part, whole[y : y + h, x : x + w])


def test_every_gaussian_of_a_crowd_is_drawn():
    # the reference kernel stops after 256 in a 16×16 tile
    n = 3000
    splats = Splats(
        np.full((n, 2), 8.0), np.tile([2.0, 0.0, 2.0], (n, 1)), np.full((n, 1), 1 / n), 16, 16
    )
    assert render(splats)[8, 8, 0] == pytest.approx(1.0, rel=1e-9)


def test_a_long_tail_reaches_its_exact_end():
    splats = Splats(
        np.array([[5.0, 5.0]]), np.array([[30.0, 29.0, 0.5]]), np.ones((1, 1)), 200, 200
    )
    drawn = render(splats)[:, :, 0]
    assert (drawn[drawn > 0].min()) >= np.exp(-CUTOFF) * (1 - 1e-9)
    assert np.array_equal(drawn > 0, render_reference(splats)[:, :, 0] > 0)


def test_scaling_keeps_edges_in_place():
    splats = some(10, 20, 30, 1, largest=6.0)
    assert render(splats, scale=3.0).shape == (60, 90, 1)
    # the middle sample of each 3×3 block lies where the pixel's was
    assert np.allclose(render(splats, scale=3.0)[1::3, 1::3], render(splats), atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_or_flat_is_not_drawn(bad):
    good = some(3, 9, 9, 2)
    mu, chol, color = (np.concatenate([a, a[:1]]) for a in (good.mu, good.chol, good.color))
    for array, value in ((mu, bad), (chol, bad), (color, bad), (chol, 0.0)):
        spoiled = [a.copy() for a in (mu, chol, color)]
        index = next(i for i, a in enumerate((mu, chol, color)) if a is array)
        spoiled[index][-1, 0] = value
        splats = Splats(*spoiled, 9, 9)
        assert np.array_equal(render(splats), render(good))
        assert all(np.isfinite(g).all() for g in gradients(splats, np.ones((9, 9, 2))))


@given(st.floats(0.3, 9), st.floats(0.3, 9), st.floats(-7, 7))
def test_rotation_scale_is_the_same_covariance(s1, s2, angle):
    l1, l2, l3 = cholesky_from_rotation_scale(np.array([[s1, s2]]), np.array([angle]))[0]
    factor = np.array([[l1, 0], [l2, l3]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert np.allclose(factor @ factor.T, turn @ np.diag([s1**2, s2**2]) @ turn.T, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Splats(np.ones((2, 2)), np.ones((3, 3)), np.ones((2, 3)), 4, 4), "mu \\[N, 2\\]"),
        (lambda: Splats(np.ones((2, 2)), np.ones((2, 3)), np.ones((2, 5)), 4, 4), "color"),
        (lambda: Splats(np.ones((2, 2)), np.ones((2, 3)), np.ones((2, 3)), 0, 4), "at least 1x1"),
        (lambda: render(some(2, 4, 4, 1), window=(0, 0, 0, 2)), "window"),
        (lambda: render(some(2, 4, 4, 1), scale=-1), "scale above 0"),
        (lambda: render(some(2, 4, 4, 1), threads=0), "threads"),
    ],
)
def test_wrong_arguments_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()
