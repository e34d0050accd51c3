"""The torch operator: values, gradients, compilation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra [torch] is not installed")

from interleaf_gaussianimage.splats import Splats, render_reference  # noqa: E402
from interleaf_gaussianimage.torch_ops import splat_sum  # noqa: E402


def parts(n=5, channels=3, wide=True):
    rng = np.random.default_rng(0)
    low, high = (4, 6) if wide else (0.5, 3)
    chol = np.column_stack(
        [rng.uniform(low, high, n), rng.uniform(-1, 1, n), rng.uniform(low, high, n)]
    )
    arrays = (rng.uniform(0, 6, (n, 2)), chol, rng.normal(0, 1, (n, channels)))
    return [torch.tensor(a, requires_grad=True) for a in arrays]


@pytest.mark.parametrize("channels", [1, 3])
def test_it_draws_the_definition(channels):
    mu, chol, color = parts(channels=channels, wide=False)
    image = splat_sum(mu, chol, color, 9, 8)
    splats = Splats(*(t.detach().numpy() for t in (mu, chol, color)), 9, 8)
    assert np.allclose(image.detach().numpy(), render_reference(splats), atol=1e-12)


def test_gradcheck_in_double_precision():
    assert torch.autograd.gradcheck(lambda *p: splat_sum(*p, 7, 6), parts(), atol=1e-6)


def test_the_operator_is_well_formed():
    torch.library.opcheck(splat_sum, (*parts(), 7, 6))


def test_gradient_descent_through_torch():
    target = torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(0))
    mu, chol, color = (p.detach().float().requires_grad_() for p in parts(40, wide=False))
    optimiser = torch.optim.Adam([mu, chol, color], lr=0.05)
    losses = []
    for _ in range(60):
        loss = (splat_sum(mu, chol, color, 16, 16) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
