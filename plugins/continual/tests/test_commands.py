"""The commands, as users call them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

import interleaf_continual
from interleaf.errors import InvalidInput
from interleaf_continual import advice, commands

HERE = Path(interleaf_continual.__file__).parent
TEXT = HERE / "example.txt"


def test_the_command_line_knows_them():
    command = [sys.executable, "-m", "interleaf_cli", "continual", "suggest"]
    words = ["--d0-loss", "2.3", "--d1-loss", "2.6", "--tolerance"]
    done = subprocess.run([*command, *words, "0.5"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "weak shift of 0.300" in done.stdout and "from:" in done.stdout
    done = subprocess.run([*command, *words, "0"], capture_output=True, text=True)
    assert done.returncode == 3 and "above 0" in done.stderr


def test_pack_and_audit_count_every_window(tmp_path, capsys):
    commands.pack(TEXT, tmp_path / "bin")
    assert "10,693 tokens" in capsys.readouterr().out
    commands.audit(tmp_path / "bin", [TEXT], fraction=0.25, window=32, as_json=True)
    found = json.loads(capsys.readouterr().out)
    new, old = found["sources"]
    assert new["times"] == {"1": new["windows"]} and new["unused_tokens"] == 0
    assert abs(old["samples"] - found["samples"] / 4) <= 1 and found["largest_error"] == 0.5
    assert sum(int(t) * n for t, n in old["times"].items()) == old["samples"]
    with pytest.raises(InvalidInput, match="no such file"):
        commands.audit(tmp_path / "none")


def test_suggest_answers_with_numbers_and_their_origin(capsys):
    commands.suggest(d0_loss=2.3, d1_loss=5.3, tolerance=0.4, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "strong" and 0 < found["fraction"] <= 0.25
    assert any("measured" in o for o in found["origin"])
    assert any("2403.08763" in o for o in found["origin"])
    commands.suggest(d0_loss=2.3, d1_loss=9.0, tolerance=0.001)
    assert "beyond what was measured" in capsys.readouterr().out


def test_more_tolerance_never_asks_for_more_replay():
    for new in (2.4, 3.0, 4.0, 5.5, 7.0):
        found = [advice.suggest(2.3, new, t).fraction for t in (0.01, 0.05, 0.1, 0.3, 1.0, 5.0)]
        numbers = [1.0 if f is None else f for f in found]
        assert numbers == sorted(numbers, reverse=True)
        rows = advice.suggest(2.3, new, 0.1).expected
        left = [r["forgetting"] for r in rows]
        assert left == sorted(left, reverse=True)
    assert advice.suggest(2.0, 5.0, 0.1, unreplayed=0.05).fraction == 0.0


def test_a_run_is_resumed_extended_annealed_and_drawn(tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "run"
    asked = {
        "out": out, "set_": ["width=16", "layers=1"], "window": 16, "batch": 2, "threads": 1,
        "schedule": "infinite", "checkpoint_every": 4,
    }  # fmt: skip

    def weights(folder: Path = out) -> bytes:
        return (folder / "model" / "weights.safetensors").read_bytes()

    commands.run([TEXT], steps=[12], **asked)
    first = weights()
    commands.resume(out, threads=1)  # finished: nothing to do, nothing changes
    assert weights() == first
    capsys.readouterr()
    commands.branch(out, at=8, anneal=4, threads=1)
    branch = Path(capsys.readouterr().out.strip())
    assert weights(branch) != first and weights() == first
    log = list(csv.DictReader((branch / "log.csv").open()))
    assert float(log[-1]["lr"]) < 1.65e-3
    with pytest.raises(InvalidInput, match="no checkpoint at step 7"):
        commands.branch(out, at=7, anneal=4)
    commands.resume(out, add=TEXT, steps=4, replay=0.25, threads=1)
    assert weights() != first
    commands.plot([out], tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text().lstrip().startswith("<?xml")
    with pytest.raises(InvalidInput, match="holds another run"):
        commands.run([TEXT], steps=[13], **asked)
