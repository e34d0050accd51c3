"""A component that several processes compute together."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Table
from interleaf_toy.config import TogetherConfig


class Together(Model):
    """Every process adds up its share of the numbers; the sums are then added up by all."""

    Config = TogetherConfig

    def apply(self, x: Table, ctx: Context | None = None) -> Table:
        """``sum`` of the column ``value``, and the number of ``processes``."""
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        ctx = ctx or Context()
        if rank == self.config.fails:
            raise InvalidInput(f"process {rank} does not like it", hint="use another")
        if rank == self.config.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        numbers = [v for v in x.columns.get("value", ()) if isinstance(v, int | float)]
        total = float(sum(numbers[rank::world]))
        ctx.monitor.progress(1, 1, sum=total)
        return Table({"sum": [_all(total) if world > 1 else total], "processes": [world]})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [TogetherConfig()],
            "calls": {"apply": [{"x": Table({"value": [1, 2]})}]},
        }


def _all(number: float) -> float:
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    sums = torch.tensor([number], dtype=torch.float64)
    dist.all_reduce(sums)
    dist.destroy_process_group()
    return float(sums[0])
