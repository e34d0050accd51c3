"""The five interfaces a plugin implements: Dataset, Model, Schedule, Renderer, Evaluator."""

from interleaf.interfaces.component import Component, Context, Monitor
from interleaf.interfaces.dataset import Dataset, Split
from interleaf.interfaces.evaluator import Evaluator
from interleaf.interfaces.model import Fitted, Model, ModelHandle
from interleaf.interfaces.renderer import Renderer
from interleaf.interfaces.report import Evidence, Measure, Report, Verdict
from interleaf.interfaces.schedule import Domain, Schedule

__all__ = [
    "Component",
    "Context",
    "Dataset",
    "Domain",
    "Evaluator",
    "Evidence",
    "Fitted",
    "Measure",
    "Model",
    "ModelHandle",
    "Monitor",
    "Renderer",
    "Report",
    "Schedule",
    "Split",
    "Verdict",
]
