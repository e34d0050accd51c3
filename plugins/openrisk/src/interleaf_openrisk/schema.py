"""The form of an assessment, version 1 (``interleaf openrisk schema`` prints its JSON Schema)."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

VECTORS = (
    "biosecurity", "cybersecurity", "voice_cloning", "spear_phishing", "disinformation", "ncii", "csam",
)  # fmt: skip
PROPERTIES = (
    "broader_access", "greater_customizability", "local_adaptation_inference",
    "inability_to_rescind", "inability_to_monitor",
)  # fmt: skip
SCHEMA_VERSION = 1


def _vector(name: str) -> str:
    if name not in VECTORS and not (name.startswith("custom:") and len(name) > len("custom:")):
        raise ValueError(f"no vector '{name}': one of {', '.join(VECTORS)}, or custom:NAME")
    return name


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]
Number = Annotated[float, AfterValidator(_finite)]
Share = Annotated[float, AfterValidator(_finite), Field(ge=0, le=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Openness = Literal["open", "closed", "none", "partial"]


class Part(BaseModel):
    """Unknown keys are refused; nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Weights(Part):
    """A file of weights, and its digest."""

    path: Text
    sha256: Sha256


class Release(Part):
    """How the weights are made available."""

    kind: Literal["open_weights", "staged", "gated", "api"]
    date: date
    staged_plan: str = ""


class ModelInfo(Part):
    """What is assessed."""

    name: Text
    version: Text
    weights: tuple[Weights, ...] = ()
    license: Text
    base_model: str = ""
    modality: Text
    release: Release


class Assets(Part):
    """What besides the weights is available."""

    weights: Openness
    code: Openness
    data: Openness
    checkpoints: Openness


class Property(Part):
    """Whether one of the five properties applies."""

    applies: bool
    note: str = ""


class Benefit(Part):
    """A benefit, its evidence, and what limits it."""

    id: Id
    claim: Text
    evidence: tuple[Id, ...] = ()
    caveat: str = ""


class Practice(Part):
    """A responsible-AI practice, and who carries it out."""

    practice: Text
    implemented_by: Literal["developer", "downstream", "host", "none"]
    evidence: tuple[Id, ...] = ()


class Actor(Part):
    """Who would misuse the model, with which skill and means."""

    kind: Literal["individual", "group", "state"] = Field(alias="class")
    skill: Text
    budget: Text


class Threat(Part):
    """Step 1: the misuse, how it is carried out, by whom."""

    description: str = ""
    execution: str = ""
    actors: tuple[Actor, ...] = ()
    supply_chain: tuple[Text, ...] = ()


class Figure(Part):
    """A number about existing risk, with its source."""

    value: Number
    unit: Text
    period: Text
    source: Id
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ends = [v for v in (self.low, self.value, self.high) if v is not None]
        if ends != sorted(ends):
            raise ValueError("low, value and high are not in order")
        return self


class ExistingRisk(Part):
    """Step 2: the harm as it is without open models."""

    statement: str = ""
    figures: tuple[Figure, ...] = ()


class Efficacy(Part):
    """How well a defence works, as a part of 1."""

    estimate: Share
    low: Share
    high: Share
    source: Id

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.estimate <= self.high:
            raise ValueError("low, estimate and high are not in order")
        return self


class Defense(Part):
    """Step 3: a defence there is without open models."""

    name: Text
    kind: Literal["technical", "legal", "organisational"]
    efficacy: Efficacy | None = None
    gap: str = ""


class Arms(Part):
    """What was compared in step 4."""

    open: str = ""
    closed: str = ""
    existing: str = ""


class Marginal(Part):
    """Step 4: what the open model adds, over closed models with their real safeguards and over existing
    technology."""

    arms: Arms = Arms()
    experiments: tuple[Id, ...] = ()
    incidents: tuple[Id, ...] = ()
    statement: str = ""


class Response(Part):
    """Step 5: how defences could adapt, at what cost."""

    name: Text
    owner: str = ""
    cost: str = ""
    lead_time_days: Annotated[int, Field(ge=0)] | None = None
    measured_effect: Id | None = None


class Assumption(Part):
    """Step 6: what the conclusion rests on."""

    text: Text
    sensitivity: Literal["low", "medium", "high"]
    would_change_if: str = ""
    review_by: date | None = None


class Override(Part):
    """A step that a reviewer puts elsewhere than the fields do; raising one needs a reason."""

    step: Annotated[int, Field(ge=1, le=6)]
    level: Literal["absent", "partial", "full"]
    reason: Text


class Judgement(Part):
    """What the reviewer concludes. "Safe" is no level."""

    level: Literal["low", "moderate", "considerable", "unknown"]
    rationale: Text
    reviewer: Text
    date: date
    conflicts: Text


class Vector(Part):
    """One misuse vector through the six steps."""

    id: Annotated[Id, AfterValidator(_vector)]
    applicability: Literal["applicable", "not_applicable"]
    reason: str = ""
    threat: Threat = Threat()
    existing_risk: ExistingRisk = ExistingRisk()
    existing_defenses: tuple[Defense, ...] = ()
    marginal: Marginal = Marginal()
    defense_response: tuple[Response, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    overrides: tuple[Override, ...] = ()
    judgement: Judgement | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.applicability == "not_applicable" and not self.reason.strip():
            raise ValueError("not_applicable needs a reason")
        if self.applicability == "applicable" and self.judgement is None:
            raise ValueError("an applicable vector needs a judgement; its level may be unknown")
        steps = [o.step for o in self.overrides]
        if len(set(steps)) < len(steps):
            raise ValueError("two overrides of one step contradict each other")
        return self


class Evidence(Part):
    """Something that claims rest on: a file beside the assessment, or a public source."""

    kind: Literal["experiment", "paper", "incident", "dataset", "expert"]
    uri: Text | None = None
    path: Text | None = None
    sha256: Sha256 | None = None
    arms: tuple[Literal["open", "closed", "existing"], ...] = ()
    accessed: date
    summary: Text
    independent: bool

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.uri is None) == (self.path is None):
            raise ValueError("give either uri or path")
        if self.path is not None and self.sha256 is None:
            raise ValueError("a local file needs its sha256")
        return self


class Rule(Part):
    """A rule of the gate (see ``gate.py``); ``else`` says what happens when it does not hold."""

    when: Text = "vector == *"
    require: Text
    otherwise: Literal["block", "review", "warn"] = Field(default="block", alias="else")


class Waiver(Part):
    """Who lets a release pass in spite of a rule (counted from 1), why, and until when."""

    rule: Annotated[int, Field(ge=1)]
    owner: Text
    reason: Text
    expires: date


class Gate(Part):
    """What a release must fulfil; without rules, the default ones."""

    rules: tuple[Rule, ...] = ()
    waivers: tuple[Waiver, ...] = ()


class Assessment(Part):
    """One assessment of one model."""

    schema_version: Literal[1]
    model: ModelInfo
    assets: Assets
    properties: dict[str, Property]
    benefits: tuple[Benefit, ...] = ()
    responsibility_split: Annotated[tuple[Practice, ...], Field(min_length=1)]
    vectors: Annotated[tuple[Vector, ...], Field(min_length=1)]
    evidence: dict[Id, Evidence] = {}
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.properties) != set(PROPERTIES):
            odd = sorted(set(self.properties) ^ set(PROPERTIES))
            raise ValueError(f"properties are exactly {', '.join(PROPERTIES)}; not so: {odd[0]}")
        for what, ids in (
            ("vector", [v.id for v in self.vectors]),
            ("benefit", [b.id for b in self.benefits]),
        ):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise ValueError(f"the {what} '{twice[0]}' stands twice")
        return self
