"""The dataset of motion files."""

import numpy as np
import pytest

import interleaf
from interleaf.errors import InterleafError, InvalidInput
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.samples import sample_motion


def test_the_manifest_names_clips_and_no_actor_stands_in_two_parts(needed):
    data = interleaf.load("body.motion", root=str(needed("motion")), manifest="motion_manifest.csv")
    assert len(data) == 306
    actors = {}
    for part in ("train", "valid", "test"):
        for row in data.split(part).rows.values():
            assert actors.setdefault(row["actor"], part) == part
    assert sum(len(data.split(p)) for p in ("train", "valid", "test")) == 306
    walks = interleaf.load(
        "body.motion", root=str(needed("motion")), manifest="motion_manifest.csv",
        where=("source=CMU", "action=walking"),
    )  # fmt: skip
    assert 0 < len(walks) < 74


def test_resampled_and_in_metres(tmp_path):
    motion = sample_motion(3)
    (tmp_path / "clip.bvh").write_text(format_bvh(motion, unit="cm"))
    data = interleaf.load("body.motion", root=str(tmp_path), fps=60.0)
    assert list(data.ids()) == ["clip"] and len(data[0].root) == 5
    place = data[0].joints.index("right_wrist")
    assert np.allclose(data[0].offsets[place], motion.offsets[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("manifest", "where", "what"),
    [
        ("name\na\n", (), "a column 'file'"),
        ("file,actor\nnone.bvh,a\n", (), "m.csv:2: no file"),
        ("file,actor\nclip.bvh,a\n", ("actor=b",), "no motion files with actor=b"),
        ("file,actor\nclip.bvh,a\n", ("player=b",), "columns: file, actor"),
    ],
)
def test_faults_of_manifests(tmp_path, manifest, where, what):
    (tmp_path / "clip.bvh").write_text(format_bvh(sample_motion(2)))
    (tmp_path / "m.csv").write_text(manifest)
    with pytest.raises(InvalidInput, match=what):
        list(interleaf.load("body.motion", root=str(tmp_path), manifest="m.csv", where=where))


def test_nothing_there(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(InterleafError, match="no "):
            list(interleaf.load("body.motion", root=str(root)))
