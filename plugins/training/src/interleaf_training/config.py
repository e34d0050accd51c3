"""Parameters of a training run."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, Lt


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train: ``steps`` optimiser steps on ``batch`` samples each, over all processes.

    ``micro``: samples in one forward pass (0: all of a process's share); it changes the memory
    used and the last bits, not the method. ``lr``: used where no schedule is given. ``betas``,
    ``eps``, ``weight_decay``: AdamW; decay acts on tensors of two or more dimensions. ``clip``:
    largest norm of the mean gradient, 0 for none. ``precision``: of the forward pass; empty takes
    the run's ``--dtype``, ``auto`` takes bfloat16 where the hardware has it. ``ema``: decay of an
    average of the weights, which then are the result; 0 for none. ``shard``: spread parameters,
    gradients and optimiser over the processes (FSDP2) instead of copying them (DDP). ``compile``: a
    backend of torch.compile (``inductor``), empty for none. ``workers``: threads that prepare batches.
    ``checkpoint_every`` steps, or ``checkpoint_seconds`` (0: neither); the last ``keep`` remain,
    and those at the steps in ``keep_at``.
    """

    steps: Annotated[int, Ge(0)] = 1000
    batch: Annotated[int, Ge(1)] = 32
    micro: Annotated[int, Ge(0)] = 0
    lr: Annotated[float, Ge(0)] = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.1
    clip: Annotated[float, Ge(0)] = 1.0
    precision: Literal["", "auto", "float32", "bfloat16"] = ""
    ema: Annotated[float, Ge(0), Lt(1)] = 0.0
    shard: bool = False
    compile: str = ""
    workers: Annotated[int, Ge(0)] = 0
    log_every: Annotated[int, Ge(1)] = 10
    validate_every: Annotated[int, Ge(0)] = 0
    checkpoint_every: Annotated[int, Ge(0)] = 0
    checkpoint_seconds: Annotated[float, Ge(0)] = 60.0
    keep: Annotated[int, Ge(1)] = 2
    keep_at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """``recipe``: how to train. ``shuffle``: a new order of the samples in every epoch."""

    recipe: Recipe = field(default_factory=Recipe)
    shuffle: bool = True
