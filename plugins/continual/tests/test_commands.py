"""The commands, as users call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import interleaf_continual
from interleaf_continual import advice

HERE = Path(interleaf_continual.__file__).parent
TEXT = HERE / "example.txt"


def call(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interleaf_cli", "continual", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def told(*words: object) -> str:
    done = call(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pack_and_audit_count_every_window(tmp_path):
    assert "10,693 tokens" in told("pack", TEXT, "--out", tmp_path / "bin")
    found = json.loads(told(
        "audit", tmp_path / "bin", "--old", TEXT, "--fraction", 0.25, "--window", 32, "--json"
    ))  # fmt: skip
    new, old = found["sources"]
    assert new["times"] == {"1": new["windows"]} and new["unused_tokens"] == 0
    assert abs(old["samples"] - found["samples"] / 4) <= 1 and found["largest_error"] == 0.5
    assert sum(int(t) * n for t, n in old["times"].items()) == old["samples"]
    wrong = call("audit", tmp_path / "none")
    assert wrong.returncode == 3 and "no such file" in wrong.stderr


def test_suggest_answers_with_numbers_and_their_origin():
    found = json.loads(told(
        "suggest", "--d0-loss", 2.3, "--d1-loss", 5.3, "--tolerance", 0.4, "--json"
    ))  # fmt: skip
    assert found["kind"] == "strong" and 0 < found["fraction"] <= 0.5
    assert any("measured" in o for o in found["origin"])
    assert any("2403.08763" in o for o in found["origin"])
    text = told("suggest", "--d0-loss", 2.3, "--d1-loss", 2.6, "--tolerance", 0.5)
    assert "weak shift of 0.300" in text and "from:" in text
    assert call("suggest", "--d0-loss", 2, "--d1-loss", 3, "--tolerance", 0).returncode == 3


def test_more_tolerance_never_asks_for_more_replay():
    for new in (2.4, 3.0, 4.0, 5.5, 7.0):
        found = [advice.suggest(2.3, new, t).fraction for t in (0.01, 0.05, 0.1, 0.3, 1.0, 5.0)]
        numbers = [1.0 if f is None else f for f in found]
        assert numbers == sorted(numbers, reverse=True)
        rows = advice.suggest(2.3, new, 0.1).expected
        left = [r["forgetting"] for r in rows]
        assert left == sorted(left, reverse=True)
    assert advice.suggest(2.0, 5.0, 0.1, unreplayed=0.05).fraction == 0.0


def test_a_run_is_resumed_extended_annealed_and_drawn(tmp_path):
    pytest.importorskip("torch")
    out = tmp_path / "run"
    small = ["--set", "width=16", "--set", "layers=1", "--window", 16, "--batch", 2, "--threads", 1]
    told("run", TEXT, "--out", out, "--steps", 12, "--schedule", "infinite", "--checkpoint-every", 4,
         *small)  # fmt: skip
    before = (out / "model" / "weights.safetensors").read_bytes()
    told("resume", out, "--threads", 1)  # finished: nothing to do, nothing changes
    assert (out / "model" / "weights.safetensors").read_bytes() == before
    branch = Path(told("branch", out, "--at", 8, "--anneal", 4, "--threads", 1).strip())
    assert (branch / "model" / "weights.safetensors").read_bytes() != before
    rates = [float(r.split(",")[4]) for r in (branch / "log.csv").read_text().splitlines()[1:]]
    assert rates == sorted(rates, reverse=True)
    wrong = call("branch", out, "--at", 7, "--anneal", 4)
    assert wrong.returncode == 3 and "kept: 4, 8, 12" in wrong.stderr
    told("resume", out, "--add", TEXT, "--steps", 4, "--replay", 0.25, "--threads", 1)
    assert (out / "model" / "weights.safetensors").read_bytes() != before
    told("plot", out, "--out", tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text().lstrip().startswith("<?xml")
    other = call("run", TEXT, "--out", out, "--steps", 13, *small)
    assert other.returncode == 3 and "holds another run" in other.stderr
