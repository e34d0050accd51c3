"""What `test_triton.py` runs: the kernels against torch, interpreted without a GPU, compiled with one."""

import pytest
import torch

ops = pytest.importorskip("interleaf_gemma.triton_ops")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from interleaf_gemma.model import RMSNorm, rotate  # noqa: E402
from interleaf_gemma.quantised_files import separated  # noqa: E402
from interleaf_gemma.quantising import quantise  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
few = settings(max_examples=6, deadline=None)


def numbers(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random).to(DEVICE).requires_grad_()


def agree(ours, theirs, inputs):
    """Same results and same gradients."""
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)
    push = torch.cos(torch.arange(ours.numel(), device=DEVICE)).reshape(ours.shape)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, push),
        torch.autograd.grad(theirs, inputs, push),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=5e-5, rtol=1e-4)


@few
@given(rows=st.integers(1, 5), size=st.integers(1, 70), seed=st.integers(0, 99))
def test_norm_with_residual(rows, size, seed):
    x, rest, w = numbers(rows, size, seed=seed), numbers(rows, size, seed=seed + 1), numbers(size)
    norm = RMSNorm(size, 1e-6, 1.0).to(DEVICE)
    theirs = torch.func.functional_call(norm, {"weight": w}, (x + rest,))
    y, total = ops.norm_residual(x, rest, w)
    # both outputs are used, as in a block
    agree(torch.cat([y, 3 * total]), torch.cat([theirs, 3 * (x + rest)]), (x, rest, w))


@few
@given(rows=st.integers(1, 4), size=st.integers(1, 150), seed=st.integers(0, 99))
def test_geglu(rows, size, seed):
    gate, up = numbers(rows, size, seed=seed), numbers(rows, size, seed=seed + 1)
    agree(ops.geglu(3 * gate, up), F.gelu(3 * gate, approximate="tanh") * up, (gate, up))


@few
@given(tokens=st.integers(1, 3), heads=st.integers(1, 3), half=st.integers(1, 20))
def test_rope(tokens, heads, half):
    x, angle = numbers(2, tokens, heads, 2 * half), numbers(2, tokens, half).detach()
    cos, sin = angle.cos(), angle.sin()
    agree(ops.rope(x, cos, sin), rotate(x, cos[..., None, :], sin[..., None, :], "halves"), (x,))


@few
@given(tokens=st.integers(1, 3), rows=st.integers(1, 40), pairs=st.integers(1, 60))
@pytest.mark.parametrize(("quant", "bits"), [("int8", 8), ("int4", 4)])
def test_quantised_products(quant, bits, tokens, rows, pairs):
    q = quantise(numbers(rows, 2 * pairs).detach().cpu(), quant)
    stored = {n: t.to(DEVICE) for n, t in separated({"w": q}).items()}
    x = numbers(tokens, 2 * pairs, seed=1)
    ours = ops.quantised_linear(x, stored["w"], stored["w_scale"], bits, q.group)
    agree(ours, x @ q.whole().to(DEVICE).T, (x,))
