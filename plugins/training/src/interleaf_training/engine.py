"""Where training runs: device, processes, precision, through Hugging Face accelerate.

Started by torchrun, every process gets its part of each batch; otherwise there is one. Whatever
accelerate or torch keep globally (threads, environment, random state) is put back at the end.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf_training.config import Recipe
from interleaf_training.model import seeded


def fast_bfloat16(device: str) -> bool:
    """Whether the hardware computes in bfloat16 faster than in float32."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return False
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(found.get("avx512_bf16") or found.get("amx_tile") or found.get("amx_bf16"))


def precision_of(recipe: Recipe, ctx: Context) -> str:
    """``float32`` or ``bfloat16``."""
    if recipe.precision == "auto":
        return "bfloat16" if fast_bfloat16(ctx.device) else "float32"
    found = recipe.precision or ctx.dtype
    if found not in ("float32", "bfloat16"):
        raise InvalidInput(
            f"training in {found} is not possible here", hint="--dtype float32 or bfloat16"
        )
    return found


@dataclass
class Engine:
    """One process of a training: which samples are its own, and what runs around the loss."""

    accelerator: Accelerator
    device: torch.device
    precision: str
    seed: int
    shard: bool

    @property
    def rank(self) -> int:
        """Of this process, from 0."""
        return int(self.accelerator.process_index)

    @property
    def world(self) -> int:
        """How many processes train together."""
        return int(self.accelerator.num_processes)

    @property
    def chief(self) -> bool:
        """Whether this process writes, logs and reports."""
        return self.rank == 0

    @property
    def spread(self) -> bool:
        """Whether every process holds a part of each tensor."""
        return self.shard and self.world > 1

    def place(self, objective: nn.Module) -> tuple[nn.Module, nn.Module]:
        """The module that holds the trained tensors on this device, and the one to call.

        With DDP the first is the objective itself, of which every process has one; with FSDP2 a
        copy that is spread over the processes, while the objective stays whole where it is.
        """
        if self.spread:
            spread = sharded(copy.deepcopy(objective))
            return spread, spread
        objective.to(self.device)
        return objective, self.accelerator.prepare_model(objective)

    def parts(self, recipe: Recipe, step: int) -> list[tuple[int, int]]:
        """First and last + 1 sample of each of this process's micro-batches in a step."""
        share, odd = divmod(recipe.batch, self.world)
        if odd:
            raise InvalidInput(
                f"a batch of {recipe.batch} cannot be split over {self.world} processes",
                hint=f"batch: {recipe.batch + self.world - odd}",
            )
        first = step * recipe.batch + self.rank * share
        pieces = -(-share // (recipe.micro or share))
        cuts = [first + share * k // pieces for k in range(pieces + 1)]
        return list(pairwise(cuts))

    def drawing(self, sample: int) -> None:
        """Noise and dropout of the samples that follow depend on the seed and their place alone."""
        mark = blake2b(f"{self.seed}.{sample}".encode(), digest_size=8).digest()
        torch.manual_seed(int.from_bytes(mark, "little") >> 1)

    def around(self, placed: nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Gradients travel between processes only with a step's last micro-batch."""
        if self.world == 1:
            return nullcontext()
        if self.shard:
            placed.set_requires_gradient_sync(last)
            return nullcontext()
        return nullcontext() if last else self.accelerator.no_sync(placed)

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products in the chosen precision; weights stay float32."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )

    def total(self, *numbers: float) -> list[float]:
        """Sums over all processes, in float64."""
        if self.world == 1:
            return list(numbers)
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        there = torch.tensor(numbers, dtype=dtype, device=self.device)
        torch.distributed.all_reduce(there)
        found: list[float] = there.tolist()
        return found

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            self.accelerator.wait_for_everyone()


def sharded(objective: nn.Module) -> nn.Module:
    """FSDP2 on the children of every ModuleList (a network's blocks) and on the whole."""
    from torch.distributed.fsdp import fully_shard

    for module in objective.modules():
        if isinstance(module, nn.ModuleList):
            for block in module:
                fully_shard(block)
    fully_shard(objective)
    return objective


@contextmanager
def started(recipe: Recipe, ctx: Context) -> Iterator[Engine]:
    """An engine for the block; global settings are put back afterwards."""
    threads, environment = torch.get_num_threads(), dict(os.environ)
    precision = precision_of(recipe, ctx)
    if precision == "bfloat16" and not fast_bfloat16(ctx.device):
        ctx.monitor.notice(f"{ctx.device} has no bfloat16 instructions: float32 would be faster")
    with seeded(ctx.seed):
        try:
            on_cpu = torch.device(ctx.device).type == "cpu"
            accelerator = Accelerator(
                cpu=on_cpu, mixed_precision="no", device_placement=False, dynamo_backend="no"
            )
            torch.set_num_threads(ctx.threads or threads)
            alone = accelerator.num_processes == 1
            device = torch.device(ctx.device) if alone else accelerator.device
            yield Engine(accelerator, device, precision, ctx.seed, recipe.shard)
        finally:
            AcceleratorState._reset_state(
                reset_partial_state=not torch.distributed.is_initialized()
            )
            GradientState._reset_state()
            torch.set_num_threads(threads)
            if dict(os.environ) != environment:
                os.environ.clear()
                os.environ.update(environment)
