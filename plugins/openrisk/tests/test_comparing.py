"""Disagreements and gaps, on assessments that differ in known ways."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import interleaf_openrisk
from interleaf_openrisk.comparing import disagreements, gaps
from interleaf_openrisk.reading import read_assessment

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example")


@pytest.fixture
def two(tmp_path):
    return [Path(shutil.copytree(EXAMPLE, tmp_path / n)) / "assessment.yaml" for n in "ab"]


def changed(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def between(two):
    return disagreements(*map(read_assessment, two))["vectors"]


def call(*words):
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_equal_assessments_agree(two):
    assert between(two) == {}
    done = call("compare", *two)
    assert done.returncode == 0 and done.stdout.startswith("no disagreement")


def test_every_kind_of_disagreement_is_found(two):
    changed(two[1], "level: low, rationale", "level: considerable, rationale")
    changed(two[1], "sensitivity: high", "sensitivity: low")
    changed(two[1], "closed: a hosted model with its filter", "closed: another model")
    changed(two[1], "gap: letters without links", 'gap: ""')
    told = between(two)["spear_phishing"]
    assert told["judgement"] == ["low", "considerable"]
    assert told["assumptions_weighed_differently"] == {"filters keep up": ["high", "low"]}
    assert "arm 'closed'" in told["not_comparable"][0]
    assert told["steps"] == {"existing_defenses": ["full", "partial"]}
    found = json.loads(call("compare", *two, "--json").stdout)
    assert found["vectors"]["spear_phishing"] == told and "never" in found["limits"]
    assert "considerable" in call("compare", *two).stdout


def test_what_only_one_measures_or_covers(two):
    changed(two[1], "arms: [open, closed, existing]", "arms: [open, existing]")
    changed(two[1], "text: filters keep up", "text: filters improve")
    changed(two[1], "id: custom:other", "id: custom:third")
    told = between(two)
    assert told["spear_phishing"]["not_comparable"] == ["only the first measures against closed"]
    assert told["spear_phishing"]["assumptions_only_in_first"] == ["filters keep up"]
    assert told["custom:other"] == {"only_in": "first"} and told["custom:third"] == {
        "only_in": "second"
    }


def test_gaps_name_what_is_missing_and_how_many_attempts(two):
    changed(two[0], "review_by: ", "review_by: null #")
    text = two[0].read_text()
    two[0].write_text(text.replace('null #"2027-01-01"}', "null}"))
    found = gaps(read_assessment(two[0]))
    told = found["vectors"]["spear_phishing"]
    assert list(told["steps"]) == ["uncertainty_assumptions"]
    over = told["attempts"]["closed"]
    assert over["made"] == [120, 120] and over["needed"] > 1000 and over["finding"] == "no evidence"
    assert found["benefits"] == {}
    (two[1].parent / "results.jsonl").unlink()
    changed(two[1], "evidence: [E2], caveat", "evidence: [], caveat")
    found = gaps(read_assessment(two[1]), 0.1)
    assert found["benefits"] == {"science": "no evidence that is there"}
    assert found["vectors"]["spear_phishing"]["attempts"]["closed"]["assumed_rate"] == 0.2
    assert found["missing_files"] == ["E1"]
    assert "would find 0.1" in call("gaps", two[1], "--delta", "0.1").stdout
    assert call("gaps", two[1], "--delta", "2").returncode == 3
