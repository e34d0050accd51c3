"""The paper's ablations beside ours."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, Report
from interleaf.values import Item
from interleaf_vlogger.ablations import PAPER, Ablations
from interleaf_vlogger.example import GESTURES, teacher
from interleaf_vlogger.pairs import Teacher


def report(**values):
    return Report(tuple(Measure(name=n, value=v) for n, v in values.items()))


def test_every_variant_of_the_paper_has_a_row_and_what_is_missing_says_so():
    table = Ablations().apply([Item(report(sync=0.5, pose=3.0), "no_guidance")])
    rows = {r["variant"]: r for r in table.rows}
    assert list(rows) == list(PAPER) and rows["full"]["paper: LME (mm)"] == 3.06
    assert rows["no_guidance"]["sync"] == 0.5 and rows["no_guidance"]["note"] == ""
    assert (
        rows["full"]["sync"] is None and rows["head_only_controls"]["note"] == "of the other half"
    )


def test_a_step_that_is_no_variant_is_named():
    with pytest.raises(InvalidInput, match="no_gravity"):
        Ablations().apply([Item(report(sync=0.5), "no_gravity")])


def test_over_the_rest_pose_a_clip_keeps_its_own():
    over_mean, over_rest = (Teacher(teacher(residual=r))._clips[0][1] for r in (True, False))
    assert over_mean.shape == over_rest.shape
    assert np.abs(over_rest.mean(0)).max() > 3 * np.abs(over_mean.mean(0)).max()


def test_the_pipeline_runs(tmp_path):
    found = interleaf.run(
        "vlogger/ablations", store=str(tmp_path / "store"), out=tmp_path / "out", gestures=GESTURES,
        pattern="", speech="murmur", body="capsule", utterances=3, held=2, width=16, layers=1, steps=2,
        batch=2,
    )  # fmt: skip
    (file,) = found.outputs["table"]
    rows = {r["variant"]: r for r in csv.DictReader(file.open())}
    assert [n for n, r in rows.items() if r["note"]] == list(PAPER)[4:]
    assert rows["full"]["pose (degrees)"] != rows["no_residual_pose"]["pose (degrees)"]
