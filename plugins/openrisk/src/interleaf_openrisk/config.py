"""Parameters of the components of ``openrisk``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Gt, InFile, Lt

Format = Literal["html", "md", "hfcard", "cyclonedx", "sha256"]
Spec = Literal["1.6", "1.7"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsConfig:
    """``name``: the six steps, the misuse vectors, the prior studies as the paper's appendix describes
    them (with the basis of each row), or the properties and benefits of open models."""

    name: Literal["framework_steps", "misuse_vectors", "prior_studies", "properties_benefits"] = (
        "prior_studies"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsConfig:
    """``path``: JSONL records of attempts."""

    path: InFile


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftConfig:
    """``delta``: the smallest uplift that would matter, as a part of 1."""

    delta: Annotated[float, Gt(0), Lt(1)] = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """``folder`` holds the assessment ``file`` with its evidence and weights; all of it decides what is
    computed again. ``today`` is the date to decide for (YYYY-MM-DD): evidence ages and waivers expire."""

    folder: InFile
    file: str = "assessment.yaml"
    today: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentConfig:
    """As for the gate; ``format``: what to write; ``spec``: the version of CycloneDX."""

    folder: InFile
    file: str = "assessment.yaml"
    today: str
    format: Format = "html"
    spec: Spec = "1.6"
