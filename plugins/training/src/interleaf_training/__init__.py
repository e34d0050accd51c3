"""The torch training loop that papers share.

    fitted = train(model.objective(), source, Recipe(steps=1000), values={"lr": schedule}, ctx=ctx)

Importing this package loads neither torch nor numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleaf_training.checkpoint import Checkpoint, find_checkpoint
    from interleaf_training.config import Recipe
    from interleaf_training.loop import Outcome, train
    from interleaf_training.model import TorchModel, load_weights, own_copy, save_weights, seeded
    from interleaf_training.scoring import mean_loss
    from interleaf_training.sources import ArraySource, DatasetSource, Source

__all__ = [
    "ArraySource", "Checkpoint", "DatasetSource", "Outcome", "Recipe", "Source", "TorchModel",
    "find_checkpoint", "load_weights", "mean_loss", "own_copy", "save_weights", "seeded", "train",
]  # fmt: skip

_HOME = {
    "checkpoint": "Checkpoint find_checkpoint",
    "config": "Recipe",
    "loop": "Outcome train",
    "model": "TorchModel load_weights own_copy save_weights seeded",
    "scoring": "mean_loss",
    "sources": "ArraySource DatasetSource Source",
}
_MODULES = {name: module for module, names in _HOME.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'interleaf_training' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"interleaf_training.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
