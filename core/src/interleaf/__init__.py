"""Interleaf: every paper is a plugin, and the output of one feeds the next.

    import interleaf
    splats = interleaf.load("gaussianimage.fit", points=500)(image="photo.png")
    result = interleaf.run("photo.yaml", image="photo.png")
    result.metrics["score.psnr"]["value"]

Importing this package loads neither numpy nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interleaf.errors import CorruptData, InterleafError, InvalidInput, WeightsMissing
from interleaf.interfaces import (
    Component,
    Context,
    Dataset,
    Domain,
    Evaluator,
    Evidence,
    Fitted,
    Measure,
    Model,
    ModelHandle,
    Renderer,
    Report,
    Schedule,
    Verdict,
)
from interleaf.params import Ge, Gt, InFile, Le, Lt, Secret
from interleaf.plugin import Call, Plugin, component
from interleaf.values import (
    Artifact,
    Audio,
    Clip,
    Frames,
    Image,
    Item,
    Mesh,
    Motion,
    Table,
    Tokens,
)

if TYPE_CHECKING:
    from interleaf.api import load, run

__version__ = "0.1.0"

__all__ = [
    "Artifact", "Audio", "Call", "Clip", "Component", "Context", "CorruptData",
    "Dataset", "Domain", "Evaluator", "Evidence", "Fitted", "Frames", "Ge", "Gt", "Image",
    "InFile", "InterleafError", "InvalidInput", "Item", "Le", "Lt", "Measure", "Mesh", "Model",
    "ModelHandle", "Motion", "Plugin", "Renderer", "Report", "Schedule", "Secret", "Table",
    "Tokens", "Verdict", "WeightsMissing", "component", "load", "run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("load", "run"):
        from interleaf import api

        return getattr(api, name)
    raise AttributeError(f"module 'interleaf' has no attribute '{name}'")
