"""Interleaf: every paper is a plugin, and the output of one feeds the next.

    import interleaf
    splats = interleaf.load("gaussianimage.fit", points=500)(image="photo.png")
    result = interleaf.run("photo.yaml", image="photo.png")
    result.metrics["score.psnr"]["value"]

Importing this package loads neither numpy nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleaf.api import (
        load,
        run,
    )
    from interleaf.errors import (
        CorruptData,
        InterleafError,
        InvalidInput,
        WeightsMissing,
    )
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
    from interleaf.params import (
        Ge,
        Gt,
        InFile,
        Le,
        Lt,
        Secret,
    )
    from interleaf.plugin import (
        Call,
        Plugin,
        component,
    )
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

__version__ = "0.1.0"

__all__ = [
    "Artifact", "Audio", "Call", "Clip", "Component", "Context", "CorruptData",
    "Dataset", "Domain", "Evaluator", "Evidence", "Fitted", "Frames", "Ge", "Gt", "Image",
    "InFile", "InterleafError", "InvalidInput", "Item", "Le", "Lt", "Measure", "Mesh", "Model",
    "ModelHandle", "Motion", "Plugin", "Renderer", "Report", "Schedule", "Secret", "Table",
    "Tokens", "Verdict", "WeightsMissing", "component", "load", "run",
]  # fmt: skip

# Where the public names live; each module is imported when one of its names is first used.
_HOME = {
    "errors": "CorruptData InterleafError InvalidInput WeightsMissing",
    "interfaces.component": "Component Context",
    "interfaces.dataset": "Dataset",
    "interfaces.schedule": "Domain Schedule",
    "interfaces.evaluator": "Evaluator",
    "interfaces.report": "Evidence Measure Report Verdict",
    "interfaces.model": "Fitted Model ModelHandle",
    "interfaces.renderer": "Renderer",
    "params": "Ge Gt InFile Le Lt Secret",
    "plugin": "Call Plugin component",
    "values": "Artifact Audio Clip Frames Image Item Mesh Motion Table Tokens",
    "api": "load run",
}
_MODULES = {name: module for module, names in _HOME.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'interleaf' has no attribute '{name}'")
    found = getattr(importlib.import_module(f"interleaf.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
