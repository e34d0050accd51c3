"""E206 and E503, which no document alone can provoke, through the command line."""

from __future__ import annotations

import pytest


def claim(folder, number):
    info = folder / f"claim{number}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: claim{number}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[interleaf.plugins]\nclaimed = interleaf.builtin.plugin\n"
    )


def test_a_name_claimed_twice_is_told_where_it_is_used_and_by_doctor(interleaf, document, tmp_path):
    both = tmp_path / "site"
    claim(both, 1)
    claim(both, 2)
    document("version: 1\nsteps:\n  a: {use: claimed.thing}\n")
    done = interleaf("run", "p.yaml", PYTHONPATH=str(both))
    told = done.stderr
    assert done.returncode == 4 and not done.stdout, told
    assert told.startswith("p.yaml:3:12 E206 ") and "[steps.a.use]" in told
    assert "claim1 and claim2" in told and "pip uninstall" in told
    doctor = interleaf("doctor", PYTHONPATH=str(both))
    assert "claimed" in doctor.stdout and "pip uninstall" in doctor.stdout
    assert interleaf("list", PYTHONPATH=str(both)).returncode == 0


@pytest.mark.usefixtures("toys")
def test_keep_without_an_earlier_result_says_what_to_do(interleaf, document):
    document("version: 1\nsteps:\n  data: {use: toy.ramp}\n")
    done = interleaf("run", "p.yaml", "--keep", "data", "--store", "store")
    assert done.returncode == 1 and not done.stdout, done.stderr
    assert "E503" in done.stderr and "data" in done.stderr
    assert "run once without --keep" in done.stderr and "Traceback" not in done.stderr
    assert interleaf("run", "p.yaml", "--store", "store").returncode == 0
    kept = interleaf("run", "p.yaml", "--keep", "data", "--store", "store")
    assert kept.returncode == 0, kept.stderr
