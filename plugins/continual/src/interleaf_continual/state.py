"""A training that can be gone on with: what ``continual.trainer`` gives and takes as ``state``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """After ``step`` steps of a stage, the run's ``clock`` standing at this many steps.

    ``seed`` orders the stage's data, ``ledger`` is the place in it (``ReplayMix.at``); ``weights``,
    ``optimiser`` (AdamW's moments, named ``parameter:moment``) and ``average`` are float32 by name.
    """

    step: int
    clock: int
    seed: int
    ledger: Mapping[str, Any]
    weights: Arrays = field(default_factory=dict)
    optimiser: Arrays = field(default_factory=dict)
    average: Arrays = field(default_factory=dict)
