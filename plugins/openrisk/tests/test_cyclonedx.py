"""Bills of materials, held to the schemas that cyclonedx-python-lib bundles."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import interleaf_openrisk
from interleaf_openrisk.cyclonedx import SPECS, to_cyclonedx
from interleaf_openrisk.mapping import read_mapping
from interleaf_openrisk.reading import read_assessment
from interleaf_openrisk.uplift import BadCounts

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example")
TODAY = date(2026, 6, 1)
SCHEMAS = {"1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}


def faults(text: str, spec: str) -> str:
    return str(JsonStrictValidator(SCHEMAS[spec]).validate_str(text) or "")


def made(file=EXAMPLE / "assessment.yaml", **words):
    return json.loads(to_cyclonedx(read_assessment(file), TODAY, **words))


def named(bom):
    return {p["name"]: p["value"] for p in bom["metadata"]["component"]["properties"]}


@pytest.mark.parametrize("spec", SPECS)
def test_it_fits_the_bundled_schema(spec):
    read = read_assessment(EXAMPLE / "assessment.yaml")
    text = to_cyclonedx(read, TODAY, spec)
    assert not faults(text, spec) and text == to_cyclonedx(read, TODAY, spec)
    broken = text.replace('"SHA-256"', '"SHA-1024"', 1)
    assert "SHA-1024" in faults(broken, spec)  # the validator does look


def test_what_it_says():
    bom = made()
    component = bom["metadata"]["component"]
    metrics = component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [m["type"] for m in metrics] == ["uplift over closed", "uplift over existing"]
    assert all(m["slice"] == "spear_phishing" and isinstance(m["value"], str) for m in metrics)
    considered = component["modelCard"]["considerations"]
    assert considered["ethicalConsiderations"] == [
        {"name": "spear_phishing: marginal risk judged low", "mitigationStrategy": "training"}
    ]
    assert any("unknown unknowns" in x for x in considered["technicalLimitations"])
    assert [c["hashes"][0]["alg"] for c in component["components"]] == ["SHA-256"]
    assert [r["type"] for r in component["externalReferences"]] == ["evidence"] * 3
    told = named(bom)
    assert told["interleaf:openrisk:decision"] == "pass"
    assert told["interleaf:openrisk:completeness:spear_phishing:marginal_risk_evidence"] == "full"
    assert told["interleaf:openrisk:not-applicable:custom:other"] == "the model cannot do it"
    other = json.loads(to_cyclonedx(read_assessment(EXAMPLE / "assessment.yaml"), date(2026, 6, 2)))
    assert other["serialNumber"] != bom["serialNumber"]


@pytest.mark.parametrize("spec", SPECS)
def test_odd_text_still_fits(tmp_path, spec):
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "a"))
    file = folder / "assessment.yaml"
    text = file.read_text().replace("https://example.org/paper", 'https://example.org/a b<>\\"ü{}^')
    file.write_text(text.replace("base_model: none", "base_model: another"))
    written = to_cyclonedx(read_assessment(file), TODAY, spec)
    assert not faults(written, spec)
    assert (
        json.loads(written)["metadata"]["component"]["pedigree"]["ancestors"][0]["name"]
        == "another"
    )


def test_a_mapping_is_the_users(tmp_path):
    file = tmp_path / "map.csv"
    file.write_text("vector,framework,id,title\nspear_phishing,Ours,R-1,Letters\nncii,Ours,R-2,x\n")
    mapped = read_mapping(file, ["spear_phishing"])
    assert (
        named(made(mapped=mapped))["interleaf:openrisk:mapping:spear_phishing:Ours"]
        == "R-1 Letters"
    )
    command = [sys.executable, "-m", "interleaf_cli", "openrisk", "render"]
    words = [EXAMPLE / "assessment.yaml", "--mapping", file, "--to", "md"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert "| spear phishing | Ours | R-1 | Letters |" in done.stdout and "R-2" not in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "first line"),
        ("vector,framework,id\nncii,NIST\n", "line 2: not a value"),
        ("vector,framework,id\nncii,NIST,1,2\n", "line 2: not a value"),
        ("vector,framework,id\nncii,N,1\nncii,N,1\n", "line 3 repeats line 2"),
        ('vector,framework,id\n"ncii,N,1\n', "unexpected end"),
    ],
)
def test_bad_mappings(tmp_path, text, said):
    file = tmp_path / "map.csv"
    file.write_text(text)
    with pytest.raises(BadCounts, match=said):
        read_mapping(file, ["ncii"])
    with pytest.raises(BadCounts, match="cannot be read"):
        read_mapping(tmp_path / "none.csv", ["ncii"])


@pytest.mark.parametrize("to", ["cyclonedx", "sha256"])
def test_the_command(tmp_path, to):
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "a"))
    command = [
        sys.executable,
        "-m",
        "interleaf_cli",
        "openrisk",
        "render",
        "assessment.yaml",
        "--to",
        to,
    ]
    done = subprocess.run([*command, "--spec", "1.7"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    if to == "cyclonedx":
        assert not faults(done.stdout, "1.7")
        done = subprocess.run(
            [*command, "--spec", "1.2"], capture_output=True, text=True, cwd=folder
        )
        assert done.returncode == 3 and "1.6 or 1.7" in done.stderr
    else:
        checked = subprocess.run(["sha256sum", "-c"], input=done.stdout, text=True, cwd=folder)
        assert checked.returncode == 0
