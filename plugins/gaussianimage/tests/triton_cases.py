"""What `test_triton.py` runs with triton's interpreter (or on a GPU): values, gradients, shapes."""

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from interleaf_gaussianimage import torch_ops, triton_ops
from interleaf_gaussianimage.splats import Splats, gradients_reference, render_reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def on_triton(monkeypatch):
    monkeypatch.setitem(torch_ops.BACKENDS, "cpu", "triton")


def some(n, height, width, channels, seed=0, largest=4.0):
    rng = np.random.default_rng(seed)
    mu = rng.uniform(-3, [width + 3, height + 3], (n, 2))
    chol = rng.uniform(0.3, largest, (n, 3)) * rng.choice([-1, 1], (n, 3))
    return Splats(mu, chol, rng.normal(0, 1, (n, channels)), height, width)


def tensors(splats, dtype=torch.float64):
    arrays = (splats.mu, splats.chol, splats.color)
    return [torch.tensor(a, dtype=dtype, device=DEVICE) for a in arrays]


def equal_the_definition(splats):
    parts = tensors(splats)
    size = splats.height, splats.width
    drawn = triton_ops.draw(*parts, *size).cpu().numpy()
    assert np.abs(drawn - render_reference(splats)).max(initial=0) < 1e-11
    g = np.random.default_rng(1).normal(0, 1, (*size, splats.channels))
    found = triton_ops.gradients(torch.tensor(g, device=DEVICE), *parts)
    for ours, theirs in zip(found, gradients_reference(splats, g), strict=True):
        assert np.allclose(ours.cpu().numpy(), theirs, rtol=1e-9, atol=1e-9)


# shrinking would take minutes
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(0, 12),
    st.integers(0, 99),
)
def test_it_equals_the_definition(height, width, channels, n, seed):
    equal_the_definition(some(n, height, width, channels, seed))


@pytest.mark.parametrize("size", [(1, 1), (1, 35), (35, 1), (16, 16), (17, 33), (64, 64)])
def test_ragged_edges(size):
    equal_the_definition(some(6, *size, 3))


def test_every_gaussian_of_a_crowd_is_drawn():
    # the reference kernel stops after 256 in a tile
    n = 700
    rng = np.random.default_rng(0)
    splats = Splats(
        rng.uniform(6, 10, (n, 2)), np.tile([2.0, 0.3, 2.0], (n, 1)), np.ones((n, 1)), 16, 16
    )
    drawn = triton_ops.draw(*tensors(splats), 16, 16).cpu().numpy()
    assert np.allclose(drawn, render_reference(splats), rtol=1e-12)


def test_large_boxes_are_split(monkeypatch):
    monkeypatch.setattr(triton_ops, "BLOCKS", 3)
    equal_the_definition(some(5, 60, 60, 3, largest=30.0))


def test_the_same_bits_again_and_in_any_order_of_others():
    splats = some(16, 17, 33, 3)
    parts = tensors(splats, torch.float32)
    first, again = (triton_ops.draw(*parts, 17, 33) for _ in range(2))
    assert torch.equal(first, again)
    grad = torch.ones_like(first)
    turned = [p.flip(0) for p in parts]
    ours, theirs = triton_ops.gradients(grad, *parts), triton_ops.gradients(grad, *turned)
    assert all(torch.equal(a, b.flip(0)) for a, b in zip(ours, theirs, strict=True))


def test_backends_agree():
    from interleaf_gaussianimage.drawing import gradients, render

    splats = some(24, 33, 40, 3)
    single = Splats(*(a.astype(np.float32) for a in (splats.mu, splats.chol, splats.color)), 33, 40)
    drawn = triton_ops.draw(*tensors(splats, torch.float32), 33, 40).cpu().numpy()
    apart = np.abs(drawn - render(single))
    assert (apart > 2e-5).mean() < 1e-3 and apart.max() < 4 / 255  # a term at the cut
    exact = Splats(splats.mu, splats.chol, splats.color, 33, 40)
    g = np.ones((33, 40, 3))
    found = triton_ops.gradients(torch.tensor(g, device=DEVICE), *tensors(exact))
    for ours, theirs in zip(found, gradients(exact, g), strict=True):
        assert np.allclose(ours.cpu().numpy(), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_or_flat_is_not_drawn(bad):
    good = some(3, 9, 9, 2)
    for which, value in ((0, bad), (1, bad), (2, bad), (1, 0.0)):
        parts = [torch.cat([p, p[:1]]) for p in tensors(good)]
        parts[which][-1, 0] = value
        drawn = triton_ops.draw(*parts, 9, 9).cpu().numpy()
        assert np.allclose(drawn, render_reference(good), atol=1e-12)
        found = triton_ops.gradients(
            torch.ones(9, 9, 2, dtype=torch.float64, device=DEVICE), *parts
        )
        assert all(g.isfinite().all() and (g[-1] == 0).all() for g in found)


def wide():
    rng = np.random.default_rng(0)
    chol = np.column_stack([rng.uniform(4, 6, 2), rng.uniform(-1, 1, 2), rng.uniform(4, 6, 2)])
    arrays = (rng.uniform(0, 3, (2, 2)), chol, rng.normal(0, 1, (2, 2)))
    return [torch.tensor(a, device=DEVICE, requires_grad=True) for a in arrays]


def test_gradcheck_through_the_operator():
    assert torch.autograd.gradcheck(lambda *p: torch_ops.splat_sum(*p, 3, 3), wide(), atol=1e-6)


def test_the_operator_is_well_formed():
    torch.library.opcheck(torch_ops.splat_sum, (*wide(), 5, 6))


def test_nothing_to_draw():
    none = [torch.zeros(0, c, device=DEVICE) for c in (2, 3, 3)]
    assert (triton_ops.draw(*none, 5, 7) == 0).all()
    found = triton_ops.gradients(torch.ones(5, 7, 3, device=DEVICE), *none)
    assert [g.shape for g in found] == [(0, 2), (0, 3), (0, 3)]
