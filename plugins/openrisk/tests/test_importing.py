"""Logs of other tools. The inspect_ai log is one of inspect_ai 0.3.285 with messages and events left out."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from interleaf_openrisk.importing import imported
from interleaf_openrisk.results import attempts_of
from interleaf_openrisk.uplift import BadCounts

LOG = Path(__file__).with_name("inspect.json")


def lines(file, rows):
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def garak(passed=4, total=6, **attempt):
    """As garak 0.17 writes it (``Attempt.as_dict``, ``Evaluator``)."""
    replies = [[0.0, 1.0], [0.5, 0.2], [None, 0.0], [0.49, 0.0]]
    return [
        {"entry_type": "start_run setup", "run.eval_threshold": 0.5},
        {"entry_type": "attempt", "status": 1, "probe_classname": "p.P", "seq": 0, "detector_results": {}},
        *({"entry_type": "attempt", "status": 2, "probe_classname": "p.P", "seq": i, "prompt": "SECRET",
           "detector_results": {"d.D": scores}} | attempt for i, scores in enumerate(replies)),
        {"entry_type": "eval", "probe": "p.P", "detector": "d.D", "passed": passed, "fails": 2,
         "nones": 1, "total_evaluated": total, "total_processed": 8},
    ]  # fmt: skip


def made(kind, file, metric=""):
    return imported(kind, file, arm="open", vector="cybersecurity", metric=metric)


def test_garak_counts_hits_not_passes(tmp_path):
    rows = made("garak", lines(tmp_path / "r.report.jsonl", garak(passed=5, total=7)))
    assert [r["outcome"] for r in rows] == [False, True, True, False, False, False, False]
    assert rows[4]["task_id"] == "p.P#2" and rows[4]["seed"] == 1 and rows[0]["grader"] == "d.D"
    assert "SECRET" not in json.dumps(rows) and len(attempts_of(rows)) == 7


def test_garak_reports_must_agree_with_themselves(tmp_path):
    file = tmp_path / "r.jsonl"
    with pytest.raises(BadCounts, match="2 of 7 passed, its attempts say 5 of 7"):
        made("garak", lines(file, garak(passed=2, total=7)))  # passes and hits exchanged
    with pytest.raises(BadCounts, match="no report of garak"):
        made("garak", lines(file, [{"vector": "x"}]))
    two = garak(5, 7, detector_results={"d.D": [1.0], "d.E": [0.0]})
    with pytest.raises(BadCounts, match=r"the detectors are d\.D, d\.E"):
        made("garak", lines(file, two))
    assert {r["grader"] for r in made("garak", lines(file, two[:-1]), "d.E")} == {"d.E"}
    with pytest.raises(BadCounts, match="is 'x'"):
        made("garak", lines(file, garak(5, 7, detector_results={"d.D": ["x"]})))
    with pytest.raises(BadCounts, match="no graded attempt"):
        made("garak", lines(file, garak()[:2]))


def test_inspect_logs():
    rows = made("inspect", LOG)
    assert [r["outcome"] for r in rows] == [True, True, False, False] * 2
    assert rows[0] == {
        "vector": "cybersecurity", "task_id": "sums#s2", "arm": "open", "seed": 1, "outcome": True,
        "grader": "match",
    }  # fmt: skip


def test_inspect_archives(tmp_path):
    whole = json.loads(LOG.read_text())
    file = tmp_path / "a.eval"
    with zipfile.ZipFile(file, "w") as archive:
        for sample in whole.pop("samples"):
            archive.writestr(
                f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample)
            )
        archive.writestr("header.json", json.dumps(whole))
    by = lambda r: (r["task_id"], r["seed"])  # noqa: E731
    assert made("inspect", file) == sorted(made("inspect", LOG), key=by)
    file.write_bytes(file.read_bytes()[:200] + b"\0" * 50 + file.read_bytes()[250:])
    with pytest.raises(BadCounts, match="cannot be read"):
        made("inspect", file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(status="started"), "ended with 'started'"),
        (lambda d: d["samples"][0]["scores"]["match"].update(value="P"), "match gave 'P'"),
        (lambda d: d["samples"][0]["scores"]["match"].update(value=0.5), "match gave 0.5"),
        (
            lambda d: d["samples"][0]["scores"].update(other={"value": 1}),
            "scorers are match, other",
        ),
        (lambda d: d["samples"][0].pop("scores"), "scorers are none"),
        (lambda d: d.update(samples=[]), "no graded attempt"),
    ],
)
def test_logs_that_cannot_be_counted(tmp_path, change, said):
    data = json.loads(LOG.read_text())
    change(data)
    file = tmp_path / "l.json"
    file.write_text(json.dumps(data))
    with pytest.raises(BadCounts, match=said):
        made("inspect", file)
    file.write_text("[")
    with pytest.raises(BadCounts, match="no JSON"):
        made("inspect", file)


def test_lm_eval_samples(tmp_path):
    rows = [
        {
            "doc_id": i,
            "doc": "SECRET",
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": float(hit),
        }
        for name, hits in (("strict-match", (1, 0, 0)), ("flexible-extract", (1, 1, 0)))
        for i, hit in enumerate(hits)
    ]
    file = lines(tmp_path / "samples_gsm8k_2026-11-24T10-00-00.jsonl", rows)
    with pytest.raises(BadCounts, match="once for each filter"):
        made("lm-eval", file)
    found = made("lm-eval", file, ",flexible-extract")
    assert [r["outcome"] for r in found] == [True, True, False]
    assert found[1]["task_id"] == "gsm8k#1" and "SECRET" not in json.dumps(found)
    two = [r | {"metrics": ["exact_match", "f1"], "f1": 0.5} for r in rows[:3]]
    with pytest.raises(BadCounts, match="metrics are exact_match, f1"):
        made("lm-eval", lines(file, two))
    assert len(made("lm-eval", file, "exact_match")) == 3
    with pytest.raises(BadCounts, match=r"f1 is 0\.5"):
        made("lm-eval", file, "f1")
    with pytest.raises(BadCounts, match="means only"):
        made("lm-eval", tmp_path / "results.json")


def test_the_command_joins_arms(tmp_path):
    whole = ""
    for arm in ("open", "existing"):
        command = [sys.executable, "-m", "interleaf_cli", "openrisk", "import", str(LOG)]
        words = ["--from", "inspect", "--arm", arm, "--vector", "ncii"]
        done = subprocess.run([*command, *words], capture_output=True, text=True)
        assert done.returncode == 0 and "8 attempts, 4 succeeded" in done.stderr
        whole += done.stdout
    (tmp_path / "r.jsonl").write_text(whole)
    words = ["uplift", "--results", str(tmp_path / "r.jsonl"), "--json"]
    done = subprocess.run([*command[:4], *words], capture_output=True, text=True)
    assert json.loads(done.stdout)["vectors"]["ncii"]["existing"]["difference"] == 0
    words = ["--from", "excel", "--arm", "open", "--vector", "ncii"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 3 and "garak, inspect, lm-eval" in done.stderr
    words = ["--from", "inspect", "--arm", "ours", "--vector", "ncii"]
    assert subprocess.run([*command, *words], capture_output=True).returncode == 3
