"""Videos become data: on clips that the package draws itself, whose every pose is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import wavfile

import interleaf_vlogger.building as building
from interleaf.errors import InvalidInput
from interleaf.values import Audio
from interleaf_vlogger.building import build, split
from interleaf_vlogger.shots import REASONS, cuts

SHOT = 24


@pytest.fixture(scope="module")
def built(tmp_path_factory, filming):
    clip, sound, write = filming.clip, filming.sound, filming.write
    root = tmp_path_factory.mktemp("videos")
    out = tmp_path_factory.mktemp("out")
    one, two = clip(0), clip(5)
    yes = {"consent": "signed", "identity": "ada"}
    write(root, "good", [one, two], sound(2 * SHOT), yes)
    write(root, "unasked", [one], sound(SHOT))
    write(root, "shaking", [clip(0, jitter=2.5)], sound(SHOT), yes)
    write(root, "mute", [one], None, yes)
    write(root, "loud", [one], Audio(np.clip(sound(SHOT).samples * 40, -1, 1), 16_000), yes)
    dimmed = 40 + 40 * np.sin(np.arange(SHOT) / 2)
    flicker = (one[0] // 2 + dimmed[:, None, None, None]).astype(np.uint8)
    write(root, "flicker", [(flicker, *one[1:])], sound(SHOT), yes)
    report = build(root, out, body="capsule", limits=filming.limits, smooth=0.0)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return root, out, report, {r["id"]: r for r in rows}, (one, two)


def test_a_cut_makes_two_shots_of_it(built):
    _, _, _, rows, (one, two) = built
    assert rows["good-00000"]["shot"] == [0, SHOT] and rows["good-00024"]["shot"] == [
        SHOT,
        2 * SHOT,
    ]
    assert cuts(np.concatenate([one[0], two[0], one[0]])) == [(0, 24), (24, 48), (48, 72)]
    assert cuts(one[0]) == [(0, SHOT)] and cuts(one[0][:1]) == [(0, 1)]


def test_every_filter_rejects_its_own_and_counts(built):
    _, _, report, rows, _ = built
    assert report["shots"] == 7 and report["kept"] == 2 and report["identities"] == 1
    assert not rows["good-00000"]["rejected"] and not rows["good-00024"]["rejected"]
    for name, reason in (
        ("unasked", "consent"), ("shaking", "jitter"), ("mute", "sound"), ("loud", "clipped"),
        ("flicker", "background"),
    ):  # fmt: skip
        assert reason in rows[f"{name}-00000"]["rejected"], (name, rows[f"{name}-00000"])
        assert report["rejected"][reason] >= 1
    assert set(report["rejected"]) == set(REASONS)
    assert rows["good-00000"]["consent"] == "signed" and rows["unasked-00000"]["consent"] == ""


def test_the_fit_follows_the_pose_and_files_hold_it(built):
    _, out, _, rows, (one, _) = built
    row = rows["good-00000"]
    held = np.load(out / row["motion"])
    assert (
        held["rotvec"].shape[0] == SHOT and held["transl"].shape == (SHOT, 3) and held["fps"] == 25
    )
    assert held["expr"].shape == (SHOT, 1) and held["expr_names"].tolist() == ["jawOpen"]
    turned = held["rotvec"][..., 1].sum(1)
    assert np.corrcoef(turned, one[3])[0, 1] > 0.98
    rate, samples = wavfile.read(out / row["audio"])
    assert rate == 16_000 and len(samples) == round(SHOT / 25 * 16_000)


def test_a_build_that_was_stopped_goes_on_and_does_nothing_twice(built, monkeypatch, filming):
    root, out, report, _, _ = built
    done = []
    real = building._shots
    monkeypatch.setattr(building, "_shots", lambda f, *a: done.append(f.name) or real(f, *a))
    before = (out / "manifest.jsonl").read_bytes()
    assert (
        build(root, out, body="capsule", limits=filming.limits, smooth=0.0) == report and not done
    )
    (root / "unasked.json").write_text('{"consent": "signed", "identity": "bob"}')
    more = build(root, out, body="capsule", limits=filming.limits, smooth=0.0)
    assert done == ["unasked.mkv"] and more["kept"] == 3 and more["identities"] == 2
    (root / "unasked.json").unlink()
    build(root, out, body="capsule", limits=filming.limits, smooth=0.0)
    assert (out / "manifest.jsonl").read_bytes() == before


def test_nobody_is_in_two_parts_and_shares_are_as_said():
    parts = [split(f"person {i}") for i in range(2000)]
    assert parts == [split(f"person {i}") for i in range(2000)]
    assert 0.07 < parts.count("test") / 2000 < 0.13 and 0.07 < parts.count("valid") / 2000 < 0.13


def test_what_is_wrong_with_a_folder_is_told(tmp_path, filming):
    clip, sound, write = filming.clip, filming.sound, filming.write
    with pytest.raises(InvalidInput, match="no videos"):
        build(tmp_path, tmp_path / "out")
    part = clip(0)
    write(tmp_path, "a", [(part[0], part[1], part[2][:5])], sound(SHOT), {"consent": "yes"})
    with pytest.raises(InvalidInput, match=r"a\.npz: points are \(5, 8, 2\)"):
        build(tmp_path, tmp_path / "out", body="capsule")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(InvalidInput, match="not a mapping"):
        build(tmp_path, tmp_path / "out", body="capsule")
