"""What each command prints and how it ends."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest

pytestmark = pytest.mark.usefixtures("toys")

PIPELINE = """\
version: 1
name: shapes
vars:
  n: 3
steps:
  data:  {use: toy.images, with: {n: "${vars.n}", size: 16}}
  coded: {use: toy.codec, with: {rate: 0.5}, needs: {data: data}}
  score: {use: toy.judge, needs: {subject: coded, reference: data}}
outputs: {coded: coded}
"""


def test_help_names_every_command(interleaf):
    done = interleaf("--help")
    assert done.returncode == 0
    for command in [
        "list",
        "info",
        "validate",
        "graph",
        "run",
        "runs",
        "store",
        "doctor",
        "install",
    ]:
        assert re.search(rf"^  {command} ", done.stdout, re.M)


def test_version(interleaf):
    assert re.fullmatch(r"interleaf \d+\.\d+\.\d+\n", interleaf("--version").stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["run"],
        ["--log-level", "loud", "list"],
        ["--jobs", "0", "list"],
        ["graph", "toy/demo", "--format", "crayon"],
        ["run", "toy/demo", "--frobnicate"],
        ["--store", "memory:", "store", "du"],
    ],
)
def test_wrong_use_is_2(interleaf, words):
    done = interleaf(*words)
    assert done.returncode == 2 and done.stderr and "Traceback" not in done.stderr


def test_list_shows_good_broken_and_absent(interleaf):
    text = interleaf("list").stdout
    assert "toy.images" in text and "toy/demo" in text
    assert re.search(r"toybroken +BROKEN E204 .*a_module_that_nobody_has", text)
    assert re.search(r"toyfuture +BROKEN E205 .*99", text)
    assert re.search(r"known, not installed:\n.*toyabsent", text)
    rows = {row["name"]: row for row in json.loads(interleaf("list", "--json").stdout)}
    assert rows["toy"]["status"] == "installed" and "images" in rows["toy"]["components"]
    assert rows["toybroken"]["problem"]["code"] == "E204"
    assert rows["toyplanned"]["status"] == "planned"
    assert json.loads(interleaf("--json", "list").stdout) == list(rows.values())


def test_info(interleaf, document):
    text = interleaf("info", "toy.images").stdout
    assert "Dataset" in text and re.search(r"n +int >= 1 +must be given", text)
    data = json.loads(interleaf("info", "toy.images", "--json").stdout)
    assert data["interface"] == "Dataset"
    assert {p["name"]: p.get("default") for p in data["parameters"]} == {"n": None, "size": 16}
    assert "toy.codec" in interleaf("info", "toy").stdout
    document(PIPELINE)
    assert re.search(r"coded +toy\.codec", interleaf("info", "p.yaml").stdout)
    for ref, code, said in (
        ("toy.imagez", 4, "did you mean 'images'"),
        ("toyabsent", 4, "interleaf install toyabsent"),
        ("nothing", 4, "E201"),
        ("toybroken", 4, "E204"),
        ("toy/absent", 4, "demo"),
    ):
        done = interleaf("info", ref)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_validate(interleaf, document):
    document(PIPELINE)
    assert interleaf("validate", "p.yaml").stdout == "p.yaml: valid, 3 steps, 1 outputs\n"
    assert json.loads(interleaf("validate", "p.yaml", "--json").stdout)["valid"] is True
    done = interleaf("validate", "p.yaml", "n=0", "steps.coded.with.rate=fast")
    assert done.returncode == 3
    assert re.search(r"E304 .*\[steps\.data\.with\.n\]", done.stderr)
    assert re.search(r"E302 .*\[steps\.coded\.with\.rate\]", done.stderr)
    problems = json.loads(interleaf("validate", "p.yaml", "n=0", "--json").stdout)["problems"]
    assert [p["code"] for p in problems] == ["E304"] and problems[0]["hint"] is not None


def test_unset_vars_matter_to_run_only(interleaf, document):
    document(PIPELINE.replace("n: 3", "n: ???"))
    assert interleaf("validate", "p.yaml").returncode == 0
    done = interleaf("run", "p.yaml")
    assert done.returncode == 3 and "E303" in done.stderr and "n=" in done.stderr
    assert interleaf("run", "p.yaml", "n=2").returncode == 0


@pytest.mark.parametrize(
    ("form", "start"), [("text", "data: "), ("mermaid", "flowchart"), ("dot", "digraph")]
)
def test_graph(interleaf, document, form, start):
    document(PIPELINE)
    text = interleaf("graph", "p.yaml", "--format", form).stdout
    assert text.startswith(start) and "toy.codec" in text and "coded" in text


def test_run_separates_results_from_progress(interleaf, document):
    document(PIPELINE)
    done = interleaf("run", "p.yaml", "--out", "o")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].endswith("o/manifest.json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [e["step"] for e in events if e["event"] == "finished"] == ["data", "coded", "score"]
    again = interleaf("run", "p.yaml", "--out", "o", "--json")
    manifest = json.loads(again.stdout)
    assert manifest["status"] == "ok" and all(s["hit"] for s in manifest["steps"].values())
    assert not interleaf("run", "p.yaml", "--log-level", "error").stderr


def test_options_stand_before_or_behind_the_command(interleaf, document):
    document(PIPELINE)
    for words in (["--seed", "5", "run", "p.yaml"], ["run", "p.yaml", "--seed", "5"]):
        assert json.loads(interleaf(*words, "--json").stdout)["seed"] == 5


def test_explain_and_keep(interleaf, document):
    document(PIPELINE)
    interleaf("run", "p.yaml")
    done = interleaf("run", "p.yaml", "n=4", "--explain", "coded")
    assert "config.n changed from 3 to 4" in done.stderr
    done = interleaf("run", "p.yaml", "n=5", "--keep", "data", "--json")
    assert json.loads(done.stdout)["steps"]["data"]["why"] == "kept"
    done = interleaf("run", "p.yaml", "--keep", "dta")
    assert done.returncode == 3 and "E401" in done.stderr


def test_locked(interleaf, document):
    document(PIPELINE)
    interleaf("run", "p.yaml", "--out", "o")
    assert interleaf("run", "p.yaml", "--locked", "o").returncode == 0
    done = interleaf("run", "p.yaml", "n=4", "--locked", "o")
    assert done.returncode == 1 and "E501" in done.stderr and "data" in done.stderr
    assert interleaf("run", "p.yaml", "--locked", "nowhere").returncode == 3


def test_a_missing_extra_is_4_and_named(interleaf, document):
    document("""\
        version: 1
        steps:
          data: {use: toy.images, with: {n: 1}}
          needy: {use: toyneedy.x, needs: {x: data}}
    """)
    done = interleaf("run", "p.yaml")
    assert done.returncode == 4 and "E204" in done.stderr and "interleaf-toyneedy[" in done.stderr


def test_a_place_that_cannot_be_written(interleaf, document):
    document(PIPELINE)
    (document("x", "file")).write_text("x")
    done = interleaf("run", "p.yaml", "--out", "file/o")
    assert done.returncode == 1 and "E502" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["absent.yaml"], 3, "no such file: absent.yaml"),
        (["nothing/at-all"], 4, "E201"),
        (["toy/demmo"], 4, "did you mean 'demo'"),
        (["p.yaml", "points"], 2, "settings look like points=500"),
        (["p.yaml", "n=1", "n=2"], 2, "twice"),
        (["p.yaml", "m=1"], 3, "E301"),
        (["p.yaml", "steps.code.with.rate=1"], 3, "did you mean 'coded'"),
        (["p.yaml", "--executor", "moon://"], 1, "moon://"),
        (["p.yaml", "--store", "moon://x"], 1, "moon://x"),
    ],
)
def test_likely_mistakes(interleaf, document, words, code, said):
    document(PIPELINE)
    done = interleaf("run", *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_runs_and_how_they_differ(interleaf, document):
    assert "no runs" in interleaf("runs").stdout
    document(PIPELINE)
    interleaf("run", "p.yaml", "--out", "runs/a")
    interleaf("run", "p.yaml", "n=4", "--out", "runs/b")
    rows = json.loads(interleaf("runs", "--json").stdout)
    assert sorted(r["folder"] for r in rows) == ["runs/a", "runs/b"]
    assert all(r["status"] == "ok" for r in rows)
    text = interleaf("runs", "compare", "runs/a", "runs/b").stdout
    assert re.search(r"score\.\w+ +[\d.]+ +→ +[\d.]+", text) and "steps:" in text
    assert "do not differ" in interleaf("runs", "compare", "runs/a", "runs/a").stdout
    assert interleaf("runs", "compare", "runs/a", "p.yaml").returncode == 3


def test_the_store_is_measured_and_cleared(interleaf, document):
    document(PIPELINE)
    interleaf("run", "p.yaml", "--store", "s")
    rows = json.loads(interleaf("store", "du", "--store", "s", "--json").stdout)
    assert {"data", "coded", "score"} == {r["step"] for r in rows}
    assert interleaf("--store", "s", "store", "path").stdout.strip().endswith("/here/s")
    assert "0 results" in interleaf("store", "gc", "--store", "s").stdout
    told = json.loads(
        interleaf("store", "gc", "--store", "s", "--days", "0", "--dry-run", "--json").stdout
    )
    assert told["entries"] >= 3 and told["deleted"] is False
    interleaf("store", "gc", "--store", "s", "--days", "0")
    assert json.loads(interleaf("store", "du", "--store", "s", "--json").stdout) == []
    assert interleaf("run", "p.yaml", "--store", "s").returncode == 0


def test_doctor_names_faults_and_what_to_do(interleaf):
    done = interleaf("doctor")
    assert done.returncode == 5
    assert sys.executable in done.stdout or os.path.realpath(sys.executable) in done.stdout
    assert (
        "E204" in done.stdout and "E205" in done.stdout and "pip install --upgrade" in done.stdout
    )
    assert json.loads(interleaf("doctor", "--json").stdout)["faults"]


def test_install_prints_the_command_and_refuses_the_rest(interleaf):
    done = interleaf("install", "toyabsent", "--find-links", "dist", "--dry-run")
    assert done.stdout.strip().endswith("-m pip install --find-links dist interleaf-toyabsent")
    assert done.returncode == 0
    done = interleaf("install", "toyplanned", "unheard-of")
    assert done.returncode == 4 and "E202" in done.stderr and "E201" in done.stderr
    assert not done.stdout


def test_a_closed_pipe_is_no_failure(interleaf, document):
    import subprocess

    command = f"{sys.executable} -m interleaf_cli list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
