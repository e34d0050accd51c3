"""One model over several processes: split inside its matrices (tensor parallel), or shard by shard (FSDP2).

Both are torch's own engines; here stands only which matrix is cut which way.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    RowwiseParallel,
    parallelize_module,
)
from torch.nn import functional as F

from interleaf_gemma.model import Gemma


def parallelize(model: Gemma, mesh: DeviceMesh) -> Gemma:
    """Split a model, in place, over a one-dimensional mesh; every process passes the same ids.

    Query, gate and up matrices by columns, output and down matrices by rows, the embedding (and so the
    output layer) by ids. Keys and values are split by heads where their number allows it; the one head of
    multi-query attention stays whole in every process. Logits come out whole. The model's config then
    tells this process's share of heads. ValueError for a number of processes that divides no heads.
    """
    c, ways = model.config, mesh.size()
    if c.heads % ways or (c.kv_heads > 1 and c.kv_heads % ways):
        raise ValueError(
            f"{c.heads} heads with {c.kv_heads} keys/values cannot be split over {ways} processes"
        )
    if c.vocab_size % ways or c.d_ff % ways:
        raise ValueError(
            f"{c.vocab_size} ids and {c.d_ff} MLP units cannot be split evenly over {ways} processes"
        )
    split = c.kv_heads > 1
    for block in model.model.layers:
        parallelize_module(block, mesh, _plan(split))
        if not split:
            for projection in (block.self_attn.k_proj, block.self_attn.v_proj):
                projection.register_forward_hook(partial(_whole, mesh))
    parallelize_module(
        model.model, mesh, {"embed_tokens": RowwiseParallel(input_layouts=Replicate())}
    )
    model.head = partial(_head, model, mesh)  # type: ignore[method-assign]
    model.config = c.with_(
        heads=c.heads // ways, kv_heads=c.kv_heads // ways if split else 1, head_dim=c.head_dim
    )
    return model


def _plan(split: bool) -> dict[str, ParallelStyle]:
    columns = ["self_attn.q_proj", "mlp.gate_proj", "mlp.up_proj"]
    columns += ["self_attn.k_proj", "self_attn.v_proj"] if split else []
    plan: dict[str, ParallelStyle] = {name: ColwiseParallel() for name in columns}
    plan |= {name: RowwiseParallel() for name in ("self_attn.o_proj", "mlp.down_proj")}
    return plan


def _whole(mesh: DeviceMesh, module: nn.Module, inputs: object, output: Tensor) -> Tensor:
    """Keys and values that every process computes: each sees the gradient of its own queries, so sum them."""
    same = DTensor.from_local(output, mesh, [Replicate()], run_check=False)
    return same.to_local(grad_placements=[Partial()])


def _head(model: Gemma, mesh: DeviceMesh, hidden: Tensor) -> Tensor:
    """Every process computes its ids' logits; all get all."""
    same = DTensor.from_local(hidden, mesh, [Replicate()], run_check=False)
    logits: Tensor = F.linear(same, model.model.embed_tokens.weight).full_tensor()
    return logits


def shard(model: nn.Module, mesh: DeviceMesh, dtype: torch.dtype | None = None) -> nn.Module:
    """FSDP2 in place: every block of a Gemma inside ``model`` a unit of its own, the rest one more.

    ``model`` is the Gemma, or an objective around it; call it through its own ``forward``. ``dtype``: in
    which to compute and to exchange weights (gradients are summed in float32).
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy

    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for part in model.modules():
        if isinstance(part, Gemma):
            for block in part.model.layers:
                fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    return model
