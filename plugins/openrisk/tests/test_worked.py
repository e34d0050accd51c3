"""The worked examples and the prior studies of the paper; changes between versions; dates."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import interleaf_openrisk
from interleaf.errors import ProblemsFound
from interleaf_openrisk.comparing import changes
from interleaf_openrisk.completeness import STEPS, scores
from interleaf_openrisk.documents import LIMITS
from interleaf_openrisk.formats import FORMATS, written
from interleaf_openrisk.gate import decide
from interleaf_openrisk.reading import read_assessment
from interleaf_openrisk.schema import VECTORS
from interleaf_openrisk.skeleton import WORKED, coded, studies, worked

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example")
TODAY = date(2026, 6, 1)


def call(*words):
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def read(tmp_path, text):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    return read_assessment(file)


@pytest.mark.parametrize("name", WORKED)
def test_worked_examples_go_through_all_six_steps(tmp_path, name):
    found = read(tmp_path, worked(name))
    (told,) = scores(found.assessment).values()
    assert told.complete and not found.missing
    reasons = {o.step: o.reason for o in found.assessment.vectors[0].overrides}
    assert set(told.raised) == set(reasons)  # no override that changes nothing
    level = {"vulnerability_detection": "low", "altered_ncii": "considerable"}[name]
    assert found.assessment.vectors[0].judgement.level == level
    for to in FORMATS:
        text = written(found, TODAY, to).decode()
        if to in ("html", "md", "hfcard"):
            assert all(limit in text for limit in LIMITS) and "raised by the reviewer" in text
            assert all(reason in text.replace("\\", "") for reason in reasons.values())
    for spec, schema in (("1.6", SchemaVersion.V1_6), ("1.7", SchemaVersion.V1_7)):
        text = written(found, TODAY, "cyclonedx", spec=spec).decode()
        assert not JsonStrictValidator(schema).validate_str(text)


def test_prior_studies_reproduce_the_papers_rows(tmp_path):
    text = files("interleaf_openrisk").joinpath("facts", "prior_studies.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(studies()) == 7 and {r["misuse_vector"] for r in rows} == set(VECTORS)
    complete = 0
    for name, row in zip(studies(), rows, strict=True):
        found = read(tmp_path, coded(name))
        (told,) = scores(found.assessment).values()
        assert dict(zip(STEPS, told.levels, strict=True)) == {s: row[s] for s in STEPS}
        complete += told.complete
        doubtful = [o.step for o in found.assessment.vectors[0].overrides if o.reason == "doubtful"]
        assert bool(doubtful) == bool(row["ambiguous_cells"])
    assert complete == 1


def test_init_gives_them(tmp_path):
    assert call("init", "--example", "altered_ncii").stdout == worked("altered_ncii")
    assert call("init", "--study", "hazell_2023").stdout == coded("hazell_2023")
    for words in ((), ("--vector", "ncii", "--study", "hazell_2023"), ("--study", "nobody_1999")):
        done = call("init", *words)
        assert done.returncode == 3 and not done.stdout


def test_two_assessments_of_one_model(tmp_path):
    for name in "ab":
        shutil.copytree(EXAMPLE, tmp_path / name)
    done = call("validate", tmp_path / "a/assessment.yaml", tmp_path / "b/assessment.yaml")
    assert done.returncode == 3 and "both assess toy 1" in done.stderr
    (tmp_path / "c.yaml").write_text(worked("altered_ncii"))
    done = call("validate", tmp_path / "a/assessment.yaml", tmp_path / "c.yaml", "--json")
    assert done.returncode == 0 and len(json.loads(done.stdout)["files"]) == 2


def test_changes_tell_levels_first_and_every_field(tmp_path):
    for name in "ab":
        shutil.copytree(EXAMPLE, tmp_path / name)
    one, two = (tmp_path / n / "assessment.yaml" for n in "ab")
    none = {"decision": [], "steps": {}, "fields": {}}
    assert changes(read_assessment(one), read_assessment(two), TODAY) == none
    text = two.read_text().replace("level: low, rationale", "level: unknown, rationale")
    text = text.replace("budget: 100 EUR", "budget: 200 EUR").replace(
        "gap: letters without links", 'gap: ""'
    )
    two.write_text(text)
    told = changes(read_assessment(one), read_assessment(two), TODAY)
    assert told["decision"] == ["pass", "review"]
    assert told["steps"] == {"spear_phishing": {"existing_defenses": ["full", "partial"]}}
    fields = told["fields"]
    assert next(iter(fields)) == "vectors.spear_phishing.judgement.level" and len(fields) == 3
    assert fields["vectors.spear_phishing.threat.actors[0].budget"] == ["100 EUR", "200 EUR"]
    assert fields["vectors.spear_phishing.existing_defenses[0].gap"][1] is None
    shown = call("diff", one, two, "--today", "2026-06-01").stdout.splitlines()
    assert shown[0] == "decision: pass -> review" and '"100 EUR" -> "200 EUR"' in "".join(shown)
    assert call("diff", one, one).stdout.startswith("no change")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2025, 12, 31), "evidence E1 is dated after 2025-12-31"),
        (date(2026, 1, 1), "the judgement is dated after"),
        (date(2027, 1, 2), "'filters keep up' was to be reviewed by 2027-01-01"),
    ],
)
def test_dates_that_call_for_a_review(day, said):
    found = read_assessment(EXAMPLE / "assessment.yaml")
    decision = decide(found, day)
    assert decision.outcome == "review" and any(said in r for r in decision.reasons)
    assert decide(found, date(2027, 1, 1)).outcome == "pass"


def test_long_names_and_direction_marks(tmp_path):
    long = "E" * 200
    shutil.copytree(EXAMPLE, tmp_path / "a")
    file = tmp_path / "a/assessment.yaml"
    whole = file.read_text()
    file.write_text(whole.replace("E3", long))
    assert long in written(read_assessment(file), TODAY, "html").decode()
    file.write_text(whole.replace("E3", long + "E"))
    with pytest.raises(ProblemsFound, match="R101"):
        read_assessment(file)
    file.write_text(whole.replace("filters keep up", '"\u202egnp.exe \u05d0"'), "utf-8")
    assert "right-to-left override" in written(read_assessment(file), TODAY, "html").decode()
