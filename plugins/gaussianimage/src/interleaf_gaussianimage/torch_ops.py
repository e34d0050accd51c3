"""The sum over Gaussians as a torch operator with autograd (extra ``[torch]``).

    image = splat_sum(mu, chol, color, height, width)        # [H, W, C], unclamped, eq. 7

float32 or float64 tensors; gradients flow to mu, chol and color. The operator is registered as
``interleaf_gi::splat_sum`` with a meta kernel, so ``torch.compile`` and ``torch.export`` keep it whole.
Tensors on a CPU are drawn by `kernels`, on a GPU by `triton_ops` (extra ``[triton]``).
"""

# mypy: disable-error-code="untyped-decorator, no-untyped-def"

import torch
from torch import Tensor

from .drawing import gradients, render
from .splats import Splats

BACKENDS = {"cpu": "numba", "cuda": "triton"}


def _on_triton(tensor: Tensor) -> bool:
    return BACKENDS.get(tensor.device.type) == "triton"


def _splats(mu: Tensor, chol: Tensor, color: Tensor, height: int, width: int) -> Splats:
    m, f, c = (t.detach().contiguous().numpy() for t in (mu, chol, color))
    return Splats(m, f, c, height, width)


@torch.library.custom_op("interleaf_gi::splat_sum", mutates_args=(), device_types=("cpu", "cuda"))
def splat_sum(mu: Tensor, chol: Tensor, color: Tensor, height: int, width: int) -> Tensor:
    """Draw Gaussians: mu [N, 2] and chol [N, 3] in pixels, color [N, C] -> [H, W, C]."""
    if _on_triton(mu):
        from . import triton_ops

        return triton_ops.draw(mu, chol, color, height, width)
    return torch.from_numpy(render(_splats(mu, chol, color, height, width)))


@splat_sum.register_fake
def _shape(mu: Tensor, chol: Tensor, color: Tensor, height: int, width: int) -> Tensor:
    return chol.new_empty((height, width, color.shape[1]))


@torch.library.custom_op(
    "interleaf_gi::splat_sum_backward", mutates_args=(), device_types=("cpu", "cuda")
)
def splat_sum_backward(
    grad: Tensor, mu: Tensor, chol: Tensor, color: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """dLoss/d(mu, chol, color) for grad = dLoss/dimage [H, W, C]."""
    if _on_triton(mu):
        from . import triton_ops

        return triton_ops.gradients(grad, mu, chol, color)
    splats = _splats(mu, chol, color, *grad.shape[:2])
    to_mu, to_chol, to_color = gradients(splats, grad.detach().numpy())
    return torch.from_numpy(to_mu), torch.from_numpy(to_chol), torch.from_numpy(to_color.copy())


@splat_sum_backward.register_fake
def _shapes(grad: Tensor, mu: Tensor, chol: Tensor, color: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(mu), torch.empty_like(chol), torch.empty_like(color)


def _remember(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:3])


def _backward(ctx, grad):
    return (*splat_sum_backward(grad.contiguous(), *ctx.saved_tensors), None, None)


splat_sum.register_autograd(_backward, setup_context=_remember)
