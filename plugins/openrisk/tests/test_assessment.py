"""Assessments: every fault with its line, completeness from the fields alone."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import ProblemsFound
from interleaf_openrisk.completeness import STEPS, score, scores
from interleaf_openrisk.reading import read_assessment, references, sha256
from interleaf_openrisk.schema import Assessment

DEFENCE, EXPERIMENT = "vectors[0].existing_defenses[0]", "vectors[0].marginal.experiments[0]"
WHOLE = Path(__file__).with_name("whole.yaml")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy.safetensors").write_bytes(b"weights")
    (tmp_path / "results.jsonl").write_text("{}\n")
    text = WHOLE.read_text()
    for name, file in (("WEIGHTS", "toy.safetensors"), ("RESULTS", "results.jsonl")):
        text = text.replace(name, sha256(tmp_path / file))
    (tmp_path / "a.yaml").write_text(text)
    return tmp_path


def found(folder):
    return read_assessment(folder / "a.yaml")


def faults(folder, text):
    (folder / "b.yaml").write_text(text)
    with pytest.raises(ProblemsFound) as caught:
        read_assessment(folder / "b.yaml")
    return caught.value.problems


def call(*words):
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_whole_assessment_is_complete(folder):
    read = found(folder)
    told = scores(read.assessment, read.missing)
    assert set(told) == {"spear_phishing"} and told["spear_phishing"].complete
    assert told["spear_phishing"].mean == told["spear_phishing"].minimum == 1


@pytest.mark.parametrize(
    ("old", "new", "code", "path", "said"),
    [
        ("name: toy", "nome: toy", "R101", "model.nome", "unknown field 'nome'"),
        ("  license: Apache-2.0\n", "", "R101", "model", "'license' is missing"),
        ("level: low", "level: safe", "R101", "vectors[0].judgement.level", "Input should be 'low'"),
        ("low: 0.7", "low: 0.95", "R101", f"{DEFENCE}.efficacy", "not in order"),
        ("estimate: 0.8", "estimate: 1.8", "R101", f"{DEFENCE}.efficacy.estimate", "less"),
        ("value: 100", "value: .inf", "R101", "vectors[0].existing_risk.figures[0].value", "finite"),
        ("id: spear_phishing", "id: spearfishing", "R101", "vectors[0].id", "no vector 'spearfishing'"),
        ("    reason: the model cannot do it\n", "", "R101", "vectors[1]", "needs a reason"),
        ("experiments: [E1]", "experiments: [E9]", "R102", EXPERIMENT, "no evidence 'E9'"),
        ("experiments: [E1]", "experiments: [E2]", "R102", EXPERIMENT, "kind paper"),
        ("path: results.jsonl", "path: ../results.jsonl", "R104", "evidence.E1.path", "leaves"),
        ("path: results.jsonl", "path: /etc/passwd", "R104", "evidence.E1.path", "leaves"),
        ("schema_version: 1", "schema_version: 0", "R105", "schema_version", "version 0"),
        ("id: custom:other", "id: spear_phishing", "R101", "", "stands twice"),
        ("  inability_to_monitor: {applies: true}\n", "", "R101", "", "inability_to_monitor"),
        ("applies: true, note", "applies: maybe, note", "R101", "properties.broader_access.applies", "bool"),
        ('date: "2026-01-02"', 'date: "yesterday"', "R101", "vectors[0].judgement.date", "date"),
        ("  name: toy", "  name: toy\n  name: toy", "E104", "model.name", "twice"),
    ],
)  # fmt: skip
def test_faults_stand_where_they_are(folder, old, new, code, path, said):
    text = (folder / "a.yaml").read_text()
    assert old in text
    told = faults(folder, text.replace(old, new, 1))
    assert any(p.code == code and p.path == path and said in p.message for p in told), told
    lines = text.replace(old, new, 1).splitlines()
    for problem in told:
        if problem.path and not problem.path.endswith("]"):
            key = re.split(r"[.\[]", problem.path.rstrip("]0123456789[").rstrip("."))[-1]
            assert problem.line and key.split("]")[-1] in " ".join(
                lines[problem.line - 2 : problem.line]
            )


def test_changed_and_absent_files(folder):
    (folder / "results.jsonl").write_text("changed\n")
    with pytest.raises(ProblemsFound, match=r"R103 results.jsonl is not the file"):
        found(folder)
    (folder / "results.jsonl").unlink()
    read = found(folder)
    assert read.missing == ("E1",)
    told = scores(read.assessment, read.missing)["spear_phishing"]
    assert (
        not told.complete and told.levels[4] == "partial" and told.levels[3] == "full"
    )  # incidents
    (folder / "results.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(ProblemsFound, match="R104"):
        found(folder)


def paths(data, at=()):
    yield at
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield from paths(value, (*at, key))


def test_every_mutation_is_caught_with_its_line(folder):
    """Each field made a wrong type, each required one removed, an unknown one added everywhere."""
    data = yaml.safe_load((folder / "a.yaml").read_text())
    caught = 0
    for at in list(paths(data)):
        for mutate in ("wrong", "remove", "add", "null"):
            spoilt = copy.deepcopy(data)
            parent = spoilt
            for key in at[:-1]:
                parent = parent[key]
            here = parent[at[-1]] if at else spoilt
            if mutate == "add" and isinstance(here, dict) and at[-1:] not in (("evidence",),):
                here["strange_field"] = 1
            elif mutate == "wrong" and at:
                parent[at[-1]] = {"strange": []} if not isinstance(here, dict) else "text"
            elif mutate in ("remove", "null") and at and isinstance(parent, dict):
                parent[at[-1]] = None
                if mutate == "remove":
                    del parent[at[-1]]
                if _may_be_absent(spoilt):
                    continue
            else:
                continue
            (folder / "m.yaml").write_text(yaml.safe_dump(spoilt, sort_keys=False))
            with pytest.raises(ProblemsFound) as error:
                read_assessment(folder / "m.yaml")
            assert all(p.file and p.message for p in error.value.problems)
            assert any(p.line for p in error.value.problems), (at, mutate)
            caught += 1
    assert caught >= 300, caught


def _may_be_absent(data):
    try:
        found = Assessment.model_validate(data)
    except ValueError:
        return False
    return all(ref in found.evidence for _, ref in references(found))


def test_hostile_yaml_is_refused(folder):
    text = (folder / "a.yaml").read_text()
    bomb = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(5)) + text
    told = faults(folder, bomb)
    assert told and all(p.line for p in told)
    assert faults(folder, text.replace("  name: toy", "\tname: toy", 1))[0].code == "E100"
    assert faults(folder, "schema_version: !!python/name:os.system 1\n")
    (folder / "c.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_assessment(folder / "c.yaml").assessment.model.name == "toy"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_more_never_scores_less_and_order_is_nothing(data):
    text = WHOLE.read_text().replace("WEIGHTS", "a" * 64).replace("RESULTS", "b" * 64)
    raw = yaml.safe_load(text)
    vector = raw["vectors"][0]
    for name in ("existing_defenses", "defense_response", "assumptions"):
        if data.draw(st.booleans(), label=name):
            vector[name] = []
    for name in ("experiments", "incidents", "statement"):
        if data.draw(st.booleans(), label=name):
            vector["marginal"].pop(name)
    if data.draw(st.booleans(), label="figures"):
        vector["existing_risk"].pop("figures")
    less = Assessment.model_validate(raw)
    more = Assessment.model_validate(yaml.safe_load(text))
    one, two = (score(a.vectors[0], a.evidence) for a in (less, more))
    order = ["absent", "partial", "full"]
    assert all(
        order.index(a) <= order.index(b) for a, b in zip(one.levels, two.levels, strict=True)
    )
    gone = data.draw(st.sets(st.sampled_from(["E1", "E2", "E3"])))
    without = score(more.vectors[0], more.evidence, gone)
    assert all(
        order.index(a) <= order.index(b) for a, b in zip(without.levels, two.levels, strict=True)
    )
    raw = yaml.safe_load(text)
    raw["evidence"] = dict(reversed(raw["evidence"].items()))
    raw["vectors"].reverse()
    turned = Assessment.model_validate(raw)
    assert score(turned.vectors[1], turned.evidence) == two


def test_a_reviewer_may_lower_and_raising_is_shown(folder):
    text = (folder / "a.yaml").read_text()
    override = "    overrides: [{step: 4, level: absent, reason: the arms differ}]\n    judgement"
    (folder / "b.yaml").write_text(text.replace("    judgement", override, 1))
    told = scores(read_assessment(folder / "b.yaml").assessment)["spear_phishing"]
    assert told.levels[3] == "absent" and told.lowered == (4,) and told.raised == ()
    bare = text.replace("experiments: [E1]", "experiments: []").replace(
        "incidents: [E3]", "incidents: []"
    )
    raised = override.replace("absent", "full")
    (folder / "b.yaml").write_text(bare.replace("    judgement", raised, 1))
    told = scores(read_assessment(folder / "b.yaml").assessment)["spear_phishing"]
    assert told.levels[3] == "full" and told.raised == (4,)
    both = "{step: 4, level: full, reason: a}, {step: 4, level: absent, reason: b}"
    twice = f"    overrides: [{both}]\n    judgement"
    assert "contradict" in faults(folder, text.replace("    judgement", twice, 1))[0].message


def test_many_are_read_in_little_time(folder):
    """1,000 assessments are said to take less than 10 s; a hundred must not take a minute."""
    began = time.perf_counter()
    for _ in range(100):
        read_assessment(folder / "a.yaml")
    assert time.perf_counter() - began < 60


def test_commands(folder):
    done = call("init", "--vector", "spear_phishing", "--vector", "custom:mine")
    (folder / "new.yaml").write_text(done.stdout)
    assert call("validate", folder / "new.yaml").returncode == 0
    told = json.loads(call("score", folder / "new.yaml", "--json").stdout)
    assert told["vectors"]["custom:mine"]["mean"] == 0 and "never" in told["limits"]
    told = json.loads(call("score", folder / "a.yaml", "--json").stdout)
    assert told["vectors"]["spear_phishing"]["complete"] is True
    assert list(told["vectors"]["spear_phishing"]["steps"]) == list(STEPS)
    (folder / "a.yaml").write_text(
        (folder / "a.yaml").read_text().replace("level: low", "level: safe")
    )
    done = call("validate", folder / "a.yaml")
    assert (
        done.returncode == 3 and re.search(r"a\.yaml:\d+:\d+ R101", done.stderr) and not done.stdout
    )
    assert call("init", "--vector", "phising").returncode == 3
    schema = json.loads(call("schema").stdout)
    kept = Path(__file__).parents[3] / "spec" / "openrisk.schema.json"
    assert schema == json.loads(kept.read_text()), (
        "interleaf openrisk schema > spec/openrisk.schema.json"
    )
    assert schema["additionalProperties"] is False and "vectors" in schema["properties"]
