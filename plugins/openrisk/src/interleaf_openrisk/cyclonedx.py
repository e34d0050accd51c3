"""An assessment as a CycloneDX ML-BOM, 1.6 or 1.7 (JSON).

The model is a component with a model card: measured uplift as performance metrics, the judged vectors as
ethical considerations, the limits of the method as technical limitations. Equal input gives equal bytes:
the serial number is the digest of the content.
"""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version
from typing import Any, get_args
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from interleaf_openrisk.completeness import STEPS, scores
from interleaf_openrisk.config import Spec
from interleaf_openrisk.documents import LIMITS
from interleaf_openrisk.gate import attempts_for, decide
from interleaf_openrisk.mapping import Mapped
from interleaf_openrisk.measured import headline, shipped
from interleaf_openrisk.reading import Read
from interleaf_openrisk.results import Comparison, compare
from interleaf_openrisk.schema import Assessment, Evidence, Vector

SPECS: tuple[Spec, ...] = get_args(Spec)
NAMESPACE = "interleaf:openrisk"
Json = dict[str, Any]


def to_cyclonedx(
    read: Read, today: date, spec: Spec = "1.6", mapped: tuple[Mapped, ...] = ()
) -> str:
    """The bill of materials as JSON text, dated ``today``."""
    component = _component(read, today, mapped)
    serial = uuid5(NAMESPACE_URL, json.dumps([spec, today.isoformat(), component], sort_keys=True))
    tool = {
        "type": "application", "name": "interleaf-openrisk", "version": version("interleaf-openrisk"),
    }  # fmt: skip
    bom = {
        "$schema": f"http://cyclonedx.org/schema/bom-{spec}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": f"{today.isoformat()}T00:00:00Z",
            "tools": {"components": [tool]},
            "component": component,
        },
    }
    return json.dumps(bom, ensure_ascii=False, indent=1) + "\n"


def _component(read: Read, today: date, mapped: tuple[Mapped, ...]) -> Json:
    a = read.assessment
    found: Json = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": a.model.name,
        "version": a.model.version,
        "licenses": [{"license": {"name": a.model.license}}],
        "externalReferences": [_evidence(name, e) for name, e in a.evidence.items()],
        "modelCard": _card(read),
        "properties": _properties(read, today, mapped),
    }
    if a.model.base_model not in ("", "none"):
        ancestor = {"type": "machine-learning-model", "name": a.model.base_model}
        found["pedigree"] = {"ancestors": [ancestor]}
    if weights := shipped(read):
        found["components"] = [
            {"type": "file", "name": w.path, "hashes": [_hash(w.sha256)]} for w in weights
        ]
    return found


def _hash(sha256: str) -> Json:
    return {"alg": "SHA-256", "content": sha256}


def _evidence(name: str, told: Evidence) -> Json:
    independent = "independent" if told.independent else "not independent"
    accessed = told.accessed.isoformat()
    found: Json = {
        "type": "evidence",
        "url": quote(told.uri or told.path or "", safe="/:?#[]@!$&'()*+,;=%~"),
        "comment": f"{name} ({told.kind}, {independent}, accessed {accessed}): {told.summary}",
    }
    if told.sha256:
        found["hashes"] = [_hash(told.sha256)]
    return found


def _card(read: Read) -> Json:
    a = read.assessment
    applicable = [v for v in a.vectors if v.applicability == "applicable"]
    considerations = {
        "technicalLimitations": [f"Of this assessment: {limit}" for limit in LIMITS],
        "ethicalConsiderations": [_consideration(v) for v in applicable],
    }
    card: Json = {"modelParameters": {"task": a.model.modality}, "considerations": considerations}
    metrics = [m for v in applicable for m in _metrics(read, v)]
    if metrics := metrics + _measured(read):
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card


def _consideration(vector: Vector) -> Json:
    judged = vector.judgement
    level = judged.level if judged else "unknown"
    found = {"name": f"{vector.id}: marginal risk judged {level}"}
    if vector.defense_response:
        found["mitigationStrategy"] = "; ".join(r.name for r in vector.defense_response)
    return found


def _metrics(read: Read, vector: Vector) -> list[Json]:
    """Measured uplift over each reference; values are texts in this format."""
    found = []
    for name, told in compare(attempts_for(read, vector)).items():
        if isinstance(told, Comparison):
            low, high = told.interval
            ends = {"lowerBound": f"{low:.6g}", "upperBound": f"{high:.6g}"}
            value = f"{told.margin.difference:.6g}"
            found.append({
                "type": f"uplift over {name}", "value": value, "slice": vector.id,
                "confidenceInterval": ends,
            })  # fmt: skip
    return found


def _measured(read: Read) -> list[Json]:
    """What the pipeline measured; what is not known is left out here, and stands in the card."""
    found = []
    for label, m in headline(read.reports):
        if m.value is None:
            continue
        told: Json = {
            "type": m.name,
            "value": f"{m.value:.6g}",
            "slice": f"{label} {m.group}".strip(),
        }
        if m.interval:
            low, high = m.interval
            told["confidenceInterval"] = {"lowerBound": f"{low:.6g}", "upperBound": f"{high:.6g}"}
        found.append(told)
    return found


def _properties(read: Read, today: date, mapped: tuple[Mapped, ...]) -> list[Json]:
    a = read.assessment
    named: list[tuple[str, str]] = [
        ("decision", decide(read, today).outcome),
        ("decision-date", today.isoformat()),
        ("release", f"{a.model.release.kind}, {a.model.release.date.isoformat()}"),
        *((f"asset:{name}", value) for name, value in a.assets),
        *((f"property:{name}", str(p.applies).lower()) for name, p in a.properties.items()),
        *((f"benefit:{b.id}", b.claim) for b in a.benefits),
        *((f"practice:{p.implemented_by}", p.practice) for p in a.responsibility_split),
    ]
    for name, score in scores(a, read.missing).items():
        named += [
            (f"completeness:{name}:{s}", level)
            for s, level in zip(STEPS, score.levels, strict=True)
        ]
    named += [(f"mapping:{m.vector}:{m.framework}", f"{m.id} {m.title}".strip()) for m in mapped]
    named += [(f"not-applicable:{v.id}", v.reason) for v in _others(a)]
    return [{"name": f"{NAMESPACE}:{name}", "value": value} for name, value in named]


def _others(a: Assessment) -> list[Vector]:
    return [v for v in a.vectors if v.applicability == "not_applicable"]
