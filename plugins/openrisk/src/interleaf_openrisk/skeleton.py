"""The file an assessment begins with: every field, and the question it answers."""

from __future__ import annotations

from datetime import date
from string import Template

from interleaf_openrisk.schema import PROPERTIES

HEAD = """\
# A marginal-risk assessment: what does releasing this model add? (arXiv 2403.07918)
# Check it with:  interleaf openrisk validate FILE    and  interleaf openrisk score FILE
# It cannot show that a model is safe, and does not weigh benefits against risks.
schema_version: 1
model:
  name: NAME
  version: "1"
  weights: []              # - {path: model.safetensors, sha256: ...}: releases are held to these files
  license: LICENCE
  modality: language
  release: {kind: open_weights, date: "$today"}
assets: {weights: open, code: open, data: closed, checkpoints: none}
properties:                # which of the five hold for this release?
$properties
benefits: []               # - {id: science, claim: ..., evidence: [E1], caveat: ...}
responsibility_split:      # which practices are done by you, and which are left to others?
  - {practice: evaluation before release, implemented_by: developer}
vectors:
$vectors
evidence: {}               # E1: {kind: experiment, path: results.jsonl, sha256: ..., accessed: "$today",
                           #      arms: [open, closed, existing], summary: ..., independent: true}
"""

VECTOR = """\
  - id: $id
    applicability: applicable        # or not_applicable, with a reason
    threat:                          # 1: who would do what with it, how, with which skill and means?
      description: ""
      execution: ""
      actors: []                     # - {class: individual, skill: ..., budget: ...}
      supply_chain: []
    existing_risk:                   # 2: how large is the harm already, without open models?
      statement: ""
      figures: []                    # - {value: 1200, unit: reports, period: "2023", source: E2}
    existing_defenses: []            # 3: what works today, how well, and where does it fail?
    marginal:                        # 4: what does the open model add, over closed models with their
      arms: {open: "", closed: "", existing: ""}  #    real, fallible safeguards, and over search?
      experiments: []
      incidents: []
      statement: ""
    defense_response: []             # 5: how could defences adapt, at what cost, and who bears it?
    assumptions: []                  # 6: what does the conclusion rest on, and what would change it?
    judgement:                       # low, moderate, considerable or unknown
      {level: unknown, rationale: not yet judged, reviewer: NAME, date: "$today", conflicts: none declared}
"""


def skeleton(vectors: list[str], today: date) -> str:
    """YAML that validates, and scores nothing."""
    values = {"today": today.isoformat()}
    return Template(HEAD).substitute(
        values,
        properties="\n".join(f"  {name}: {{applies: true}}" for name in PROPERTIES),
        vectors="".join(Template(VECTOR).substitute(values, id=v) for v in vectors).rstrip("\n"),
    )
