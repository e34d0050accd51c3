"""The 19 given documents through the command line: code, path, line, exit code, layout."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIVEN = Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data"))
FILE = GIVEN / "framework" / "invalid_pipelines.json"
ROWS = json.loads(FILE.read_text()) if FILE.exists() else []

OURS = sorted((ROOT / "spec" / "examples" / "invalid").glob("*.yaml"))


def one_for_each_code() -> dict[str, Path]:
    """The first of our broken documents that gives each code."""
    found: dict[str, Path] = {}
    for file in OURS:
        first = file.read_bytes().partition(b"\n")[0].decode("latin-1")
        for code in re.findall(r"E\d\d\d", first):
            found.setdefault(code, file)
    return found


LINE = re.compile(r"^p\.yaml:(\d+):(\d+) (E\d\d\d) .*?(?: \[([^\]]*(?:\[\d+\])?[^\]]*)\])?$")


@pytest.mark.skipif(not ROWS, reason=f"no {FILE}: set INTERLEAF_DATA")
@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_given_document(interleaf, document, row):
    document("").write_bytes(row["yaml"].encode())
    done = interleaf("run", "p.yaml")
    found = [m.groups() for m in map(LINE.match, done.stderr.splitlines()) if m]
    codes = row["code"].split("+")
    assert sorted(code for _, _, code, _ in found) == sorted(codes), done.stderr
    assert {int(line) for line, *_ in found} == {row["line"]}
    assert any((path or "") == row["path"] for *_, code, path in found if code == codes[0]), (
        done.stderr
    )
    missing = all(code.startswith("E2") for code in codes)
    assert done.returncode == (4 if missing else 3)
    assert not done.stdout and "Traceback" not in done.stderr


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(("code", "file"), one_for_each_code().items())
def test_every_code_is_told_as_a_newcomer_needs_it(interleaf, code, file):
    done = interleaf("validate", file)
    lines = done.stderr.splitlines()
    told = [line for line in lines if re.match(rf"{re.escape(str(file))}:\d+:\d+ {code} \S", line)]
    assert told, done.stderr
    assert done.returncode == (4 if all(" E2" in x for x in lines if x[:1] == "/") else 3)
    assert "Traceback" not in done.stderr and not done.stdout
