"""Parameters of ``continual.trainer``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Lt

Count = Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig:
    """One data set's turn.

    ``steps`` of the optimiser, or ``tokens``; with neither as long as the stage's schedule lasts, or
    until all data has come once. ``replay``: share of windows from what all earlier stages consumed,
    within the same compute. ``init``: go on with the weights before (``prev``), draw new ones
    (``scratch``), or start from a trainer's ``checkpoint`` (one, or a folder of them: its last).
    ``reset_optimizer`` forgets AdamW's moments.
    """

    steps: Count = 0
    tokens: Annotated[float, Ge(0)] = 0.0
    replay: Annotated[float, Ge(0), Lt(1)] = 0.0
    init: Literal["prev", "scratch", "checkpoint"] = "prev"
    checkpoint: InFile | None = None
    reset_optimizer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """``stages``: one for each data set, or none for the defaults; ``clock``: whether every stage
    reads its schedule from step 0 (re-warming) or one schedule runs through all of them (infinite).

    ``batch`` windows of ``window`` tokens make a step, ``micro`` of them a forward pass (0: all).
    ``lr`` where no schedule is given. ``held_windows`` of each held-out set are measured every
    ``validate_every`` steps and at each stage's end. ``keep_state`` gives weights, moments and place
    in the data as output ``state``, to branch from. The rest is as in ``training.fit``.
    """

    stages: tuple[StageConfig, ...] = ()
    clock: Literal["stage", "run"] = "stage"
    window: Annotated[int, Ge(1)] = 256
    batch: Annotated[int, Ge(1)] = 8
    micro: Count = 0
    lr: Annotated[float, Ge(0)] = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.1
    clip: Annotated[float, Ge(0)] = 1.0
    precision: Literal["", "auto", "float32", "bfloat16"] = ""
    ema: Annotated[float, Ge(0), Lt(1)] = 0.0
    shard: bool = False
    compile: str = ""
    workers: Count = 0
    log_every: Annotated[int, Ge(1)] = 10
    validate_every: Count = 0
    held_windows: Annotated[int, Ge(1)] = 64
    checkpoint_every: Count = 0
    checkpoint_seconds: Annotated[float, Ge(0)] = 60.0
    keep: Annotated[int, Ge(1)] = 2
    keep_at: tuple[int, ...] = ()
    keep_state: bool = False
