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
