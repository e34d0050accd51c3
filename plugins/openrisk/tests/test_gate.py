"""The gate: rules as they are written, nothing unknown passes, and outputs are withheld."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import interleaf
import interleaf_openrisk
from interleaf.errors import ProblemsFound
from interleaf_openrisk.gate import BadRule, decide, parse
from interleaf_openrisk.reading import read_assessment, sha256

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example")
TODAY = date(2026, 6, 1)


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(EXAMPLE, tmp_path / "a"))


def with_gate(folder, *lines):
    file = folder / "assessment.yaml"
    file.write_text(file.read_text() + "gate:\n" + "".join(f"  {line}\n" for line in lines))
    return file


def outcome(folder, today=TODAY):
    return decide(read_assessment(folder / "assessment.yaml"), today)


def test_the_example_passes_by_the_default_rules(folder):
    found = outcome(folder)
    assert found.outcome == "pass" and found.reasons == ()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('{require: "completeness.min >= 1"}', "pass"),
        ('{require: "completeness.min > 1", else: block}', "fail"),
        ('{require: "uplift.upper95 < 0.001", else: review}', "review"),
        ('{require: "uplift.upper95 < 0.001", else: warn}', "pass"),
        ('{require: "uplift.lower95 < 0.5 and evidence.count >= 3"}', "pass"),
        ('{require: "evidence.independent >= 3"}', "fail"),
        ('{require: "evidence.age_days <= 30", else: review}', "review"),
        ('{require: "judgement.level == low"}', "pass"),
        ('{require: "judgement.level != low"}', "fail"),
        ('{when: "vector == ncii", require: "completeness.min >= 0"}', "insufficient"),
        ('{require: "step.ease_of_defense == 1"}', "pass"),
    ],
)
def test_rules(folder, rule, expected):
    with_gate(folder, f"rules: [{rule}]")
    found = outcome(folder)
    assert found.outcome == expected and (found.reasons or expected == "pass")


@pytest.mark.parametrize(
    "text",
    [
        "", "completeness.min", "completeness.min >= high", "__import__('os')", "uplift > 0",
        "weights.sha256 == 1", "completeness.min matches", "judgement.level < low",
        "judgement.level == safe", "completeness.min >= 1 or 1 == 1", "1 < 2",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_its_line(folder, text):
    with pytest.raises(BadRule):
        parse(text)
    file = with_gate(folder, "rules:", f"  - {{require: {json.dumps(text)}}}")
    with pytest.raises(ProblemsFound) as caught:
        read_assessment(file)
    (problem,) = caught.value.problems
    assert problem.line == len(file.read_text().splitlines()) and problem.path.startswith(
        "gate.rules[0]"
    )


def test_waivers_hold_until_they_expire_and_excuse_nothing_unknown(folder):
    rule = '{require: "completeness.min > 1"}'
    with_gate(
        folder, f"rules: [{rule}]",
        'waivers: [{rule: 1, owner: Ann, reason: a first release, expires: "2026-07-01"}]',
    )  # fmt: skip
    found = outcome(folder)
    assert found.outcome == "pass" and "waived by Ann" in found.reasons[0]
    late = outcome(folder, date(2026, 7, 2))
    assert late.outcome == "fail" and "has expired" in late.reasons[0]
    (folder / "results.jsonl").unlink()
    assert outcome(folder).outcome == "insufficient"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([
        "completeness.min >= 0.5", "uplift.upper95 < 0.5", "evidence.count >= 1",
        "weights.sha256 matches", "evidence.count < 3", "completeness.mean < 1",
    ]), min_size=1, max_size=3),
    st.sampled_from(["block", "review", "warn"]),
    st.sampled_from(["results.jsonl", "toy.safetensors"]),
)  # fmt: skip
def test_deleting_a_file_never_makes_it_pass(tmp_path_factory, rules, otherwise, gone):
    folder = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("gate") / "a"))
    lines = [f'  - {{require: "{rule}", else: {otherwise}}}' for rule in rules]
    with_gate(folder, "rules:", *lines)
    (folder / gone).unlink()
    assert outcome(folder).outcome != "pass"


def test_an_experiment_without_one_reference_is_not_enough(folder):
    lines = (folder / "results.jsonl").read_text().splitlines()
    kept = "".join(line + "\n" for line in lines if '"existing"' not in line)
    file = with_gate(folder, 'rules: [{require: "uplift.upper95 < 0.9", else: warn}]')
    before = sha256(folder / "results.jsonl")
    (folder / "results.jsonl").write_text(kept)
    file.write_text(file.read_text().replace(before, sha256(folder / "results.jsonl")))
    found = outcome(folder)
    assert found.outcome == "insufficient" and "uplift.upper95 is not known" in found.reasons[0]


PIPELINE = """\
version: 1
name: release
steps:
  facts: {{use: openrisk.facts}}
  gate: {{use: openrisk.gate, with: {{folder: {folder}, today: "2026-06-01"}}}}
outputs:
  weights: {{from: facts, gate: gate}}
"""


def run(folder, tmp_path, *words):
    file = tmp_path / "release.yaml"
    file.write_text(PIPELINE.format(folder=folder))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "interleaf_cli", "run", str(file), "--out", str(out)]
    done = subprocess.run(
        [*command, "--store", str(tmp_path / "store"), *words], capture_output=True, text=True
    )
    return done.returncode, (out / "outputs" / "weights").exists()


def test_a_pipeline_withholds_what_the_gate_does_not_pass(folder, tmp_path):
    assert run(folder, tmp_path) == (0, True)
    shutil.rmtree(tmp_path / "out")
    (folder / "results.jsonl").rename(tmp_path / "aside")  # the same store: the verdict is not old
    assert run(folder, tmp_path) == (7, False)
    (tmp_path / "aside").rename(folder / "results.jsonl")
    text = (folder / "assessment.yaml").read_text()
    with_gate(folder, 'rules: [{require: "completeness.min > 1", else: review}]')
    assert run(folder, tmp_path) == (7, False)
    (folder / "assessment.yaml").write_text(text)
    with_gate(folder, 'rules: [{require: "completeness.min > 1", else: block}]')
    assert run(folder, tmp_path) == (6, False)
    (folder / "assessment.yaml").write_text(text.replace("level: low", "level: safe"))
    assert run(folder, tmp_path)[1] is False


@pytest.mark.parametrize(
    ("rule", "code"),
    [("completeness.min >= 1", 0), ("completeness.min > 1", 6), ("no.such >= 1", 3)],
)
def test_exit_codes(folder, rule, code):
    file = with_gate(folder, f'rules: [{{require: "{rule}"}}]')
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", "gate", str(file)]
    done = subprocess.run(
        [*command, "--today", "2026-06-01", "--json"], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    if code != 3:
        told = json.loads(done.stdout)
        assert told["outcome"] == {0: "pass", 6: "fail"}[code] and "never" in told["limits"]


def test_the_component_gives_the_verdict(folder):
    report = interleaf.load("openrisk.gate", folder=str(folder), today="2026-06-01")()
    assert report.verdict.outcome == "pass"
    assert report["completeness_min/spear_phishing"].value == 1


def measured(value, interval=None, step="loss", name="loss", **coords):
    from interleaf.interfaces import Measure, Report
    from interleaf.values import Item

    reason = "" if value is not None else "not measured"
    found = Measure(name=name, value=value, interval=interval, reason=reason)
    return Item(Report((found,)), step, "", coords)


def run_gate(folder, **inputs):
    gate = interleaf.load("openrisk.gate", folder=str(folder), today="2026-06-01")
    return gate(**inputs).verdict


def test_a_rule_may_ask_for_what_a_run_measured(folder):
    with_gate(folder, 'rules: [{require: "report.loss.loss > 3 and report.loss.loss.lower95 > 2"}]')
    good, weak = measured(4.0, (3.5, 4.5)), measured(4.0, (1.0, 5.0))
    assert run_gate(folder, reports=[good]).outcome == "pass"
    assert run_gate(folder, reports=[weak]).outcome == "fail"
    assert run_gate(folder, reports=[measured(2.0, (1.0, 3.0))]).outcome == "fail"


def test_what_a_run_did_not_measure_never_passes(folder):
    with_gate(folder, 'rules: [{require: "report.loss.loss > 3", else: warn}]')
    for reports in ([], [measured(None)], [measured(4.0, step="other")], [measured(4.0, name="x")]):
        assert run_gate(folder, reports=reports).outcome == "insufficient"


def test_every_report_of_a_fanned_out_step_must_hold(folder):
    with_gate(folder, 'rules: [{require: "report.loss.loss > 3"}]')
    good, bad = measured(4.0, seed=0), measured(2.0, seed=1)
    assert run_gate(folder, reports=[good, good]).outcome == "pass"
    assert run_gate(folder, reports=[good, bad]).outcome == "fail"


def test_weights_of_the_run_are_those_assessed_or_the_release_fails(folder, tmp_path):
    from interleaf.interfaces import ModelHandle

    same, other = tmp_path / "same", tmp_path / "other"
    same.mkdir()
    other.mkdir()
    shutil.copy(folder / "toy.safetensors", same)
    (other / "toy.safetensors").write_bytes(b"other weights")
    assert run_gate(folder, model=ModelHandle("toy.model", {}, same, "a")).outcome == "pass"
    found = run_gate(folder, model=ModelHandle("toy.model", {}, other, "b"))
    assert found.outcome == "fail" and "not the assessed toy.safetensors" in found.reasons[0]


def test_card_and_bill_of_materials_tell_the_run(folder, tmp_path):
    from interleaf.interfaces import ModelHandle

    weights = tmp_path / "model"
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"made now")
    inputs = {
        "reports": [measured(3.25, (3.0, 3.5)), measured(None, step="gone", name="gone")],
        "model": ModelHandle("toy.model", {}, weights, "c"),
    }
    words = {"folder": str(folder), "today": "2026-06-01"}
    card = interleaf.load("openrisk.document", format="hfcard", **words)(**inputs).data.decode()
    digest = sha256(weights / "model.safetensors")
    assert "| loss | loss | 3\\.25 | 3 to 3.5 | 1 |" in card and digest in card
    assert "not known: not measured" in card
    bom = interleaf.load("openrisk.document", format="cyclonedx", **words)(**inputs).data
    component = json.loads(bom)["metadata"]["component"]
    assert component["components"][0]["hashes"][0]["content"] == digest
    metrics = component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert {"type": "loss", "value": "3.25"}.items() <= metrics[-1].items()
