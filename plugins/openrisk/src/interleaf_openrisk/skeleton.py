"""Assessments to begin with: every field with the question it answers, the two worked examples of the
paper in our own words, and the prior studies that the paper rates, coded for ``compare``."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from string import Template

from interleaf_openrisk.completeness import STEPS
from interleaf_openrisk.schema import PROPERTIES

WORKED = ("vulnerability_detection", "altered_ncii")

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


def worked(name: str) -> str:
    """The YAML of a worked example, one of ``WORKED``."""
    return files("interleaf_openrisk").joinpath("worked", f"{name}.yaml").read_text("utf-8")


STUDY = """\
# $study ($year), coded from the wording of the appendix of arXiv 2403.07918, row $row: which steps it covers.
# Incomplete does not mean wrong. Cells whose rating is doubtful: $doubtful.
schema_version: 1
model:
  name: $study
  version: "$year"
  license: none
  modality: a study, not a model
  release: {kind: open_weights, date: "$year-01-01"}
assets: {weights: none, code: none, data: none, checkpoints: none}
properties:
$properties
responsibility_split: [{practice: not coded, implemented_by: none}]
vectors:
  - id: $vector
    applicability: applicable
    overrides:
$overrides
    judgement:
      level: unknown
      rationale: the paper rates which steps a study covers, not what it concludes
      reviewer: Kapoor, Bommasani et al.
      date: "2024-03-07"
      conflicts: not coded
evidence: {}
"""


@cache
def studies() -> dict[str, dict[str, str]]:
    """The rows of the prior studies, by author and year such as ``hazell_2023``."""
    text = files("interleaf_openrisk").joinpath("facts", "prior_studies.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {f"{r['study'].split()[0].lower()}_{r['year']}": r for r in rows}


def coded(name: str) -> str:
    """The YAML of a prior study, one of ``studies()``: its levels as overrides that name their basis."""
    row = studies()[name]
    doubtful = row["ambiguous_cells"].split(";") if row["ambiguous_cells"] else []
    reasons = {s: "doubtful" if s in doubtful else "as worded in the appendix" for s in STEPS}
    overrides = [
        f"      - {{step: {number}, level: {row[step]}, reason: {reasons[step]}}}"
        for number, step in enumerate(STEPS, 1)
    ]
    return Template(STUDY).substitute(
        row,
        vector=row["misuse_vector"],
        doubtful=", ".join(doubtful) or "none",
        properties="\n".join(f"  {n}: {{applies: false, note: not coded}}" for n in PROPERTIES),
        overrides="\n".join(overrides),
    )
