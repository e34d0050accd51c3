"""What holds for every sum over Gaussians, whoever computes it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_gaussianimage import kernels, strips
from interleaf_gaussianimage.decoding import _aligned
from interleaf_gaussianimage.drawing import render
from interleaf_gaussianimage.lanes import WIDTH
from interleaf_gaussianimage.splats import Splats, render_reference


def by_strips(splats):
    """As files are decoded."""
    channels, height, width = splats.channels, splats.height, splats.width
    geometry = np.zeros((len(splats.mu), kernels.GEOMETRY), np.float32)
    color = splats.color.astype(np.float32)
    kernels.prepare(splats.mu, splats.chol, color, geometry, 0, len(color))
    stride = -(-width // WIDTH) * WIDTH + WIDTH
    canvas = _aligned(height * channels * stride + WIDTH)
    add = strips.add_strips(channels)
    add(geometry, color, canvas, stride, 0, height, 0, 0, width)
    rows = canvas[: height * channels * stride].reshape(height, channels, stride)
    return rows.transpose(0, 2, 1)[:, :width]


# the backend, and how far sums in another order may be apart
BACKENDS = [(render, 1e-11), (render_reference, 1e-11), (by_strips, 2e-4)]
each_backend = pytest.mark.parametrize(
    ("draw", "apart"), BACKENDS, ids=["numba", "numpy", "strips"]
)


@st.composite
def pictures(draw, far=3.0):
    """Gaussians whose centres lie up to ``far`` pixels outside of a picture."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    channels, n = draw(st.integers(1, 4)), draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mu = rng.uniform(-far, [width + far, height + far], (n, 2))
    chol = rng.uniform(0.3, 4.0, (n, 3)) * rng.choice([-1, 1], (n, 3))
    return Splats(mu, chol, rng.normal(0, 1, (n, channels)), height, width)


def other(splats, **parts):
    """The same with some arrays exchanged."""
    arrays = {"mu": splats.mu, "chol": splats.chol, "color": splats.color}
    size = {"height": splats.height, "width": splats.width}
    return Splats(**{**arrays, **size, **parts})


@each_backend
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_their_order_changes_nothing(draw, apart, data):
    splats = data.draw(pictures())
    order = data.draw(st.permutations(range(len(splats.mu))))
    turned = other(splats, mu=splats.mu[order], chol=splats.chol[order], color=splats.color[order])
    assert np.allclose(draw(turned), draw(splats), rtol=0, atol=apart)


@each_backend
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_picture_is_linear_in_colour(draw, apart, data):
    splats = data.draw(pictures())
    second = np.random.default_rng(data.draw(st.integers(0, 99))).normal(0, 1, splats.color.shape)
    a, b = data.draw(st.floats(-3, 3)), data.draw(st.floats(-3, 3))
    mixed = draw(other(splats, color=a * splats.color + b * second))
    apiece = a * draw(splats) + b * draw(other(splats, color=second))
    assert np.allclose(mixed, apiece, rtol=0, atol=8 * apart)


@each_backend
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_moving_all_by_whole_pixels_moves_the_picture(draw, apart, data):
    splats = data.draw(pictures())
    right, down = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20))
    moved = other(
        splats,
        mu=splats.mu + np.array([right, down]),
        height=splats.height + down,
        width=splats.width + right,
    )
    # in single precision a term at the cut-off may fall on either side of it: 1/255 of a colour
    far = np.abs(draw(moved)[down:, right:] - draw(splats)) > apart
    assert far.mean() <= (0.005 if draw is by_strips else 0)


@each_backend
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_one_without_colour_changes_nothing(draw, apart, data):
    splats, more = data.draw(pictures()), data.draw(pictures())
    none = np.zeros((len(more.mu), splats.channels))
    added = other(
        splats,
        mu=np.concatenate([splats.mu, more.mu]),
        chol=np.concatenate([splats.chol, more.chol]),
        color=np.concatenate([splats.color, none]),
    )
    assert np.array_equal(draw(added), draw(splats))


@each_backend
def test_none_is_nothing(draw, apart):
    nothing = Splats(np.zeros((0, 2)), np.zeros((0, 3)), np.zeros((0, 3)), 5, 7)
    assert (draw(nothing) == 0).all()
