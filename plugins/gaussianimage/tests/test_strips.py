"""The sum that decoding uses, against the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf_gaussianimage.drawing import prepared
from interleaf_gaussianimage.splats import CUTOFF, Splats, render_reference
from interleaf_gaussianimage.strips import add_strips, to_bytes


def drawn(splats, window):
    x, y, width, height = window
    stride = width + 31
    canvas = np.zeros(height * splats.channels * stride + 16, np.float32)
    geometry, color = prepared(splats)
    add_strips(splats.channels)(geometry, color, canvas, stride, 0, height, x, y, width)
    rows = canvas[: height * splats.channels * stride].reshape(height, splats.channels, stride)
    return rows[:, :, :width].transpose(0, 2, 1)


def some(n, height, width, channels, seed, largest):
    rng = np.random.default_rng(seed)
    mu = rng.uniform(-3, [width + 3, height + 3], (n, 2))
    size = np.exp(rng.uniform(np.log(0.05), np.log(largest), (n, 2)))
    chol = np.column_stack([size[:, 0], rng.normal(0, 1, n) * size[:, 1], size[:, 1]])
    chol *= rng.choice([-1, 1], (n, 3))
    parts = (mu, chol, rng.normal(0, 1, (n, channels)))
    return Splats(*(a.astype(np.float32) for a in parts), height, width)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(1, 4)),
    st.integers(0, 2**32), st.sampled_from([1.0, 8.0, 200.0]),
)  # fmt: skip
def test_strips_equal_the_definition(size, seed, largest):
    splats = some(12, *size, seed=seed, largest=largest)
    height, width, _ = size
    apart = np.abs(drawn(splats, (0, 0, width, height)) - render_reference(splats))
    # a term at the cut may fall on either side of it
    most = np.abs(splats.color).max() / 255 * 1.01 + 1e-4
    assert apart.max() < 2 * most
    assert (apart > 1e-4).mean() <= 0.01 + 2 / apart.size


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_part_is_the_crop_bit_for_bit(data):
    splats = some(15, 70, 60, 3, data.draw(st.integers(0, 999)), 40.0)
    whole = drawn(splats, (0, 0, 60, 70))
    x, y = data.draw(st.integers(0, 59)), data.draw(st.integers(0, 69))
    w, h = data.draw(st.integers(1, 60 - x)), data.draw(st.integers(1, 70 - y))
    assert np.array_equal(drawn(splats, (x, y, w, h)), whole[y : y + h, x : x + w])


def test_a_long_tail_and_a_thin_one_reach_their_exact_ends():
    for chol in ([30.0, 29.0, 0.5], [0.3, 0.0, 40.0], [60.0, 59.0, 0.3], [40.0, 0.0, 0.3]):
        splats = Splats(
            np.array([[5.3, 5.6]], np.float32), np.array([chol], np.float32), np.ones((1, 1), np.float32),
            200, 200,
        )  # fmt: skip
        ours, exact = drawn(splats, (0, 0, 200, 200)), render_reference(splats)
        assert ours[ours > 0].min() >= np.exp(-CUTOFF) * (1 - 1e-4)
        assert np.abs(ours - exact)[exact > np.exp(-CUTOFF) * 1.01].max(initial=0) < 3e-4


@pytest.mark.parametrize("width", [1, 15, 16, 17, 40])
def test_bytes_are_rounded_and_in_order(width):
    rng = np.random.default_rng(0)
    pixels = rng.uniform(-40, 300, (5, width, 3)).astype(np.float32)
    stride = width + 16
    rows = np.zeros((5, 3, stride), np.float32)
    rows[:, :, :width] = pixels.transpose(0, 2, 1)
    out = np.zeros((7, width, 3), np.uint8)
    to_bytes(np.append(rows.ravel(), np.zeros(16, np.float32)), stride, out, 0, 5, 1)
    assert np.array_equal(out[1:6], np.floor(np.clip(pixels + np.float32(0.5), 0, 255)))
    assert not out[0].any() and not out[6].any()


WILD = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[WILD] * 5), min_size=1, max_size=4))
def test_nothing_is_written_outside(rows):
    values = np.array(rows, np.float32)
    splats = Splats(values[:, :2], values[:, 2:], np.ones((len(rows), 1), np.float32), 20, 30)
    geometry, color = prepared(splats)
    geometry[:, 2] = np.abs(geometry[:, 2])  # whatever the geometry says
    canvas = np.zeros(4000 + 20 * 48 + 4000, np.float32)
    add_strips(1)(geometry, color, canvas[4000:], 48, 0, 20, 0, 0, 30)
    assert not canvas[:4000].any() and not canvas[4000 + 20 * 48 + 16 :].any()
